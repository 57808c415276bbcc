#include "stores/rows/hot_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "stores/rows/pod.h"

namespace watchword::rows {

struct Counter {
  uint64_t count = 0;
  uint64_t rest[7] = {};
};
template <>
struct RowTraits<Counter> {
  static constexpr Table kTable = Table::usage;
  static void encode(const Counter& row, std::string& out) { encode_pod(row, out); }
  static bool decode(std::string_view bytes, Counter& row) { return decode_pod(bytes, row); }
  static size_t heap_bytes(const Counter&) { return 0; }
};

namespace {

Id key(uint64_t number) { return mint_id_from(1, 0, number); }

using Rows = std::map<std::string, uint64_t>;

Rows written(const Batch& batch) {
  Rows out;
  for (const auto& record : batch.sorted()) {
    Counter row;
    if (!record.removed) {
      EXPECT_TRUE(decode_pod(record.value, row));
    }
    out[std::string(record.key)] = record.removed ? ~uint64_t{0} : row.count;
  }
  return out;
}

TEST(HotTable, TellsColdFromAbsentFromPresent) {
  Footprint footprint;
  HotTable<Counter> table(footprint);
  const Counter* row = nullptr;
  EXPECT_EQ(table.look(key(1), row), HotTable<Counter>::Presence::cold);
  table.install(key(1), nullptr);
  EXPECT_EQ(table.look(key(1), row), HotTable<Counter>::Presence::absent);
  table.edit(key(1)).count = 7;
  ASSERT_EQ(table.look(key(1), row), HotTable<Counter>::Presence::present);
  EXPECT_EQ(row->count, 7u);
}

TEST(HotTable, AFrozenRowIsWrittenAsItWasBeforeItsNextChange) {
  Footprint footprint;
  HotTable<Counter> table(footprint);
  table.edit(key(1)).count = 1;
  table.edit(key(2)).count = 2;
  Batch batch;
  table.freeze(batch);
  table.edit(key(1)).count = 100;
  table.erase(key(2));
  EXPECT_EQ(table.encode_some(10), 0u);
  table.end_encoding();
  const auto rows = written(batch);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows.begin()->second, 1u);
  EXPECT_EQ(std::next(rows.begin())->second, 2u);
  while (table.release_some(10) > 0) {
  }
  Batch next;
  table.freeze(next);
  EXPECT_EQ(table.encode_some(10), 0u);
  const auto later = written(next);
  EXPECT_EQ(later.begin()->second, 100u);
  EXPECT_EQ(std::next(later.begin())->second, ~uint64_t{0}) << "an erased row is a tombstone";
}

TEST(HotTable, EvictsOnlyWhatTheDatabaseHas) {
  Footprint footprint;
  HotTable<Counter> table(footprint);
  for (uint64_t i = 0; i < 1'000; ++i) table.edit(key(i)).count = i;
  EXPECT_EQ(table.evict_some(10'000), 0u) << "every row is dirty";
  Batch batch;
  table.freeze(batch);
  while (table.encode_some(100) > 0) {
  }
  table.end_encoding();
  EXPECT_EQ(table.evict_some(10'000), 0u) << "what is being written is not durable yet";
  while (table.release_some(100) > 0) {
  }
  table.edit(key(5)).count = 55;
  table.evict_some(10'000);  // the first round only notes who is not looked at
  table.evict_some(10'000);
  EXPECT_EQ(table.size(), 1u);
  const Counter* row = nullptr;
  ASSERT_EQ(table.look(key(5), row), HotTable<Counter>::Presence::present);
  EXPECT_EQ(row->count, 55u);
}

// Random edits, erasures and freezes against a map: each checkpoint holds exactly what changed since the one before, as of
// its own moment.
TEST(HotTable, CheckpointsUnderRandomWorkAgreeWithASimpleMap) {
  std::mt19937_64 random(7);
  Footprint footprint;
  HotTable<Counter> table(footprint);
  std::map<uint64_t, uint64_t> live, stored, at_freeze;
  for (int checkpoint = 0; checkpoint < 20; ++checkpoint) {
    const auto work = [&] {
      const uint64_t number = random() % 300;
      if (random() % 5 == 0) {
        table.erase(key(number));
        live.erase(number);
      } else {
        live[number] = table.edit(key(number)).count = random();
      }
    };
    for (int i = 0; i < 200; ++i) work();
    Batch batch;
    table.freeze(batch);
    at_freeze = live;
    do
      for (int i = 0; i < 10; ++i) work();
    while (table.encode_some(16) > 0);
    table.end_encoding();
    for (const auto& record : batch.sorted()) {
      Counter row;
      const Id id = Id::from_view(record.key.substr(1));
      uint64_t number = 0;
      for (uint64_t i = 0; i < 300; ++i)
        if (key(i) == id) number = i;
      if (record.removed) {
        stored.erase(number);
      } else {
        ASSERT_TRUE(decode_pod(record.value, row));
        stored[number] = row.count;
      }
    }
    ASSERT_EQ(stored, at_freeze) << "checkpoint " << checkpoint;
    while (table.release_some(7) > 0) work();
  }
}

TEST(Pod, RowsOfMostlyZeroesAreShortAndComeBackWhole) {
  Counter row;
  row.count = 5;
  row.rest[6] = 9;
  std::string bytes;
  encode_pod(row, bytes);
  EXPECT_EQ(bytes.size(), 1u + 2 * 8);
  Counter back;
  ASSERT_TRUE(decode_pod(bytes, back));
  EXPECT_EQ(std::memcmp(&row, &back, sizeof row), 0);
  EXPECT_FALSE(decode_pod(std::string_view(bytes).substr(1), back));
  EXPECT_FALSE(decode_pod(bytes + "x", back));
}

TEST(Batch, ItsDigestCoversRowsInKeyOrderAndNoIndex) {
  Batch one, two;
  one.put(Table::identity, "aaaaaaaaaaaaaaaa", "1");
  one.remove(Table::usage, "bbbbbbbbbbbbbbbb");
  two.remove(Table::usage, "bbbbbbbbbbbbbbbb");
  two.put(Table::index, "anything", "");
  two.put(Table::identity, "aaaaaaaaaaaaaaaa", "1");
  uint64_t rows = 0;
  const auto digest = Batch::digest(one.sorted(), rows);
  EXPECT_EQ(rows, 2u);
  EXPECT_EQ(Batch::digest(two.sorted(), rows), digest);
  EXPECT_EQ(rows, 2u);
  Batch other;
  other.put(Table::identity, "aaaaaaaaaaaaaaaa", "1");
  other.put(Table::usage, "bbbbbbbbbbbbbbbb", "");
  EXPECT_NE(Batch::digest(other.sorted(), rows), digest) << "an erased row is not an empty one";
}

}  // namespace
}  // namespace watchword::rows
