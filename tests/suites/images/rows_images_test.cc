// The rows' folder as a loss of power, a kill or a failing disk leaves it, at every operation of
// checkpoints and starts.
#include <gtest/gtest.h>

#include "tests/suites/images/rows_kit.h"
#include "tests/suites/images/tally.h"

namespace watchword::images {
namespace {

using journal::Fate;
using journal::FaultDisk;
using runtime::testing::principal;
using runtime::testing::Sight;

struct RowsImage {
  std::unique_ptr<FaultDisk> disk;
  uint64_t acknowledged = 0;  // the stamp of the last checkpoint that was written
};

class RowsImages : public ::testing::Test {
 protected:
  // Frames that change many rows; a checkpoint in the end.
  void work(Partition& partition, int rounds) {
    for (int i = 0; i < rounds; ++i) {
      clock_.pass(50);
      std::vector<Sight> sights;
      for (int k = 0; k < 6; ++k)
        sights.push_back({"e" + std::to_string(clock_.wall) + "-" + std::to_string(k),
                          principal(static_cast<uint8_t>((i * 7 + k * k) % 23)), clock_.wall});
      observe(partition, sights);
      partition.settle();
    }
    partition.task->checkpoint_soon();
    partition.settle();
  }

  void photograph(FaultDisk& disk) {
    disk.set([this, &disk](FaultDisk::Faults& faults) {
      faults.before = [this, &disk](FaultDisk::Operation, const std::string&) {
        images_.push_back({disk.clone_unlocked(), acknowledged_.load()});
      };
    });
  }
  void rest(FaultDisk& disk) {
    disk.set([](FaultDisk::Faults& faults) { faults = {}; });
  }

  // A life with several checkpoints; enough of them for a compaction.
  void live(FaultDisk& disk, int checkpoints) {
    OpenRows rows(disk);
    ASSERT_TRUE(rows.database) << rows.error->detail;
    Partition partition(log_, clock_, rows.database.get());
    for (int i = 0; i < checkpoints; ++i) {
      work(partition, 3);
      const auto stamp = rows.database->stamp();
      ASSERT_TRUE(stamp && stamp->seq > acknowledged_);
      acknowledged_ = stamp->seq;
    }
  }

  const std::string& rows_at(uint64_t seq) {
    auto& rows = expected_[seq];
    if (rows.empty() && seq > 0) rows = folded_rows(*reader(), seq);
    return rows;
  }
  std::unique_ptr<journal::MemoryJournal> reader() {
    return journal::open_memory(log_, {[](std::function<void()>) {}});
  }

  enum class May : uint8_t {
    nothing,
    be_put_aside,             // a record of MANIFEST with a hole in it is corruption to RocksDB
    forget_and_be_put_aside,  // a torn sector takes what was durable in it along
  };

  void check(const RowsImage& image, FaultDisk& disk, May may, bool fold_the_tail) {
    OpenRows rows(disk);
    if (!rows.database) {
      ASSERT_NE(may, May::nothing) << rows.error->detail;
      ASSERT_EQ(rows.error->code, Errc::corrupt)
          << "not put aside and made again: " << rows.error->detail;
      tally_.note("(put aside)");
      return;
    }
    const auto stamp = rows.database->stamp();
    ASSERT_TRUE(stamp) << stamp.error().detail;
    ASSERT_TRUE(may == May::forget_and_be_put_aside || stamp->seq >= image.acknowledged)
        << "a written checkpoint is gone";
    if (stamp->seq < image.acknowledged) tally_.note("(an older checkpoint)");
    const auto stored = stored_rows(*rows.database);
    ASSERT_TRUE(stored) << stored.error().detail;
    ASSERT_TRUE(*stored == rows_at(stamp->seq)) << "not the rows of its stamp " << stamp->seq;
    ASSERT_TRUE(rows.database->verify().ok());
    if (!fold_the_tail) return;
    const auto folded = rows_after_the_tail(*rows.database, *reader());
    ASSERT_TRUE(folded) << folded.error().detail;
    ASSERT_TRUE(*folded == rows_at(reader()->tail().seq)) << "the tail folded from " << stamp->seq;
    tally_.note("(with its tail folded)");
  }

  void one(const RowsImage& image, const FaultDisk::Loss& loss, const std::string& kind, May may) {
    auto disk = image.disk->clone();
    disk->lose_power(loss);
    tally_.add(kind);
    check(image, *disk, may, tally_.total() % 4 == 0);
  }

  FaultDisk::Loss random_loss(const RowsImage& image, size_t sectors) {
    FaultDisk::Loss loss;
    const uint64_t dense = 1 + random_() % 15;
    for (size_t i = 0; i < sectors; ++i)
      loss.sectors.push_back(random_() % 16 < dense ? Fate::reached : Fate::lost);
    loss.names = random_() % (image.disk->unsynced_names() + 1);
    loss.lengths = random_() % 2 == 0;
    loss.seed = random_();
    return loss;
  }

  // A sector is lost, and a later one is not; or the file is as long as if it were not: what began before is not whole.
  static bool has_a_hole(const FaultDisk::Loss& loss) {
    const auto& sectors = loss.sectors;
    const auto lost = std::find(sectors.begin(), sectors.end(), Fate::lost);
    const bool later = std::find(lost, sectors.end(), Fate::reached) != sectors.end();
    return later || (loss.lengths && lost != sectors.begin() && lost != sectors.end());
  }

  // `thin`: of the subsets one in so many.
  void crash(const RowsImage& image, uint64_t thin) {
    const size_t sectors = image.disk->unsynced().size();
    tally_.add("killed");
    check(image, *image.disk->clone(), May::nothing, tally_.total() % 4 == 0);
    const uint64_t subsets = sectors <= 8 ? uint64_t{1} << sectors : 256;
    for (uint64_t subset = 0; subset < subsets && !HasFailure(); subset += 1 + random_() % thin) {
      auto loss = random_loss(image, sectors);
      for (size_t i = 0; i < sectors && sectors <= 8; ++i)
        loss.sectors[i] = (subset >> i & 1) != 0 ? Fate::reached : Fate::lost;
      one(image, loss, sectors <= 8 ? "a subset" : "a random subset",
          has_a_hole(loss) ? May::be_put_aside : May::nothing);
    }
    if (sectors == 0 || HasFailure()) return;
    auto loss = random_loss(image, sectors);
    constexpr std::array fates{Fate::torn_old, Fate::torn_zero, Fate::torn_garbage, Fate::garbage};
    loss.sectors[random_() % sectors] = fates[random_() % fates.size()];
    one(image, loss, "a torn sector", May::forget_and_be_put_aside);
  }

  ManualClock clock_;
  std::shared_ptr<journal::MemoryLog> log_ = journal::make_memory_log(0);
  std::atomic<uint64_t> acknowledged_{0};
  std::vector<RowsImage> images_;
  std::map<uint64_t, std::string> expected_;  // by stamp
  std::mt19937_64 random_{from_environment("WATCHWORD_SEED", 1)};
  Tally tally_{"checkpoints"};
};

TEST_F(RowsImages, HoldTheOldCheckpointOrTheNewOneAndNeverAMixture) {
  const uint64_t wanted = from_environment("WATCHWORD_IMAGES", 5'000) / 5;
  FaultDisk disk;
  photograph(disk);
  for (int life = 0; life < 2; ++life) live(disk, 5);
  rest(disk);
  ASSERT_FALSE(HasFailure());
  ASSERT_GT(images_.size(), 100u);
  while (tally_.total() < wanted && !HasFailure())
    for (size_t i = 0; i < images_.size() && !HasFailure(); ++i) crash(images_[i], 100);
  EXPECT_LT(tally_.of("(put aside)"), tally_.total() / 10);
}

// The checkpoint is tried again, as the task does, until it is written.
TEST_F(RowsImages, OfADiskThatFailsOnceAtAnyOperationOfACheckpointAreWholeWhenItIsTriedAgain) {
  FaultDisk disk;
  live(disk, 2);
  const auto before = disk.clone();
  const uint64_t old_stamp = acknowledged_;
  live(disk, 1);
  ASSERT_FALSE(HasFailure());
  for (int failing = 1;; ++failing) {
    const auto failed = before->clone();
    int operations = 0;
    {
      OpenRows rows(*failed);
      ASSERT_TRUE(rows.database);
      failed->set([&](FaultDisk::Faults& faults) {
        faults.write =
            faults.sync = [&](const std::string&) { return ++operations == failing ? -EIO : 0; };
      });
      const auto written = rows_after_the_tail(*rows.database, *reader());
      ASSERT_TRUE(written) << "operation " << failing << ": " << written.error().detail;
    }
    if (operations < failing) break;
    tally_.add("a failed operation");
    rest(*failed);
    failed->lose_power(FaultDisk::Loss{});
    check({nullptr, old_stamp}, *failed, May::nothing, true);
    ASSERT_FALSE(HasFailure()) << "operation " << failing;
    OpenRows rows(*failed);
    ASSERT_EQ(rows.database->stamp()->seq, reader()->tail().seq);
  }
  EXPECT_GT(tally_.of("a failed operation"), 3u);
}

}  // namespace
}  // namespace watchword::images
