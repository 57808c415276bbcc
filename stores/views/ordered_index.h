// Keys in order over rows: what lists page through. Changes live in memory until a checkpoint has written them; a page sees
// both. One thread, but for page's reading of the database.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "stores/rows/batch.h"
#include "stores/rows/database.h"

namespace watchword::views {

// Second byte of an index key. What is indexed, by what.
enum class Index : uint8_t {
  due = 1,  // by time; the partition's timers
  identity_all,
  identity_by_type,
  identity_by_status,
  identity_by_owner,
  jit_token_by_identity,
  service_token_all,
  service_token_by_identity,
  service_token_by_expiry,
  alert_all,
  alert_by_status,
  alert_by_principal,
};

// Index, then 8 bytes of the value (a number big-endian, or the first 8 bytes of a hash), then the row's id.
std::string index_key(Index index, uint64_t value, const Id& id);
uint64_t index_value(std::string_view text);  // first 8 bytes of the SHA-256 of a text
std::string index_prefix(Index index);
std::string index_prefix(Index index, uint64_t value);
Id id_of_index_key(std::string_view key);
uint64_t value_of_index_key(std::string_view key);

class OrderedIndex {
 public:
  explicit OrderedIndex(const rows::Database* database) : database_(database) {}

  void put(const std::string& key) { dirty_[key] = true; }
  void remove(const std::string& key) { dirty_[key] = false; }

  // Up to `limit` keys with `prefix` that come after `after` (empty: from the first), in order.
  Result<std::vector<std::string>> page(std::string_view prefix, std::string_view after,
                                        size_t limit) const;

  using Changes = std::map<std::string, bool>;
  void freeze();
  // Encodes up to `keys` frozen keys into `batch`; gives how many are left.
  size_t encode_some(rows::Batch& batch, size_t keys);
  // The frozen keys are durable; the caller destroys them where it hurts nobody.
  Changes release();
  size_t unwritten() const { return dirty_.size() + frozen_.size(); }

 private:
  const rows::Database* database_;
  Changes dirty_, frozen_;
  Changes::const_iterator next_ = frozen_.end();
  size_t left_ = 0;
};

}  // namespace watchword::views
