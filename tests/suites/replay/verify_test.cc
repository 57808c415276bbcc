#include "replay/verify.h"

#include "processors/fold/fold.h"
#include "replay/compare.h"
#include "stores/journal/segment.h"
#include "tests/suites/replay/maker.h"

namespace watchword::replay {
namespace {

namespace fs = std::filesystem;

const PartVerified& part_of(const Verified& result, const std::string& name) {
  for (const auto& part : result.parts)
    if (part.name == name) return part;
  static const PartVerified kNone;
  ADD_FAILURE() << "no part " << name;
  return kNone;
}

class Verify : public ::testing::Test {
 protected:
  const Folder folder_;
  const std::string data_ = folder_ / "data";
};

TEST_F(Verify, OfAStoppedFolderHoldsAndCountsWhatItRead) {
  Node node(data_);
  fill(node);
  node.stop();
  const Verified result = verified(data_);
  EXPECT_TRUE(result.ok()) << findings_text(result);
  ASSERT_EQ(result.parts.size(), 3u);
  for (const std::string name : {"p0", "p1"}) {
    const auto& part = part_of(result, name);
    EXPECT_GE(part.observations, 10u);
    EXPECT_GE(part.events, 10u);
    EXPECT_EQ(part.claims, 1u);
    EXPECT_EQ(part.digests_logged, 2u);
    EXPECT_EQ(part.digests_compared, 2u);
    EXPECT_GE(part.checkpoint_seq + 1, part.frames);  // at most a digest was logged behind it
    EXPECT_GE(part.rows_compared, 12u);
    EXPECT_GE(part.index_keys_compared, 12u);
  }
  EXPECT_EQ(result.done.bytes, part_of(result, "p0").bytes + part_of(result, "p1").bytes +
                                   part_of(result, "control").bytes);
}

TEST_F(Verify, OfARunningFolderHoldsWhileMoreIsWritten) {
  Node node(data_);
  const auto filled = fill(node);
  std::atomic<bool> enough{false};
  std::thread writer([&] {
    Maker maker(node.clock);
    for (size_t i = 0; !enough; ++i) {
      auto seen = maker.used(filled.principals[i % 6]);
      seen.set_id("live-" + std::to_string(i));
      node.observe(seen);
      if (i % 50 == 0) node.checkpoint(node.number_of(filled.principals[i % 6]));
    }
  });
  for (int i = 0; i < 20; ++i) {
    const Verified result = verified(data_);
    EXPECT_TRUE(result.ok()) << findings_text(result);
    EXPECT_GT(part_of(result, "p0").digests_compared, 0u);
  }
  enough = true;
  writer.join();
}

TEST_F(Verify, HoldsOverRestarts) {
  Node node(data_);
  const auto filled = fill(node);
  Maker maker(node.clock);
  for (int i = 0; i < 3; ++i) {
    node.restart();
    auto seen = maker.used(filled.principals[0]);
    seen.set_id("after-restart-" + std::to_string(i));
    node.observe(seen);
    node.checkpoint(node.number_of(filled.principals[0]));
  }
  node.stop();
  const Verified result = verified(data_);
  EXPECT_TRUE(result.ok()) << findings_text(result);
  EXPECT_EQ(part_of(result, "p0").digests_compared, 5u);
}

// What kill -9 leaves: the files as they are while the node runs.
TEST_F(Verify, HoldsAfterACrashAndTheRecoveryFromIt) {
  const std::string crashed = folder_ / "crashed";
  Filled filled;
  {
    Node node(data_);
    filled = fill(node);
    for (const Id& id : filled.principals) node.decide(id, Maker(node.clock).suspended(2));
    fs::copy(data_, crashed, fs::copy_options::recursive);
  }
  const Verified before = verified(crashed);
  EXPECT_TRUE(before.ok()) << findings_text(before);
  Node node(crashed);
  Maker maker(node.clock);
  const uint32_t number = node.number_of(filled.principals[0]);
  auto seen = maker.used(filled.principals[0]);
  seen.set_id("after-crash");
  node.observe(seen);
  node.checkpoint(number);
  node.stop();
  const Verified after = verified(crashed);
  EXPECT_TRUE(after.ok()) << findings_text(after);
  EXPECT_EQ(part_of(after, part_name(number)).digests_compared, 3u);
}

TEST_F(Verify, HoldsWhenRowsAreMadeAgainFromTheJournal) {
  Node node(data_);
  const auto filled = fill(node);
  node.stop();
  fs::remove_all(data_ + "/p0/rows");
  node.start();
  node.decide(0, {[] {
                v1::Event event;
                event.mutable_control()->mutable_admin_acted()->set_action("test");
                return event;
              }()});
  node.checkpoint(0);
  node.stop();
  const Verified result = verified(data_);
  EXPECT_TRUE(result.ok()) << findings_text(result);
  const auto& part = part_of(result, "p0");
  EXPECT_GE(part.rows_compared, 12u);
  EXPECT_EQ(part.digests_logged, 3u);
}

TEST_F(Verify, HoldsWhenADuplicateComesBehindACheckpoint) {
  Node node(data_);
  const auto filled = fill(node);
  Maker maker(node.clock);
  const uint32_t number = node.number_of(filled.principals[0]);
  auto seen = maker.used(filled.principals[0]);
  seen.set_id("once");
  node.observe(seen);
  node.checkpoint(number);
  EXPECT_EQ(node.observe(seen).duplicates, 1u);
  node.decide(filled.principals[0], maker.suspended(2));
  node.checkpoint(number);
  node.stop();
  const Verified result = verified(data_);
  EXPECT_TRUE(result.ok()) << findings_text(result);
}

TEST_F(Verify, HoldsWhenTokensAreForgotten) {
  Node node(data_);
  const auto filled = fill(node);
  Maker maker(node.clock);
  const uint32_t number = node.number_of(filled.principals[0]);
  node.clock.advance_ms(2 * kDayMs);
  node.decide(filled.principals[0], maker.registered("again"));
  node.checkpoint(number);
  node.observe(maker.used(filled.principals[0]));
  node.checkpoint(number);
  node.stop();
  const Verified result = verified(data_);
  EXPECT_TRUE(result.ok()) << findings_text(result);
}

TEST_F(Verify, TellsItsProgress) {
  Node node(data_);
  fill(node);
  node.stop();
  Progress last;
  const auto result = verify({.directory = data_, .progress = [&](const Progress& now) {
                                EXPECT_GE(now.bytes, last.bytes);
                                last = now;
                              }});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(last.bytes, result->done.bytes);
  EXPECT_GE(last.total_bytes, last.bytes);
  EXPECT_GT(last.events, 60u);
}

TEST_F(Verify, OfAnotherFolderIsRefusedWithASentence) {
  const auto result = verify({.directory = folder_.path()});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().reason, "replay.no_folder");
  EXPECT_NE(result.error().detail.find("holds no Watchword data"), std::string::npos);
}

class Damage : public Verify {
 protected:
  void SetUp() override {
    Node node(data_);
    filled_ = fill(node);
  }

  // The one finding there must be; its text.
  std::string found() {
    const Verified result = verified(data_);
    EXPECT_FALSE(result.ok());
    return findings_text(result);
  }

  void rewrite(const std::function<void(rows::Database&, rows::Batch&)>& change) {
    const rows::Shared shared(1 << 20, 1 << 20);
    auto database = rows::Database::open(data_ + "/p0/rows", shared);
    ASSERT_TRUE(database.ok());
    rows::Batch batch;
    change(**database, batch);
    const auto stamp = (*database)->stamp();
    ASSERT_TRUE(stamp.ok());
    ASSERT_TRUE((*database)->write(batch.sorted(), *stamp).ok());
  }

  Filled filled_;
};

TEST_F(Damage, OfAnyByteOfTheJournalIsFoundAndNamed) {
  const std::string path = data_ + "/p0/journal/0/0000000001.segment";
  const auto journal = open_journal(data_, 0);
  ASSERT_TRUE(journal.ok());
  const uint64_t used = (*journal)->size_bytes();
  ASSERT_GT(used, 20 * 512u);
  for (uint64_t offset = 0; offset < used; offset += 97) {
    const Flip flip(path, offset, static_cast<char>(1 << offset % 8));
    const std::string text = found();
    EXPECT_NE(text.find(path + " at byte "), std::string::npos) << offset << ": " << text;
    const size_t at = text.find(" at byte ");
    if (at == std::string::npos) continue;
    const uint64_t named = std::stoull(text.substr(at + 9));
    EXPECT_LE(named, offset);
    EXPECT_GT(named + 4'096, offset) << text;
  }
  EXPECT_TRUE(verified(data_).ok());
}

TEST_F(Damage, OfAnyByteBehindTheJournalsEndIsFoundAndNamed) {
  const std::string path = data_ + "/p0/journal/0/0000000001.segment";
  const auto journal = open_journal(data_, 0);
  ASSERT_TRUE(journal.ok());
  for (const uint64_t behind : {0u, 1u, 511u, 512u, 5'000u, 100'000u}) {
    const Flip flip(path, (*journal)->size_bytes() + behind);
    const std::string text = found();
    EXPECT_NE(text.find(path), std::string::npos) << behind << ": " << text;
  }
}

TEST_F(Damage, OfAnyByteOfTheRowsFilesIsFoundAndNamed) {
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(data_ + "/p0/rows")) {
    const std::string name = entry.path().filename();
    const bool is_data = name.ends_with(".sst") || name.starts_with("MANIFEST") || name == "CURRENT";
    if (!is_data) continue;
    ++files;
    const uint64_t bytes = entry.file_size();
    const uint64_t step = std::max<uint64_t>(1, bytes / 100);
    for (uint64_t offset = 0; offset < bytes; offset += step) {
      const Flip flip(entry.path(), offset, static_cast<char>(1 << offset % 8));
      const Verified result = verified(data_);
      EXPECT_FALSE(result.ok()) << entry.path() << " at " << offset;
    }
  }
  EXPECT_GE(files, 3u);
  EXPECT_TRUE(verified(data_).ok());
}

TEST_F(Damage, OfTheLastBytesOfATableFileIsFound) {
  for (const auto& entry : fs::directory_iterator(data_ + "/p0/rows")) {
    if (entry.path().extension() != ".sst") continue;
    for (uint64_t back = 1; back <= 60; ++back) {
      const Flip flip(entry.path(), entry.file_size() - back);
      EXPECT_NE(found().find("/p0/rows"), std::string::npos) << back;
    }
  }
}

TEST_F(Damage, OfARowIsNamedByItsKey) {
  const std::string key = fold::State::database_key<v1::IdentityState>(filled_.principals[0]);
  rewrite([&](rows::Database& database, rows::Batch& batch) {
    const auto value = database.get(key);
    ASSERT_TRUE(value.ok() && *value);
    v1::IdentityState row;
    ASSERT_TRUE(row.ParseFromString(**value));
    row.set_generation(7);
    batch.put(rows::Table::identity, filled_.principals[0].view(), row.SerializeAsString());
  });
  const std::string text = found();
  EXPECT_NE(text.find("identity " + filled_.principals[0].text() + " is different in the rows"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("0 missing, 0 extra, 1 different"), std::string::npos) << text;
}

TEST_F(Damage, ByARowTakenAwayIsNamedByItsKey) {
  rewrite([&](rows::Database&, rows::Batch& batch) {
    batch.remove(rows::Table::jit_token, filled_.tokens[0].view());
  });
  const std::string text = found();
  EXPECT_NE(text.find("jit_token " + filled_.tokens[0].text() + " is missing in the rows"),
            std::string::npos)
      << text;
}

TEST_F(Damage, ByARowPutInIsNamedByItsKey) {
  AheadClock clock;
  const Id stranger = Maker(clock).principal(0);
  rewrite([&](rows::Database&, rows::Batch& batch) {
    v1::IdentityState row;
    row.set_id(std::string(stranger.view()));
    batch.put(rows::Table::identity, stranger.view(), row.SerializeAsString());
  });
  const std::string text = found();
  EXPECT_NE(text.find("identity " + stranger.text() + " is extra in the rows"), std::string::npos)
      << text;
}

TEST_F(Damage, OfAnIndexKeyIsNamed) {
  rewrite([&](rows::Database&, rows::Batch& batch) {
    batch.remove(rows::Table::index, views::index_key(views::Index::identity_all, 0, filled_.principals[0]));
    batch.put(rows::Table::index, views::index_key(views::Index::identity_all, 1, filled_.principals[0]), "");
  });
  const std::string text = found();
  EXPECT_NE(text.find("index identity_all of " + filled_.principals[0].text() + " is missing"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("1 missing, 1 extra"), std::string::npos) << text;
}

TEST_F(Damage, ByRowsOfAnOlderCheckpointIsFound) {
  const std::string rows = data_ + "/p0/rows", kept = folder_ / "kept";
  fs::copy(rows, kept, fs::copy_options::recursive);
  {
    Node node(data_);
    Maker maker(node.clock);
    auto seen = maker.used(filled_.principals[0]);
    seen.set_id("later");
    node.observe(seen);
    node.checkpoint(0);
  }
  fs::remove_all(rows);
  fs::rename(kept, rows);
  EXPECT_NE(found().find("replay.lost_checkpoint"), std::string::npos);
}

TEST_F(Damage, ByAMissingPartitionIsFound) {
  fs::remove_all(data_ + "/p1");
  EXPECT_NE(found().find("p1 journal.segment.no_folder"), std::string::npos);
}

TEST_F(Damage, OfTheControlJournalIsFound) {
  const Flip flip(data_ + "/control/journal/4294967295/0000000001.segment", 600);
  EXPECT_NE(found().find("4294967295/0000000001.segment at byte 512"), std::string::npos);
}

}  // namespace
}  // namespace watchword::replay
