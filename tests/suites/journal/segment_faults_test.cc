// Full disks, failing disks, interrupted calls, and the roll from segment to segment.
#include <atomic>
#include <thread>

#include "tests/suites/journal/segment_kit.h"

namespace watchword::journal {
namespace {

constexpr size_t kBig = 200'000;  // two of these fit a small segment

SegmentOptions with_reserve(Disk& disk) {
  SegmentOptions options = on(disk);
  options.reserve_bytes = kSmallSegment;
  options.segment_bytes = 2 * kSmallSegment;
  return options;
}

void wait_until(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  ASSERT_TRUE(holds());
}

bool has_file(const FaultDisk& disk, const std::string& path) {
  const auto paths = disk.paths();
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

TEST(SegmentFaults, RollsOverManySegmentsAndFindsEveryFrameAgain) {
  FaultDisk disk;
  auto journal = open_on(disk);
  claimed(*journal);
  append_all(*journal, std::vector<size_t>(41, kBig));
  const auto all = everything(*journal);
  ASSERT_EQ(all.size(), 42u);
  EXPECT_TRUE(has_file(disk, "j/0/0000000021.segment"));
  journal = nullptr;
  journal = open_on(disk);
  EXPECT_EQ(everything(*journal), all);
  for (uint64_t seq : {1u, 2u, 3u, 20u, 41u, 42u})
    EXPECT_EQ(*journal->frame(seq), all[seq - 1].bytes);
  EXPECT_EQ(everything(*journal, 30), std::vector<Kept>(all.begin() + 29, all.end()));
  EXPECT_GT(journal->size_bytes(), 20 * kSmallSegment);
  claimed(*journal);
  append_all(*journal, {kBig, kBig, kBig});
  EXPECT_EQ(everything(*journal).size(), 46u);
}

TEST(SegmentFaults, WritesTheSameWhenTheDiskInterruptsAndWritesShort) {
  FaultDisk disk;
  disk.set([](FaultDisk::Faults& faults) {
    faults.interrupt_every = 3;
    faults.write_at_most = 1'000;
  });
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, {10, 3'000, 70'000});
  }
  EXPECT_EQ(everything(*open_on(disk)).size(), 4u);
  EXPECT_EQ(recovered(disk).size(), 4u);
}

TEST(SegmentFaults, IsOverForGoodAfterAFailedWrite) {
  FaultDisk disk;
  SegmentOptions options = on(disk);
  std::atomic<int> fatal{0};
  options.on_fatal = [&](const Error& error) {
    EXPECT_EQ(error.reason, "journal.segment.write");
    EXPECT_EQ(error.code, Errc::io);
    ++fatal;
  };
  auto journal = must(open_segments(options));
  claimed(*journal);
  append_all(*journal, {10});
  disk.set([](FaultDisk::Faults& faults) {
    faults.write = [](const std::string& path) { return path == kFirst ? -EIO : 0; };
  });
  EXPECT_EQ(append_now(*journal, frame_of(1, 3)).error().reason, "journal.segment.write");
  disk.set([](FaultDisk::Faults& faults) { faults.write = nullptr; });
  EXPECT_FALSE(append_now(*journal, frame_of(1, 4)).ok());
  EXPECT_FALSE(append_now(*journal, frame_of(1, 3)).ok());
  EXPECT_EQ(journal->claim("node-a", kIncarnation, 1).error().code, Errc::io);
  EXPECT_EQ(fatal, 1);
  EXPECT_EQ(journal->tail().seq, 2u);
  EXPECT_EQ(everything(*journal).size(), 2u);
}

TEST(SegmentFaults, IsOverForGoodAfterAFailedSyncAndTellsTheHookBeforeAnyCaller) {
  FaultDisk disk;
  SegmentOptions options = on(disk);
  std::atomic<bool> told{false};
  options.on_fatal = [&](const Error&) { told = true; };
  auto journal = must(open_segments(options));
  claimed(*journal);
  disk.set([](FaultDisk::Faults& faults) {
    faults.sync = [](const std::string& path) { return path == kFirst ? -EIO : 0; };
  });
  std::promise<bool> order;
  journal->append(frame_of(1, 2),
                  [&](Result<uint64_t> done) { order.set_value(told && !done.ok()); });
  EXPECT_TRUE(order.get_future().get());
  disk.set([](FaultDisk::Faults& faults) { faults.sync = nullptr; });
  EXPECT_FALSE(append_now(*journal, frame_of(1, 3)).ok());
}

TEST(SegmentFaults, EndsTheProcessAtAFailedSyncWhenNobodyElseDoes) {
  FaultDisk disk;
  const auto fail = [&] {
    SegmentOptions options = on(disk);
    options.on_fatal = nullptr;
    auto journal = must(open_segments(options));
    disk.set([](FaultDisk::Faults& faults) {
      faults.sync = [](const std::string& path) { return path == kFirst ? -EIO : 0; };
    });
    (void)journal->claim("node-a", kIncarnation, 1);
  };
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(fail(), testing::ExitedWithCode(74), "journal.segment.sync");
}

TEST(SegmentFaults, GoesOnWithoutPreallocationWhereTheFileSystemHasNone) {
  FaultDisk disk;
  disk.set([](FaultDisk::Faults& faults) {
    faults.allocate = [](const std::string&) { return -EOPNOTSUPP; };
  });
  auto journal = open_on(disk);
  claimed(*journal);
  append_all(*journal, std::vector<size_t>(9, kBig));
  EXPECT_EQ(everything(*journal).size(), 10u);
}

TEST(SegmentFaults, HasRoomForAFullFrameAsLongAsItSaysSo) {
  FaultDisk disk;
  disk.set([](FaultDisk::Faults& faults) { faults.capacity_bytes = 3 * kSmallSegment; });
  auto journal = open_on(disk);
  claimed(*journal);
  uint64_t seq = 2;
  while (journal->space() == Space::normal) {
    ASSERT_TRUE(append_now(*journal, frame_of(1, seq++, kMaxFrameBytes - 200)).ok());
    // It may hesitate while the next segment is allocated; full is what stays so.
    if (seq < 4) wait_until([&] { return journal->space() == Space::normal; });
  }
  EXPECT_GE(seq, 4u);
  EXPECT_EQ(everything(*journal).size(), seq - 1);
}

TEST(SegmentFaults, UsesTheReserveThenRefusesThenRecoversByItself) {
  FaultDisk disk;
  auto journal = must(open_segments(with_reserve(disk)));
  claimed(*journal);
  wait_until([&] { return has_file(disk, "j/0/reserve") && has_file(disk, kSecond); });
  disk.set([](FaultDisk::Faults& faults) { faults.capacity_bytes = 0; });
  uint64_t seq = 2;
  for (; journal->space() == Space::normal; ++seq)
    ASSERT_TRUE(append_now(*journal, frame_of(1, seq, kBig)).ok());
  EXPECT_EQ(journal->space(), Space::reserve_only);
  // Small ones, such as revocations, fill what is left of the segment and then the reserve.
  uint64_t small = 0;
  for (; journal->space() == Space::reserve_only; ++seq, ++small)
    ASSERT_TRUE(append_now(*journal, frame_of(1, seq, 10)).ok());
  EXPECT_GT(small, 500u);
  EXPECT_EQ(journal->space(), Space::none);

  // Nothing is written that has no room, the seq stays free, and those behind it are refused in
  // order.
  Result<uint64_t> done(uint64_t{0});
  while ((done = append_now(*journal, frame_of(1, seq, kBig))).ok()) ++seq;
  EXPECT_EQ(done.error().reason, "journal.disk_full");
  EXPECT_EQ(done.error().code, Errc::unavailable);
  EXPECT_EQ(append_now(*journal, frame_of(1, seq + 1, 10)).error().reason, "journal.disk_full");
  EXPECT_EQ(journal->tail().seq, seq - 1);

  disk.set([](FaultDisk::Faults& faults) { faults.capacity_bytes = UINT64_MAX; });
  wait_until([&] { return journal->space() == Space::normal; });
  ASSERT_TRUE(append_now(*journal, frame_of(1, seq, kBig)).ok());
  wait_until([&] { return has_file(disk, "j/0/reserve"); });
  const auto all = everything(*journal);
  EXPECT_EQ(all.size(), seq);
  journal.reset();
  journal = must(open_segments(with_reserve(disk)));
  EXPECT_EQ(everything(*journal), all);
}

TEST(SegmentFaults, AnswersWhatIsQueuedBehindARefusedFrameInOrder) {
  FaultDisk disk;
  auto journal = open_on(disk);
  claimed(*journal);
  wait_until([&] { return has_file(disk, kSecond); });
  disk.set([](FaultDisk::Faults& faults) { faults.capacity_bytes = 0; });
  std::vector<std::future<Result<uint64_t>>> answers;
  for (uint64_t seq = 2; seq <= 12; ++seq)
    answers.push_back(append_later(*journal, frame_of(1, seq, kBig)));
  uint64_t accepted = 0;
  bool refused = false;
  for (auto& answer : answers) {
    const auto done = answer.get();
    EXPECT_FALSE(done.ok() && refused);
    accepted += done.ok();
    refused = !done.ok();
    EXPECT_TRUE(done.ok() || done.error().reason == "journal.disk_full");
  }
  EXPECT_EQ(accepted, 4u);  // two in each of two segments
  EXPECT_EQ(journal->tail().seq, 5u);
  disk.set([](FaultDisk::Faults& faults) { faults.capacity_bytes = UINT64_MAX; });
  wait_until([&] { return journal->space() == Space::normal; });
  EXPECT_EQ(*append_now(*journal, frame_of(1, 6, kBig)), 6u);
}

TEST(SegmentFaults, SaysOnceThatTheDiskIsFull) {
  FaultDisk disk;
  disk.set([](FaultDisk::Faults& faults) { faults.capacity_bytes = 0; });
  SegmentOptions options = on(disk);
  std::atomic<int> said{0}, tried{0};
  options.note = [&](std::string_view text) {
    EXPECT_EQ(text, "cannot prepare the next segment: No space left on device");
    ++said;
  };
  disk.set([&](FaultDisk::Faults& faults) {
    faults.allocate = [&](const std::string&) { return ++tried, -ENOSPC; };
  });
  auto journal = must(open_segments(options));
  EXPECT_EQ(journal->space(), Space::none);
  EXPECT_EQ(journal->claim("node-a", kIncarnation, 1).error().reason, "journal.disk_full");
  wait_until([&] { return tried >= 3; });
  EXPECT_EQ(said, 1);
  disk.set([](FaultDisk::Faults& faults) {
    faults.allocate = nullptr;
    faults.capacity_bytes = UINT64_MAX;
  });
  wait_until([&] { return journal->space() == Space::normal; });
  EXPECT_EQ(claimed(*journal).seq, 1u);
}

TEST(SegmentFaults, LosesNothingWhenThePowerGoesAtAnySyncOfARollOver) {
  FaultDisk disk;
  std::vector<std::pair<uint64_t, std::unique_ptr<FaultDisk>>> images;
  std::atomic<uint64_t> acknowledged{0};
  disk.set([&](FaultDisk::Faults& faults) {
    faults.sync = [&](const std::string&) {
      images.emplace_back(acknowledged.load(), disk.clone_unlocked());
      return 0;
    };
  });
  {
    auto journal = open_on(disk);
    claimed(*journal);
    acknowledged = 1;
    for (uint64_t seq = 2; seq <= 8; ++seq) {
      ASSERT_TRUE(append_now(*journal, frame_of(1, seq, kBig)).ok());
      acknowledged = seq;
    }
  }
  ASSERT_GT(images.size(), 10u);
  for (auto& [before, image] : images) {
    for (const uint64_t step : {1u, 2u, 3u, 7u}) {
      const auto crashed = image->clone();
      crashed->lose_power(
          [step](const std::string&, uint64_t sector) { return sector % step == 0 && step > 1; });
      const auto kept = recovered(*crashed);
      ASSERT_GE(kept.size(), before);
      ASSERT_FALSE(testing::Test::HasFailure());
    }
  }
}

TEST(SegmentFaults, IsReadByAnotherProcessWhileItIsWritten) {
  FaultDisk disk;
  auto journal = open_on(disk);
  claimed(*journal);
  std::atomic<bool> written{false};
  std::thread reader([&] {
    while (!written) {
      const uint64_t durable = journal->tail().seq;
      auto other = open_segments_read_only("j", 0, &disk);
      ASSERT_TRUE(other.ok()) << other.error().reason << other.error().detail;
      ASSERT_GE((*other)->tail().seq, durable);
      ASSERT_EQ(everything(**other).size(), (*other)->tail().seq);
    }
  });
  for (uint64_t seq = 2; seq <= 300; ++seq)
    ASSERT_TRUE(append_now(*journal, frame_of(1, seq, seq * 97 % 9'000)).ok());
  written = true;
  reader.join();
}

TEST(SegmentFaults, ChangesNothingWhenOpenedReadOnly) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, {10, 3'000});
  }
  disk.change(kFirst,
              [](std::string& content) { std::fill_n(content.begin() + 2'048, 512, '\0'); });
  const std::string before = disk.content(kFirst);
  auto journal = must(open_segments_read_only("j", 0, &disk));
  EXPECT_EQ(journal->tail().seq, 2u);  // the third is torn
  EXPECT_EQ(journal->claim("x", kIncarnation, 1).error().code, Errc::denied);
  EXPECT_EQ(append_now(*journal, frame_of(1, 3)).error().reason, "journal.read_only");
  EXPECT_EQ(disk.content(kFirst), before);
  EXPECT_EQ(open_segments_read_only("elsewhere", 0).error().code, Errc::not_found);
}

TEST(SegmentFaults, RefusesOptionsThatNoFrameFits) {
  FaultDisk disk;
  SegmentOptions options = on(disk);
  options.segment_bytes = 100 * kSectorBytes;
  EXPECT_EQ(open_segments(options).error().code, Errc::invalid);
  options.segment_bytes = kSmallSegment + 1;
  EXPECT_EQ(open_segments(options).error().code, Errc::invalid);
}

TEST(Record, HasTheChecksumOfRfc3720) { EXPECT_EQ(crc32c("123456789"), 0xe3069283u); }

TEST(Record, TakesWholeSectorsForEveryLength) {
  for (size_t length = kFrameHeaderBytes; length < 3'000; ++length) {
    const std::string frame = frame_of(1, 2, 3'000).substr(0, length);
    std::string record(record_bytes(length) + 1, 'x');
    write_record(record.data(), {0, 1, 2, 1, 0}, frame);
    ASSERT_EQ(record.back(), 'x');
    RecordHeader header;
    ASSERT_EQ(read_header(record.data(), header), HeaderState::good);
    std::string back;
    ASSERT_EQ(read_frame(record.data(), header, back), FrameState::good);
    ASSERT_EQ(back, frame);
    for (size_t at = 0; at + 1 < record.size(); at += kSectorBytes) ASSERT_NE(record[at], 0);
  }
  EXPECT_EQ(record_bytes(kMaxFrameBytes), kMaxRecordBytes);
}

}  // namespace
}  // namespace watchword::journal
