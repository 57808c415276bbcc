// The embedded journal: preallocated segment files in one folder per partition. README.md has the
// bytes.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "stores/journal/disk.h"
#include "stores/journal/journal.h"
#include "stores/journal/stepper.h"

namespace watchword::journal {

struct SegmentOptions {
  std::string directory;  // of all partitions; this one's files stand in <directory>/<partition>/
  uint32_t partition = 0;
  uint64_t segment_bytes = 64 * 1024 * 1024;  // whole sectors, at least 512 KiB
  uint64_t reserve_bytes = 8 * 1024 * 1024;   // the same, or 0: none; always shorter than a segment
  bool zero_fill =
      true;  // write real zeros ahead, so that a sync need not change the file's block map
  int retry_ms = 1000;   // how often a full disk is tried again
  Disk* disk = nullptr;        // nullptr: system_disk()
  Stepper* stepper = nullptr;  // nullptr: two threads of its own
  // After a failed write or sync, before anybody is answered, on the journal's thread. The page
  // cache cannot be trusted any more, so it should end the process; empty: says so on stderr and
  // exits with 74 at once. If it returns, this Journal answers every append and claim with the
  // error.
  std::function<void(const Error&)> on_fatal;
  // One line for the operator (a tail was cut, the disk is full, the reserve is in use); any
  // thread.
  std::function<void(std::string_view)> note;
};

// Opens or creates. Recovers: cuts a torn tail, makes what stays durable. The caller holds the
// folder's lock, so that nobody else writes. Reads the last 8 MiB of segments or more and the free
// rest. Destroying the Journal first finishes what was appended. Errors: invalid (options), io,
// corrupt (names file and offset).
Result<std::unique_ptr<Journal>> open_segments(SegmentOptions options);

// For replay, also on the folder of a running node: takes no lock and changes nothing. The journal
// ends for it where it ended at opening; a torn tail is the end. claim() and append() answer
// denied, "journal.read_only". What looks corrupt is looked at again after patience_ms: longer than
// a live writer takes to copy one batch into the page cache. not_found: no such folder.
Result<std::unique_ptr<Journal>> open_segments_read_only(const std::string& directory,
                                                         uint32_t partition, Disk* disk = nullptr,
                                                         int patience_ms = 50);

}  // namespace watchword::journal
