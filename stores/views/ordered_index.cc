#include "stores/views/ordered_index.h"

#include <algorithm>

#include "events/crypto/hash.h"

namespace watchword::views {
namespace {

void append_big_endian(std::string& out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

uint64_t read_big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// Later layers speak for a key before earlier ones do.
std::vector<std::string> merge(std::vector<std::string> stored,
                               const std::vector<std::pair<std::string, bool>>& changes,
                               size_t limit) {
  std::map<std::string, bool> merged;
  for (auto& key : stored) merged.emplace(std::move(key), true);
  for (const auto& [key, present] : changes) merged[key] = present;
  std::vector<std::string> out;
  for (const auto& [key, present] : merged) {
    if (out.size() == limit) break;
    if (present) out.push_back(key);
  }
  return out;
}

}  // namespace

std::string index_prefix(Index index) { return std::string(1, static_cast<char>(index)); }

std::string index_prefix(Index index, uint64_t value) {
  std::string key = index_prefix(index);
  append_big_endian(key, value);
  return key;
}

std::string index_key(Index index, uint64_t value, const Id& id) {
  return index_prefix(index, value).append(id.view());
}

uint64_t index_value(std::string_view text) {
  const auto hash = crypto::sha256(text);
  return read_big_endian({reinterpret_cast<const char*>(hash.data()), 8});
}

Id id_of_index_key(std::string_view key) {
  return key.size() < 16 ? Id{} : Id::from_view(key.substr(key.size() - 16));
}

uint64_t value_of_index_key(std::string_view key) {
  return key.size() < 9 ? 0 : read_big_endian(key.substr(1, 8));
}

Result<std::vector<std::string>> OrderedIndex::page(std::string_view prefix, std::string_view after,
                                                    size_t limit) const {
  std::vector<std::pair<std::string, bool>> changes;
  size_t removals = 0;
  for (const Changes* layer : {&frozen_, &dirty_}) {
    auto at = after.empty() ? layer->lower_bound(std::string(prefix))
                            : layer->upper_bound(std::max(std::string(after), std::string(prefix)));
    for (; at != layer->end() && at->first.starts_with(prefix); ++at) {
      changes.emplace_back(*at);
      removals += !at->second;
    }
  }
  std::vector<std::string> stored;
  if (database_ != nullptr) {
    const std::string table(1, static_cast<char>(rows::Table::index));
    const std::string from = table + std::string(after.empty() ? prefix : after);
    const auto status = database_->scan(
        table + std::string(prefix), from, [&](std::string_view key, std::string_view) {
          key.remove_prefix(1);
          if (after.empty() || key > after) stored.emplace_back(key);
          return stored.size() < limit + removals;
        });
    if (!status) return status.error();
  }
  return merge(std::move(stored), changes, limit);
}

void OrderedIndex::freeze() {
  frozen_ = std::move(dirty_);
  dirty_.clear();
  next_ = frozen_.begin();
  left_ = frozen_.size();
}

size_t OrderedIndex::encode_some(rows::Batch& batch, size_t keys) {
  for (; keys > 0 && left_ > 0; --keys, --left_, ++next_) {
    if (next_->second)
      batch.put(rows::Table::index, next_->first, {});
    else
      batch.remove(rows::Table::index, next_->first);
  }
  return left_;
}

OrderedIndex::Changes OrderedIndex::release() {
  Changes out;
  out.swap(frozen_);
  left_ = 0;
  return out;
}

}  // namespace watchword::views
