// Rows that cannot be read, checkpoints that could not be written, and what is on the disk at each moment of one.
#include <rocksdb/env.h>

#include <filesystem>
#include <fstream>

#include "events/base/crash_point.h"
#include "tests/suites/runtime/task_kit.h"

namespace watchword::runtime::testing {
namespace {

namespace fs = std::filesystem;

// The machine's, but no file can be made while `failing`.
class FailingEnv final : public rocksdb::EnvWrapper {
 public:
  FailingEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  const char* Name() const override { return "FailingEnv"; }
  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    if (failing) return rocksdb::Status::IOError("no file can be made");
    return target()->NewWritableFile(name, file, options);
  }
  std::atomic<bool> failing{false};
};

class Rows : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/watchword-damaged-XXXXXX";
    folder = mkdtemp(name);
    open();
  }
  void TearDown() override {
    database.reset();
    fs::remove_all(folder);
  }
  std::string directory() const { return folder + "/rows"; }
  void open() {
    database.reset();
    auto opened = rows::Database::open(directory(), shared);
    ASSERT_TRUE(opened.ok()) << opened.error().detail;
    database = std::move(*opened);
  }
  // 250 identities and their habits, in a checkpoint of more than one block.
  void fill() {
    Partition partition(log, clock, database.get());
    for (int i = 0; i < 250; ++i) {
      send(partition, registering(principal(static_cast<uint8_t>(i))), Lane::revoke);
      observe(partition, {{"e" + std::to_string(i), principal(static_cast<uint8_t>(i)), clock.wall}});
      partition.settle();
    }
    partition.task->checkpoint_soon();
    partition.settle();
    open();
  }
  // Flips a byte in the second block of each table file; gives a principal whose identity cannot be read any more.
  std::optional<Id> damage() {
    database.reset();
    for (const auto& entry : fs::directory_iterator(directory())) {
      if (entry.path().extension() != ".sst" || entry.file_size() < 13'000) continue;
      std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(12'000);
      file.put('\xee');
    }
    open();
    for (int i = 0; i < 250; ++i) {
      const Id id = principal(static_cast<uint8_t>(i));
      const auto row = database->get(fold::State::database_key<v1::IdentityState>(id));
      if (!row && row.error().code == Errc::corrupt) return id;
    }
    return std::nullopt;
  }
  // One checkpoint of a state that no task drives.
  void checkpoint(fold::State& state, uint64_t seq) {
    rows::Batch batch;
    state.freeze(batch);
    while (state.encode_some(1'000) > 0) {
    }
    ASSERT_TRUE(database->write(batch.sorted(), {seq, fold::kFoldVersion, {}}).ok());
    state.finish_checkpoint();
    while (state.release_some(1'000) > 0) {
    }
  }
  static v1::NameState name(const std::string& owner) {
    v1::NameState row;
    row.set_owner(owner);
    return row;
  }

  ManualClock clock;
  FailingEnv env;
  rows::Shared shared{8u << 20, 64u << 20, &env};
  std::string folder;
  std::unique_ptr<rows::Database> database;
  std::shared_ptr<journal::MemoryLog> log = journal::make_memory_log(0);
};

TEST_F(Rows, ThatATurnCannotReadStopTheTaskAndAreNotTakenForAbsent) {
  fill();
  const auto id = damage();
  ASSERT_TRUE(id.has_value()) << "a damaged row is told as such";
  Partition partition(log, clock, database.get());
  const auto again = send(partition, registering(*id));
  partition.settle();
  EXPECT_FALSE(again->answered && again->answer.body.ok());
  EXPECT_EQ(partition.halted, "task.rows");
  EXPECT_FALSE(partition.task->not_serving().empty());
}

TEST_F(Rows, ThatAReadMeetsStopTheTaskThoughNobodyAsksForATurn) {
  fill();
  const auto id = damage();
  ASSERT_TRUE(id.has_value());
  Partition partition(log, clock, database.get());
  EXPECT_EQ(partition.task->rows().find<v1::IdentityState>(*id), nullptr);
  clock.pass(300);
  partition.loop.run();
  EXPECT_EQ(partition.halted, "task.rows");
}

TEST_F(Rows, ThatAnotherThreadCannotReadAreNotTakenForAbsentEither) {
  fill();
  const auto id = damage();
  ASSERT_TRUE(id.has_value());
  Partition partition(log, clock, database.get());
  const auto seen = observe(partition, {{"later", *id, clock.wall}});
  partition.settle();
  EXPECT_TRUE(!*seen || (*seen)->error.has_value());
  EXPECT_EQ(partition.halted, "task.rows");
}

TEST_F(Rows, ThatCannotBeDecodedAreBroken) {
  const Id id = principal(1);
  rows::Batch batch;
  batch.put(rows::Table::name, id.view(), "\xff\xff\xff");
  ASSERT_TRUE(database->write(batch.sorted(), {1, fold::kFoldVersion, {}}).ok());
  fold::State state(0, database.get(), 0);
  ASSERT_TRUE(state.open().ok());
  EXPECT_EQ(state.find<v1::NameState>(id), nullptr);
  EXPECT_TRUE(state.broken());
}

TEST_F(Rows, ReadBeforeACheckpointFinishedAreNotInstalledAfterIt) {
  const Id id = principal(1);
  fold::State state(0, database.get(), 1);
  ASSERT_TRUE(state.open().ok());
  state.save(id, name("first"));
  checkpoint(state, 1);
  const auto key = fold::State::database_key<v1::NameState>(id);
  const auto read = database->get(key);
  const uint64_t generation = state.generation();
  state.save(id, name("second"));
  checkpoint(state, 2);
  for (int i = 0; i < 3; ++i) state.evict_some(100);
  ASSERT_TRUE(state.cold<v1::NameState>(id));
  state.install<v1::NameState>(id, *read, generation);
  ASSERT_NE(state.find<v1::NameState>(id), nullptr);
  EXPECT_EQ(state.find<v1::NameState>(id)->owner(), "second");
}

TEST_F(Rows, ThatWereErasedDoNotComeBackFromTheDatabase) {
  const Id id = principal(1);
  {
    fold::State state(0, database.get(), 0);
    ASSERT_TRUE(state.open().ok());
    state.save(id, name("first"));
    checkpoint(state, 1);
    state.erase<v1::NameState>(id);
    checkpoint(state, 2);
  }
  fold::State state(0, database.get(), 0);
  ASSERT_TRUE(state.open().ok());
  EXPECT_EQ(state.find<v1::NameState>(id), nullptr);
}

TEST_F(Rows, ThatWaitForTheirTimeStillDoAfterARestart) {
  const Id id = principal(1);
  {
    fold::State state(0, database.get(), 0);
    ASSERT_TRUE(state.open().ok());
    v1::AttestationState used;
    used.set_expires_at_ms(kNow);
    state.save(id, std::move(used));
    checkpoint(state, 1);
  }
  fold::State state(0, database.get(), 0);
  ASSERT_TRUE(state.open().ok());
  ASSERT_EQ(state.due().size(), 1u);
  EXPECT_EQ(state.due().begin()->at_ms, kNow);
  EXPECT_EQ(state.due().begin()->id, id);
  fold::sweep(state, kNow);
  EXPECT_EQ(state.find<v1::AttestationState>(id), nullptr);
}

std::function<void(CrashPoint)> at_point;

// What a crash at `point` would leave must be the rows of the stamp that is found with them.
TEST_F(Rows, AndTheirPositionAreOnTheDiskTogetherAtEveryMoment) {
  const Id id = principal(1);
  fold::State state(0, database.get(), 0);
  ASSERT_TRUE(state.open().ok());
  uint64_t images = 0, seq = 0;
  const auto look = [&] {
    const std::string image = folder + "/image-" + std::to_string(++images);
    fs::copy(directory(), image, fs::copy_options::recursive);
    auto copy = rows::Database::open_read_only(image);
    if (!copy) {
      EXPECT_EQ(seq, 1u) << "only before the first one there may be nothing: " << copy.error().detail;
      return uint64_t{0};
    }
    const uint64_t stands = (*copy)->stamp()->seq;
    const auto row = (*copy)->get(fold::State::database_key<v1::NameState>(id));
    EXPECT_TRUE(row.ok());
    v1::NameState found;
    if (*row) {
      EXPECT_TRUE(found.ParseFromString(**row));
    }
    EXPECT_EQ(found.owner(), stands == 0 ? "" : std::to_string(stands));
    return stands;
  };
  at_point = [&](CrashPoint) { look(); };
  crash_hook = [](CrashPoint point) { at_point(point); };
  for (seq = 1; seq <= 3; ++seq) {
    state.save(id, name(std::to_string(seq)));
    checkpoint(state, seq);
    EXPECT_EQ(look(), seq) << "what was answered as written is on the disk";
  }
  crash_hook = nullptr;
  EXPECT_GE(images, 9u);
}

TEST_F(Rows, ThatCouldNotBeWrittenAreKeptAndTriedAgain) {
  auto running = std::make_unique<Partition>(log, clock, database.get());
  Partition& partition = *running;
  send(partition, registering(principal(1)));
  partition.settle();
  env.failing = true;
  partition.task->checkpoint_soon();
  partition.settle();
  EXPECT_EQ(partition.task->counters().checkpoints, 0u);
  EXPECT_TRUE(partition.halted.empty());
  send(partition, registering(principal(2)));
  partition.settle();
  EXPECT_NE(partition.state.find<v1::IdentityState>(principal(2)), nullptr) << "work goes on";
  env.failing = false;
  for (int i = 0; i < 5; ++i) {
    clock.pass(1'000);
    partition.settle();
  }
  EXPECT_GE(partition.task->counters().checkpoints, 1u) << "it recovers by itself";
  running.reset();
  open();
  const auto row = database->get(fold::State::database_key<v1::IdentityState>(principal(1)));
  ASSERT_TRUE(row.ok());
  EXPECT_TRUE(row->has_value());
}

}  // namespace
}  // namespace watchword::runtime::testing
