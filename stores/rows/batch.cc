#include "stores/rows/batch.h"

#include <algorithm>
#include <cstring>

#include "events/crypto/hash.h"

namespace watchword::rows {

void Batch::begin(Table table, const Id& key) {
  records_.push_back({buffer_.size(), 17, 0, false});
  buffer_.push_back(static_cast<char>(table));
  buffer_.append(key.view());
}

void Batch::end() {
  Extent& last = records_.back();
  last.value_size = static_cast<uint32_t>(buffer_.size() - last.key_at - last.key_size);
}

void Batch::put(Table table, std::string_view key, std::string_view value) {
  records_.push_back({buffer_.size(), static_cast<uint32_t>(key.size() + 1),
                      static_cast<uint32_t>(value.size()), false});
  buffer_.push_back(static_cast<char>(table));
  buffer_.append(key).append(value);
}

void Batch::remove(Table table, std::string_view key) {
  put(table, key, {});
  records_.back().removed = true;
}

void Batch::clear() {
  buffer_.clear();
  buffer_.shrink_to_fit();
  records_.clear();
  records_.shrink_to_fit();
}

std::vector<Batch::Record> Batch::sorted() const {
  std::vector<Record> out;
  out.reserve(records_.size());
  for (const Extent& extent : records_) {
    const std::string_view all{buffer_};
    out.push_back({all.substr(extent.key_at, extent.key_size),
                   all.substr(extent.key_at + extent.key_size, extent.value_size), extent.removed});
  }
  std::sort(out.begin(), out.end(),
            [](const Record& a, const Record& b) { return a.key < b.key; });
  return out;
}

std::array<uint8_t, 32> Batch::digest(const std::vector<Record>& sorted, uint64_t& rows_hashed) {
  crypto::Sha256 hash;
  rows_hashed = 0;
  for (const Record& record : sorted) {
    if (static_cast<uint8_t>(record.key[0]) >= static_cast<uint8_t>(Table::index)) continue;
    const uint32_t sizes[3] = {static_cast<uint32_t>(record.key.size()), record.removed,
                               static_cast<uint32_t>(record.value.size())};
    char prefix[sizeof sizes];
    std::memcpy(prefix, sizes, sizeof sizes);
    hash.update({prefix, sizeof prefix});
    hash.update(record.key);
    hash.update(record.value);
    ++rows_hashed;
  }
  return hash.finish();
}

}  // namespace watchword::rows
