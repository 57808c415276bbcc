// The rows that a checkpoint writes: encoded on the loop in slices, sorted, hashed and stored by another thread.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/ids.h"

namespace watchword::rows {

// First byte of every key. 1..127: rows, part of the digest. From 128 on: indexes, derived from rows.
enum class Table : uint8_t {
  identity = 1,
  jit_token = 2,
  service_token = 3,
  secret = 4,       // SHA-256 of an `sk_` text → token
  name = 5,         // unique names, by hash
  alert = 6,
  open_alerts = 7,
  result = 8,       // answers kept for repeated calls
  attestation = 9,  // jti of attestations used
  baseline = 10,
  usage = 11,
  control = 12,
  index = 128,
};

// Not thread-safe; handed over whole. Peak memory is what it holds.
class Batch {
 public:
  // `value` is appended by the caller to buffer() between begin() and end(). Grows by chunks: nothing is ever moved.
  std::string& buffer() { return chunks_.back(); }
  void begin(Table table, const Id& key);
  void end();
  void put(Table table, std::string_view key, std::string_view value);
  void remove(Table table, std::string_view key);
  size_t rows() const { return records_.size(); }
  size_t bytes() const;

  struct Record {
    std::string_view key;  // table byte included
    std::string_view value;
    bool removed;
  };
  // In key order. A key stands once.
  std::vector<Record> sorted() const;
  // SHA-256 over the sorted rows (not the indexes): length-prefixed key, kind, length-prefixed value.
  static std::array<uint8_t, 32> digest(const std::vector<Record>& sorted, uint64_t& rows_hashed);

 private:
  struct Extent {
    uint32_t chunk, key_at, key_size, value_size;
    bool removed;
  };
  void open_record(Table table, std::string_view key, bool removed);

  std::deque<std::string> chunks_;
  std::deque<Extent> records_;
};

}  // namespace watchword::rows
