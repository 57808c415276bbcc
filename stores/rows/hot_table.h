// The rows of one table that are in memory: what changed since the last checkpoint, what a checkpoint is writing, and a
// cache of the rest. One thread. Row addresses are stable until the row is evicted or erased.
//
// A freeze costs nothing at its moment: it raises a generation. Frozen rows are encoded in slices afterwards, or just before
// their first change, whichever comes first, so no turn waits for a checkpoint and no row is copied twice.
#pragma once
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <vector>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "stores/rows/batch.h"

namespace watchword::rows {

// Specialised for each row type: kTable, encode(const Row&, std::string&), decode(std::string_view, Row&) → bool,
// heap_bytes(const Row&).
template <class Row>
struct RowTraits;

// What all tables of a partition hold in memory, in bytes.
struct Footprint {
  size_t hot = 0;
  size_t dirty = 0;  // of rows changed since the last freeze
};

template <class Row>
class HotTable {
  using Traits = RowTraits<Row>;

 public:
  enum class Presence : uint8_t { cold, absent, present };

  explicit HotTable(Footprint& footprint) : footprint_(footprint) {}
  HotTable(const HotTable&) = delete;

  // absent: known not to exist. cold: not in memory; only the database knows.
  Presence look(const Id& key, const Row*& row) {
    const auto& shard = shard_of(key);
    const auto found = shard.find(key);
    if (found == shard.end()) return Presence::cold;
    Entry& entry = at(found->second);
    entry.referenced = true;
    if (entry.gone) return Presence::absent;
    row = &entry.row;
    return Presence::present;
  }

  // Asks the CPU for a row that will be wanted soon. Several such calls in a row wait for memory together, not in turn.
  void prefetch(const Id& key) {
    const auto& shard = shard_of(key);
    const auto found = shard.find(key);
    if (found == shard.end()) return;
    const auto* bytes = reinterpret_cast<const char*>(&at(found->second));
    for (size_t line = 0; line < sizeof(Entry); line += 64) __builtin_prefetch(bytes + line);
  }

  // A row read from the database; `row` empty: it does not exist there.
  void install(const Id& key, const Row* row) {
    auto& shard = shard_of(key);
    if (shard.contains(key)) return;
    Entry& entry = insert(shard, key);
    entry.gone = row == nullptr;
    if (row != nullptr) entry.row = *row;
    account(entry);
  }

  // For a change in place. The row must not be cold; one that is absent begins empty.
  Row& edit(const Id& key) {
    Entry& entry = touch(key);
    if (entry.gone) {
      entry.gone = false;
      entry.row = Row{};
    }
    return entry.row;
  }

  void save(const Id& key, Row row) {
    Entry& entry = touch(key);
    entry.gone = false;
    entry.row = std::move(row);
    account(entry);
  }

  void erase(const Id& key) {
    Entry& entry = touch(key);
    entry.gone = true;
    entry.row = Row{};
    account(entry);
  }

  // What is dirty now is frozen, into `batch`, by the coming calls of encode_some. One freeze at a time.
  void freeze(Batch& batch) {
    batch_ = &batch;
    frozen_.swap(dirty_);
    dirty_.clear();
    next_frozen_ = 0;
    ++generation_;
  }

  // Encodes up to `rows` frozen rows; gives how many of them are left.
  size_t encode_some(size_t rows) {
    for (; rows > 0 && next_frozen_ < frozen_.size(); --rows, ++next_frozen_) {
      Entry& entry = at(frozen_[next_frozen_]);
      if (entry.changed_in == generation_ - 1) encode(entry);
    }
    return frozen_.size() - next_frozen_;
  }
  void end_encoding() { batch_ = nullptr; }

  // The frozen rows are durable: up to `rows` of them become plain cache; gives how many are left.
  size_t release_some(size_t rows) {
    for (; rows > 0 && !frozen_.empty(); --rows) {
      Entry& entry = at(frozen_.back());
      if (entry.changed_in == kWritten) entry.changed_in = kClean;
      frozen_.pop_back();
    }
    return frozen_.size();
  }

  // Drops up to `steps` rows that are clean and were not looked at lately (CLOCK); gives the bytes won.
  size_t evict_some(size_t steps) {
    const size_t before = footprint_.hot;
    for (; steps > 0 && used_ > 0; --steps) {
      if (hand_ >= next_fresh_) hand_ = 0;
      Entry& entry = at(hand_++);
      if (!entry.live || entry.changed_in != kClean) continue;
      if (entry.referenced)
        entry.referenced = false;
      else
        remove(entry, hand_ - 1);
    }
    return before - footprint_.hot;
  }

  template <class Visit>
  void each(Visit visit) const {
    for (uint32_t i = 0; i < next_fresh_; ++i) {
      const Entry& entry = at(i);
      if (entry.live && !entry.gone) visit(entry.key, entry.row);
    }
  }
  // Rows that differ from the database: changed or being written. `row` is null for erased ones.
  template <class Visit>
  void each_unwritten(Visit visit) const {
    for (const auto* list : {&dirty_, &frozen_})
      for (const uint32_t slot : *list) {
        const Entry& entry = at(slot);
        if (entry.changed_in != kClean) visit(entry.key, entry.gone ? nullptr : &entry.row);
      }
  }
  size_t size() const { return used_; }
  size_t dirty() const { return dirty_.size(); }

 private:
  static constexpr uint32_t kClean = 0, kWritten = 1, kChunk = 256, kShards = 256;
  struct Entry {
    Row row{};
    Id key;
    uint32_t changed_in = kClean;  // generation, or one of the two above
    uint32_t bytes = 0;
    bool live = false, gone = false, referenced = false;
  };
  struct SameId {  // two words; the library's comparison of 16 bytes is a call
    bool operator()(const Id& a, const Id& b) const {
      uint64_t left[2], right[2];
      std::memcpy(left, a.bytes.data(), 16);
      std::memcpy(right, b.bytes.data(), 16);
      return left[0] == right[0] && left[1] == right[1];
    }
  };
  using Shard = boost::unordered_flat_map<Id, uint32_t, IdHash, SameId>;

  // Many small maps: none takes long to grow.
  Shard& shard_of(const Id& key) { return shards_[IdHash{}(key) >> 56]; }
  Entry& at(uint32_t slot) { return chunks_[slot / kChunk][slot % kChunk]; }
  const Entry& at(uint32_t slot) const { return chunks_[slot / kChunk][slot % kChunk]; }

  Entry& insert(Shard& shard, const Id& key) {
    uint32_t slot;
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else {
      slot = next_fresh_++;
      if (slot / kChunk == chunks_.size()) chunks_.push_back(std::make_unique<Entry[]>(kChunk));
    }
    shard.emplace(key, slot);
    Entry& entry = at(slot);
    entry.key = key;
    entry.live = true;
    entry.gone = true;
    entry.referenced = true;
    entry.changed_in = kClean;
    ++used_;
    account(entry);
    return entry;
  }

  void remove(Entry& entry, uint32_t slot) {
    shard_of(entry.key).erase(entry.key);
    footprint_.hot -= entry.bytes;
    entry.row = Row{};
    entry.bytes = 0;
    entry.live = false;
    free_.push_back(slot);
    --used_;
  }

  Entry& touch(const Id& key) {
    auto& shard = shard_of(key);
    const auto found = shard.find(key);
    Entry& entry = found == shard.end() ? insert(shard, key) : at(found->second);
    entry.referenced = true;
    if (entry.changed_in == generation_) return entry;
    if (entry.changed_in == generation_ - 1 && batch_ != nullptr) encode(entry);
    entry.changed_in = generation_;
    dirty_.push_back(found == shard.end() ? shard.find(key)->second : found->second);
    footprint_.dirty += entry.bytes;
    return entry;
  }

  void encode(Entry& entry) {
    if (entry.gone) {
      batch_->remove(Traits::kTable, entry.key.view());
    } else {
      batch_->begin(Traits::kTable, entry.key);
      Traits::encode(entry.row, batch_->buffer());
      batch_->end();
    }
    entry.changed_in = kWritten;
  }

  void account(Entry& entry) {
    constexpr size_t kOverhead = 32;  // the map's share of an entry
    const auto bytes = static_cast<uint32_t>(sizeof(Entry) + kOverhead + Traits::heap_bytes(entry.row));
    footprint_.hot += bytes;
    footprint_.hot -= entry.bytes;
    entry.bytes = bytes;
  }

  Footprint& footprint_;
  std::array<Shard, kShards> shards_;
  std::vector<std::unique_ptr<Entry[]>> chunks_;
  std::vector<uint32_t> free_, dirty_, frozen_;
  Batch* batch_ = nullptr;
  size_t next_frozen_ = 0, used_ = 0;
  uint32_t next_fresh_ = 0, hand_ = 0, generation_ = 2;
};

}  // namespace watchword::rows
