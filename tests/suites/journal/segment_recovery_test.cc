// What a crash, a lost power and a flipped bit leave in the segment files, and what is made of it.
#include <random>
#include <thread>

#include "tests/suites/journal/segment_kit.h"

namespace watchword::journal {
namespace {

// What `image` is, but with a sector of a file zeroed, as if it had never reached the disk.
void drop_sector(FaultDisk& disk, const std::string& path, uint64_t sector) {
  disk.change(path, [sector](std::string& content) {
    std::fill_n(content.begin() + static_cast<int64_t>(sector * kSectorBytes), kSectorBytes, '\0');
  });
}

// Appends one batch of frames and takes the disk as it stands when that is written but not synced.
std::unique_ptr<FaultDisk> unsynced_image(FaultDisk& disk, const std::vector<size_t>& lengths) {
  auto journal = open_on(disk);
  claimed(*journal);
  append_all(*journal, {300, 2'000});
  std::unique_ptr<FaultDisk> image;
  std::promise<void> held, queued;
  // The first append's answer holds the writer, so that the rest makes one batch.
  journal->append(frame_of(1, 4), [&](Result<uint64_t>) {
    held.set_value();
    queued.get_future().wait();
  });
  held.get_future().wait();
  disk.set([&](FaultDisk::Faults& faults) {
    faults.sync = [&](const std::string& path) {
      if (path == kFirst && !image) image = disk.clone_unlocked();
      return 0;
    };
  });
  std::vector<std::future<Result<uint64_t>>> answers;
  for (size_t i = 0; i < lengths.size(); ++i)
    answers.push_back(append_later(*journal, frame_of(1, 5 + i, lengths[i])));
  queued.set_value();
  for (auto& answer : answers) EXPECT_TRUE(answer.get().ok());
  journal.reset();
  disk.set([](FaultDisk::Faults& faults) { faults.sync = nullptr; });
  return image;
}

TEST(SegmentRecovery, FindsEveryAcknowledgedFrameWhateverUnsyncedSectorsReachedTheDisk) {
  FaultDisk disk;
  const auto image = unsynced_image(disk, {1'500, 10, 900});  // 4 + 1 + 3 sectors
  ASSERT_TRUE(image);
  const auto sectors = image->dirty(kFirst);
  ASSERT_EQ(sectors.size(), 8u);
  for (uint32_t subset = 0; subset < 256; ++subset) {
    const auto crashed = image->clone();
    crashed->lose_power([&](const std::string& path, uint64_t sector) {
      const auto at = std::find(sectors.begin(), sectors.end(), sector) - sectors.begin();
      return path == kFirst && (subset >> at & 1) != 0;
    });
    const auto kept = recovered(*crashed);
    ASSERT_FALSE(testing::Test::HasFailure()) << "subset " << subset;
    // Frames 1 to 4 were acknowledged; of the batch, as many as are whole without a gap.
    size_t whole = (subset & 0x0f) == 0x0f ? 1 : 0;
    if (whole == 1 && (subset & 0x10) != 0) whole = 2;
    if (whole == 2 && (subset & 0xe0) == 0xe0) whole = 3;
    ASSERT_EQ(kept.size(), 4 + whole) << "subset " << subset;
  }
}

TEST(SegmentRecovery, CutsATailThatLostItsSectorsFromAnyOneOn) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, {300, 2'000, 3'000});
  }
  const auto all = everything(*open_on(disk));
  const uint64_t last = 1 + 1 + 5, end = last + 7;  // claim, 300, 2000, 3000 bytes
  for (uint64_t cut = last; cut < end; ++cut) {
    const auto crashed = disk.clone();
    for (uint64_t sector = cut; sector < end; ++sector) drop_sector(*crashed, kFirst, sector);
    const auto kept = recovered(*crashed);
    EXPECT_EQ(kept, std::vector<Kept>(all.begin(), all.end() - 1)) << cut;
  }
}

// The record after it says that it was durable.
TEST(SegmentRecovery, NamesAnAcknowledgedFrameThatLostASectorBeforeALaterOne) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, {300, 2'000, 3'000});
  }
  for (uint64_t sector = 2; sector < 7; ++sector) {
    const auto damaged = disk.clone();
    drop_sector(*damaged, kFirst, sector);
    EXPECT_EQ(open_segments(on(*damaged)).error().code, Errc::corrupt);
    EXPECT_EQ(open_segments(on(*damaged)).error().detail.substr(0, 35), kFirst + " at byte 1024")
        << sector;
  }
}

TEST(SegmentRecovery, FindsAndNamesEveryChangedByteOfAClosedJournal) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, {300, 1'000, 10});
  }
  const uint64_t used = (1 + 1 + 3 + 1) * kSectorBytes;
  for (const int flip : {0x01, 0xff}) {
    for (uint64_t at = 0; at < used + 3 * kSectorBytes; ++at) {
      disk.change(kFirst, [&](std::string& content) { content[at] ^= static_cast<char>(flip); });
      const Error error = trouble(disk);
      ASSERT_EQ(error.code, Errc::corrupt) << at;
      ASSERT_NE(error.detail.find(kFirst + " at byte "), std::string::npos) << error.detail;
      const uint64_t named = std::stoull(error.detail.substr(error.detail.find(" byte ") + 6));
      ASSERT_LE(named, at) << error.detail;
      ASSERT_LT(at - named, 3 * kSectorBytes) << error.detail;
      const std::string before = disk.content(kFirst);
      ASSERT_EQ(open_segments(on(disk)).error().code, Errc::corrupt) << at;
      ASSERT_EQ(disk.content(kFirst), before) << "changed what it refused";
      disk.change(kFirst, [&](std::string& content) { content[at] ^= static_cast<char>(flip); });
    }
  }
  EXPECT_EQ(trouble(disk).reason, "");
}

TEST(SegmentRecovery, NamesAChangedByteOfAFullSegmentWhenItIsRead) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, std::vector<size_t>(200, 90'000));
  }
  ASSERT_GE(disk.paths().size(), 30u);
  std::mt19937 random(7);
  for (int i = 0; i < 200; ++i) {
    const uint64_t at = random() % kSmallSegment;
    disk.change(kSecond, [&](std::string& content) { content[at] ^= 0x10; });
    const Error error = trouble(disk);
    ASSERT_EQ(error.code, Errc::corrupt) << at;
    ASSERT_NE(error.detail.find(kSecond + " at byte "), std::string::npos) << error.detail;
    disk.change(kSecond, [&](std::string& content) { content[at] ^= 0x10; });
  }
}

TEST(SegmentRecovery, RefusesWhatIsNeitherARecordNorFreeBehindTheEnd) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, {300});
  }
  disk.change(kFirst, [](std::string& content) { content.replace(100'000, 7, "garbage"); });
  const Error error = open_segments(on(disk)).error();
  EXPECT_EQ(error.reason, "journal.segment.litter");
  EXPECT_EQ(error.detail, kFirst + " at byte 99840: neither a record nor free");
}

TEST(SegmentRecovery, ZeroesAllThatATornTailLeftBeforeItGoesOn) {
  FaultDisk disk;
  const auto image = unsynced_image(disk, {1'500, 10, 900});
  const auto sectors = image->dirty(kFirst);
  image->lose_power([&](const std::string&, uint64_t sector) { return sector != sectors[0]; });
  ASSERT_TRUE(open_on(*image));
  const std::string content = image->content(kFirst);
  EXPECT_EQ(content.find_first_not_of('\0', sectors[0] * kSectorBytes), std::string::npos);
  EXPECT_TRUE(image->dirty(kFirst).empty());
}

TEST(SegmentRecovery, SurvivesALossOfPowerWhileItCutsATail) {
  FaultDisk disk;
  const auto image = unsynced_image(disk, {1'500, 10, 900});
  const auto sectors = image->dirty(kFirst);
  image->lose_power([&](const std::string&, uint64_t sector) { return sector != sectors[1]; });
  std::unique_ptr<FaultDisk> cutting;
  image->set([&](FaultDisk::Faults& faults) {
    faults.sync = [&](const std::string& path) {
      if (path == kFirst && !cutting) cutting = image->clone_unlocked();
      return 0;
    };
  });
  ASSERT_TRUE(open_on(*image));
  ASSERT_TRUE(cutting);
  const auto zeroed = cutting->dirty(kFirst);
  ASSERT_EQ(zeroed.size(), 8u);
  for (uint32_t subset = 0; subset < 256; ++subset) {
    const auto crashed = cutting->clone();
    crashed->lose_power([&](const std::string&, uint64_t sector) {
      return (subset >> (std::find(zeroed.begin(), zeroed.end(), sector) - zeroed.begin()) & 1) !=
             0;
    });
    ASSERT_EQ(recovered(*crashed).size(), 4u) << subset;
    ASSERT_FALSE(testing::Test::HasFailure()) << subset;
  }
}

// A kill leaves what was written in the page cache: it is read, and so must be synced before
// anything is said of it.
TEST(SegmentRecovery, MakesDurableWhatItFindsBeforeAClaimSaysSo) {
  FaultDisk disk;
  const auto killed = unsynced_image(disk, {1'500});
  ASSERT_FALSE(killed->dirty(kFirst).empty());
  auto journal = open_on(*killed);
  EXPECT_EQ(journal->tail().seq, 5u);
  EXPECT_TRUE(killed->dirty(kFirst).empty());
}

TEST(SegmentRecovery, CutsATailThatReachesOverSeveralSegments) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, {200'000, 200'000});
  }
  const auto all = everything(*open_on(disk));
  // A batch of two more, of which only the second, in the next segment, reached the disk.
  std::string lost = frame_of(1, 4, 50'000), left = frame_of(1, 5, 100'000);
  seal(lost, all.back().hash, 3);
  const Hash hash = chain(all.back().hash, lost);
  seal(left, hash, 3);
  std::string record(record_bytes(left.size()), '\0');
  write_record(record.data(), {0, 1, 5, 3, 0}, left);
  disk.change(kSecond, [&](std::string& content) { content.replace(0, record.size(), record); });
  EXPECT_EQ(recovered(disk), all);
}

// What a lost batch left at the head of the next segment names seqs that will be used again before
// that segment is.
TEST(SegmentRecovery, FindsFramesWhoseSeqALostBatchHadInTheNextSegment) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, {200'000, 200'000});
    // The next segment is made by another thread.
    while (!std::ranges::count(disk.paths(), kSecond)) std::this_thread::yield();
  }
  const std::string stale = frame_of(1, 5, 100'000);
  std::string record(record_bytes(stale.size()), '\0');
  write_record(record.data(), {0, 1, 5, 3, 0}, stale);
  disk.change(kSecond, [&](std::string& content) { content.replace(0, record.size(), record); });
  auto journal = open_on(disk);
  claimed(*journal);
  append_all(*journal, {10, 10, 10});
  EXPECT_EQ(everything(*journal, 5).size(), 3u);
  for (uint64_t seq = 1; seq <= journal->tail().seq; ++seq)
    EXPECT_TRUE(journal->frame(seq).ok()) << seq;
}

TEST(SegmentRecovery, NamesASegmentThatIsMissing) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, std::vector<size_t>(10, 200'000));
  }
  ASSERT_EQ(disk.remove(kSecond), 0);
  const Error error = open_segments(on(disk)).error();
  EXPECT_EQ(error.reason, "journal.segment.missing");
  EXPECT_EQ(error.detail, kSecond);
}

TEST(SegmentRecovery, NamesASegmentThatWasCutShort) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, std::vector<size_t>(10, 200'000));
  }
  const auto whole = disk.clone();
  disk.change(kSecond, [](std::string& content) { content.resize(content.size() - 100); });
  EXPECT_EQ(open_segments(on(disk)).error().reason, "journal.segment.length");
  whole->change(kSecond, [](std::string& content) { content.resize(100 * kSectorBytes); });
  EXPECT_EQ(open_segments(on(*whole)).error().code, Errc::corrupt);
}

TEST(SegmentRecovery, RefusesTheFilesOfAnotherPartition) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
  }
  const std::string content = disk.content(kFirst);
  FaultDisk other;
  SegmentOptions options = on(other);
  options.partition = 1;
  {
    auto journal = open_segments(options);
    ASSERT_TRUE(journal.ok());
    claimed(**journal);
  }
  other.change("j/1/0000000001.segment", [&](std::string& bytes) { bytes = content; });
  EXPECT_EQ(open_segments(options).error().reason, "journal.partition");
}

}  // namespace
}  // namespace watchword::journal
