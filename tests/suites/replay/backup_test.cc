#include "replay/backup.h"

#include "replay/at.h"
#include "tests/suites/replay/maker.h"

namespace watchword::replay {
namespace {

namespace fs = std::filesystem;

class Backup : public ::testing::Test {
 protected:
  void expect_sound(const std::string& directory) {
    const Verified result = verified(directory);
    EXPECT_TRUE(result.ok()) << findings_text(result);
  }
  std::string reason_of(const Result<Copied>& result) {
    return result ? "done" : std::string(result.error().reason);
  }

  const Folder folder_;
  const std::string data_ = folder_ / "data", copy_ = folder_ / "copy", back_ = folder_ / "back";
};

TEST_F(Backup, OfARunningNodeComesBackWithAllThatWasAcknowledgedAndRuns) {
  Node node(data_);
  const auto filled = fill(node);
  const auto copied = backup(data_, copy_);
  ASSERT_TRUE(copied.ok()) << copied.error().reason << ": " << copied.error().detail;
  EXPECT_TRUE(copied->was_running);
  EXPECT_FALSE(copied->with_rows);
  Maker maker(node.clock);
  node.decide(filled.principals[0], maker.suspended(9));  // behind the backup
  ASSERT_TRUE(restore(copy_, back_).ok());
  expect_sound(back_);
  const auto then = at(back_, {filled.principals[0].text(), {}, {}});
  ASSERT_TRUE(then.ok());
  EXPECT_EQ(then->at("identity").at("status").as_string(), "active");
  Node again(back_);
  EXPECT_EQ(again.engine().partitions(), 2u);
  again.decide(filled.principals[0], maker.suspended(9));
  again.checkpoint(again.number_of(filled.principals[0]));
  again.stop();
  expect_sound(back_);
}

TEST_F(Backup, TakenWhileMuchIsWrittenIsSound) {
  Node node(data_);
  const auto filled = fill(node);
  std::atomic<bool> enough{false};
  std::atomic<uint64_t> acknowledged{0};
  std::thread writer([&] {
    Maker maker(node.clock);
    for (size_t i = 0; !enough; ++i) {
      auto seen = maker.used(filled.principals[0]);
      seen.set_id("live-" + std::to_string(i));
      acknowledged = node.observe(seen).position.seq;
    }
  });
  for (int i = 0; i < 5; ++i) {
    const uint64_t at_least = acknowledged;
    const std::string copy = copy_ + std::to_string(i);
    const auto copied = backup(data_, copy);
    ASSERT_TRUE(copied.ok()) << copied.error().reason << ": " << copied.error().detail;
    EXPECT_GE(copied->positions[1].seq, at_least);
    expect_sound(copy);
  }
  enough = true;
  writer.join();
}

TEST_F(Backup, OfAStoppedNodeHasItsRows) {
  Filled filled;
  {
    Node node(data_);
    filled = fill(node);
  }
  const auto copied = backup(data_, copy_);
  ASSERT_TRUE(copied.ok());
  EXPECT_TRUE(copied->with_rows);
  EXPECT_FALSE(copied->was_running);
  const auto restored = restore(copy_, back_);
  ASSERT_TRUE(restored.ok());
  EXPECT_EQ(restored->positions, copied->positions);
  const Verified result = verified(back_);
  EXPECT_TRUE(result.ok()) << findings_text(result);
  EXPECT_GT(result.parts[1].rows_compared, 0u);
}

TEST_F(Backup, KeepsTheKeysAsSecretAsTheyWere) {
  { Node node(data_); }
  ASSERT_TRUE(backup(data_, copy_).ok());
  ASSERT_TRUE(restore(copy_, back_).ok());
  const std::string key = "/keys/master.key";
  EXPECT_EQ(read_bytes(back_ + key), read_bytes(data_ + key));
  EXPECT_EQ(read_bytes(back_ + key).size(), 32u);
  EXPECT_EQ(fs::status(back_ + key).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(back_ + "/keys").permissions(), fs::perms::owner_all);
}

TEST_F(Backup, NeverWritesIntoAFolderThatHoldsSomething) {
  { Node node(data_); }
  EXPECT_EQ(reason_of(backup(data_, data_)), "backup.not_empty");
  ASSERT_TRUE(backup(data_, copy_).ok());
  EXPECT_EQ(reason_of(backup(data_, copy_)), "backup.not_empty");
  EXPECT_EQ(reason_of(restore(copy_, data_)), "backup.not_empty");
}

TEST_F(Backup, ThatWasNotFinishedIsNotRestored) {
  { Node node(data_); }
  ASSERT_TRUE(backup(data_, copy_).ok());
  fs::remove(copy_ + "/backup.json");
  EXPECT_EQ(reason_of(restore(copy_, back_)), "backup.incomplete");
  EXPECT_FALSE(fs::exists(back_));
}

TEST_F(Backup, OfADamagedJournalIsRefused) {
  {
    Node node(data_);
    fill(node);
  }
  const Flip flip(data_ + "/p0/journal/0/0000000001.segment", 700);
  const auto copied = backup(data_, copy_);
  ASSERT_FALSE(copied.ok());
  EXPECT_EQ(copied.error().code, Errc::corrupt);
}

}  // namespace
}  // namespace watchword::replay
