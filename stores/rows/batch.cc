#include "stores/rows/batch.h"

#include <algorithm>
#include <cstring>

#include "events/crypto/hash.h"

namespace watchword::rows {
namespace {

constexpr size_t kChunkBytes = 1u << 20, kRoomForRow = 8u << 10;

}  // namespace

void Batch::open_record(Table table, std::string_view key, bool removed) {
  if (chunks_.empty() || chunks_.back().size() > kChunkBytes - kRoomForRow) {
    chunks_.emplace_back();
    chunks_.back().reserve(kChunkBytes);
  }
  std::string& chunk = chunks_.back();
  records_.push_back({static_cast<uint32_t>(chunks_.size() - 1), static_cast<uint32_t>(chunk.size()),
                      static_cast<uint32_t>(key.size() + 1), 0, removed});
  chunk.push_back(static_cast<char>(table));
  chunk.append(key);
}

void Batch::begin(Table table, const Id& key) { open_record(table, key.view(), false); }

void Batch::end() {
  Extent& last = records_.back();
  last.value_size =
      static_cast<uint32_t>(chunks_.back().size() - last.key_at - last.key_size);
}

void Batch::put(Table table, std::string_view key, std::string_view value) {
  open_record(table, key, false);
  chunks_.back().append(value);
  end();
}

void Batch::remove(Table table, std::string_view key) { open_record(table, key, true); }

size_t Batch::bytes() const {
  size_t bytes = 0;
  for (const auto& chunk : chunks_) bytes += chunk.size();
  return bytes;
}

std::vector<Batch::Record> Batch::sorted() const {
  std::vector<Record> out;
  out.reserve(records_.size());
  for (const Extent& extent : records_) {
    const std::string_view all{chunks_[extent.chunk]};
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
