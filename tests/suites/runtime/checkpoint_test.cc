#include <filesystem>

#include "tests/suites/runtime/task_kit.h"

namespace watchword::runtime::testing {
namespace {

class Checkpoint : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/watchword-rows-XXXXXX";
    directory = mkdtemp(name);
    open();
  }
  void TearDown() override {
    database.reset();
    std::filesystem::remove_all(directory);
  }
  void open() {
    database.reset();
    auto opened = rows::Database::open(directory, shared);
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
    database = std::move(*opened);
  }
  // Work of many principals, a checkpoint begun in the middle of it.
  void work(Partition& partition, int rounds) {
    for (int i = 0; i < rounds; ++i) {
      clock.pass(50);
      std::vector<Sight> sights;
      for (int k = 0; k < 20; ++k)
        sights.push_back({"e" + std::to_string(clock.wall) + "-" + std::to_string(k),
                          principal(static_cast<uint8_t>((i + k * k) % 97)), clock.wall});
      observe(partition, sights);
      if (i == rounds / 2) partition.task->checkpoint_soon();
      if (i % 3 == 0) partition.sync_one();
    }
    partition.settle();
  }

  ManualClock clock;
  rows::Shared shared{8u << 20, 64u << 20};
  std::string directory;
  std::unique_ptr<rows::Database> database;
  std::shared_ptr<journal::MemoryLog> log = journal::make_memory_log(0);
};

// The rows that a fold from zero gives, in memory alone.
std::string folded_from_zero(journal::Journal& journal) {
  fold::State state(0, nullptr, 0);
  EXPECT_TRUE(state.open().ok());
  EXPECT_TRUE(journal.read(1, [&](const journal::Stored& stored) {
                       return fold::fold_frame(state, stored);
                     })
                  .ok());
  return all_rows(state);
}

// Every row in the database, as all_rows writes them.
std::string stored_rows(const rows::Database& database) {
  std::string out;
  EXPECT_TRUE(database.scan("", "", [&](std::string_view key, std::string_view value) {
                        if (key[0] != '\0') out.append(key).append("=").append(value).append("\n");
                        return true;
                      })
                  .ok());
  return out;
}

TEST_F(Checkpoint, HoldsTheRowsOfItsPositionThoughWorkWentOnWhileItWasWritten) {
  Partition partition(log, clock, database.get());
  work(partition, 60);
  const auto stamp = database->stamp();
  ASSERT_TRUE(stamp.ok());
  ASSERT_GT(stamp->seq, 1u);
  ASSERT_LT(stamp->seq, partition.state.seq());
  fold::State as_of(0, nullptr, 0);
  ASSERT_TRUE(as_of.open().ok());
  (void)partition.journal->read(1, [&](const journal::Stored& stored) -> Result<> {
    if (stored.seq > stamp->seq) return Error{Errc::conflict, "enough", ""};
    if (stored.seq == stamp->seq) {
      EXPECT_EQ(stored.hash, stamp->frame_hash);
    }
    return fold::fold_frame(as_of, stored);
  });
  EXPECT_EQ(stored_rows(*database), all_rows(as_of));
}

TEST_F(Checkpoint, AndTheTailBehindItGiveWhatAFoldFromZeroGives) {
  {
    Partition partition(log, clock, database.get());
    work(partition, 60);
  }
  open();
  Partition again(log, clock, database.get());
  work(again, 20);
  again.task->checkpoint_soon();
  again.settle();
  EXPECT_EQ(stored_rows(*database), folded_from_zero(*again.journal));
}

TEST_F(Checkpoint, RowsThatWereEvictedAreReadBackAndChangeOnFromThere) {
  fold::State probe(0, nullptr, 0);
  {
    Partition partition(log, clock, database.get());
    work(partition, 30);
    partition.task->checkpoint_soon();
    partition.settle();
  }
  open();
  Partition again(log, clock, database.get());  // cold: nothing of the checkpoint is in memory
  EXPECT_EQ(again.state.rows_in_memory<detectors::Baseline>(), 0u);
  work(again, 10);
  EXPECT_EQ(again.state.reads_on_loop(), 0u) << "another thread read them before the turns";
  again.task->checkpoint_soon();
  again.settle();
  EXPECT_EQ(stored_rows(*database), folded_from_zero(*again.journal));
}

TEST_F(Checkpoint, ColdRowsThatNoWorkerCouldReadAreReadByTheTurn) {
  {
    Partition partition(log, clock, database.get());
    work(partition, 30);
    partition.task->checkpoint_soon();
    partition.settle();
  }
  open();
  Partition again(log, clock, database.get());
  again.workers.busy = true;
  work(again, 10);
  EXPECT_GT(again.state.reads_on_loop(), 0u);
  EXPECT_EQ(all_rows(again.state).empty(), false);
  EXPECT_EQ(again.state.find<detectors::Baseline>(principal(0))->successes,
            [&] {
              fold::State whole(0, nullptr, 0);
              EXPECT_TRUE(whole.open().ok());
              EXPECT_TRUE(again.journal->read(1, [&](const journal::Stored& stored) {
                                     return fold::fold_frame(whole, stored);
                                   })
                              .ok());
              return whole.find<detectors::Baseline>(principal(0))->successes;
            }());
}

TEST_F(Checkpoint, WhenUnwrittenRowsFillTheMemoryOnlyRevokingGoesOn) {
  Partition partition(log, clock, database.get(), {}, 64u << 10);
  send(partition, registering(principal(1)));
  partition.settle();
  partition.workers.busy = true;  // no checkpoint comes through
  std::shared_ptr<std::optional<Receipt>> last;
  for (int i = 0; i < 200; ++i) {
    last = observe(partition, {{"e" + std::to_string(i), principal(static_cast<uint8_t>(i)), clock.wall}});
    partition.settle();
  }
  ASSERT_TRUE((*last)->error.has_value());
  EXPECT_EQ((*last)->error->reason, "task.memory_full");
  const auto refused = send(partition, registering(principal(201)));
  const auto suspend = send(partition, suspending(principal(1)), Lane::revoke);
  partition.settle();
  EXPECT_EQ(refused->answer.body.error().reason, "task.memory_full");
  EXPECT_TRUE(suspend->answer.body.ok());
  partition.workers.busy = false;
  for (int i = 0; i < 20; ++i) {
    clock.pass(400);
    partition.settle();
  }
  const auto later = send(partition, registering(principal(201)));
  partition.settle();
  EXPECT_TRUE(later->answer.body.ok()) << "it recovers by itself";
}

TEST_F(Checkpoint, StopWritesALastOne) {
  Partition partition(log, clock, database.get());
  work(partition, 10);
  bool stopped = false;
  partition.task->stop([&] { stopped = true; });
  partition.settle();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(stored_rows(*database), folded_from_zero(*partition.journal));
}

TEST_F(Checkpoint, LogsADigestThatAFoldCanRepeat) {
  Partition partition(log, clock, database.get());
  work(partition, 30);
  std::optional<v1::Digest> logged;
  ASSERT_TRUE(partition.journal->read(1, [&](const journal::Stored& stored) -> Result<> {
                         const auto view = journal::FrameView::open(stored.bytes);
                         if (stored.is_claim) return {};
                         return view->each(
                             [&](uint32_t, const v1::Event& event) -> Result<> {
                               if (event.control().has_digest()) logged = event.control().digest();
                               return {};
                             },
                             [](uint32_t, const journal::Judged&) -> Result<> { return {}; });
                       })
                  .ok());
  ASSERT_TRUE(logged.has_value());
  fold::State state(0, nullptr, 0);
  ASSERT_TRUE(state.open().ok());
  (void)partition.journal->read(1, [&](const journal::Stored& stored) -> Result<> {
    if (stored.seq > logged->to_seq()) return Error{Errc::conflict, "enough", ""};
    return fold::fold_frame(state, stored);
  });
  rows::Batch batch;
  state.freeze(batch);
  while (state.encode_some(1'000) > 0) {
  }
  uint64_t rows = 0;
  const auto digest = rows::Batch::digest(batch.sorted(), rows);
  EXPECT_EQ(rows, logged->rows());
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(digest.data()), 32), logged->sha256());
}

TEST_F(Checkpoint, IsNotTakenBehindTheClaimOfAnotherNode) {
  Partition partition(log, clock, database.get());
  work(partition, 3);
  const auto other = journal::open_memory(log, {[](auto step) { step(); }});
  ASSERT_TRUE(other->claim("other", {}, clock.wall).ok());
  observe(partition, {{"last", principal(1), clock.wall}});
  partition.task->checkpoint_soon();
  partition.settle();
  EXPECT_FALSE(partition.task->not_serving().empty());
  EXPECT_FALSE(partition.halted.empty());
}

TEST_F(Checkpoint, ATaskThatMeetsAnotherNodesClaimWhileItStopsIsStopped) {
  Partition partition(log, clock, database.get());
  work(partition, 3);
  const auto other = journal::open_memory(log, {[](auto step) { step(); }});
  ASSERT_TRUE(other->claim("other", {}, clock.wall).ok());
  bool stopped = false;
  partition.task->stop([&] { stopped = true; });
  partition.settle();
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace watchword::runtime::testing
