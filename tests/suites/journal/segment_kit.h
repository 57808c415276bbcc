// A segment journal on a disk in memory.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "stores/journal/record.h"
#include "stores/journal/segment.h"
#include "tests/suites/journal/journal_kit.h"
#include "tests/support/fault_disk.h"

namespace watchword::journal {

inline constexpr uint64_t kSmallSegment = 512 * 1024;
inline const std::string kFirst = "j/0/0000000001.segment";
inline const std::string kSecond = "j/0/0000000002.segment";

inline SegmentOptions on(Disk& disk) {
  SegmentOptions options;
  options.directory = "j";
  options.segment_bytes = kSmallSegment;
  options.reserve_bytes = 0;
  options.retry_ms = 1;
  options.disk = &disk;
  options.on_fatal = [](const Error&) {};
  return options;
}

inline std::unique_ptr<Journal> must(Result<std::unique_ptr<Journal>> journal) {
  EXPECT_TRUE(journal.ok()) << journal.error().reason << " " << journal.error().detail;
  return journal ? std::move(*journal) : nullptr;
}
inline std::unique_ptr<Journal> open_on(Disk& disk) { return must(open_segments(on(disk))); }

// The error of opening or, if that goes well, of reading everything; "" if all is well.
inline Error trouble(Disk& disk) {
  auto journal = open_segments_read_only("j", 0, &disk, 0);
  if (!journal) return journal.error();
  auto kept = read_all_from(**journal, 1);
  return kept ? Error{Errc::internal, "", ""} : kept.error();
}

// Opens for writing, claims, appends and reads back: whatever was recovered can be built upon.
inline std::vector<Kept> recovered(FaultDisk& disk) {
  std::vector<Kept> before;
  {
    auto journal = open_on(disk);
    if (!journal) return {};
    before = everything(*journal);
    claimed(*journal);
    append_all(*journal, {700, 10});
  }
  auto journal = open_on(disk);
  if (!journal) return {};
  const auto after = everything(*journal);
  EXPECT_EQ(after.size(), before.size() + 3);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));
  return before;
}

}  // namespace watchword::journal
