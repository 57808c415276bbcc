// Walks over the records of a partition's segment files, in order, and finds where they end.
#pragma once
#include <memory>
#include <string>

#include "stores/journal/catalog.h"
#include "stores/journal/disk.h"
#include "stores/journal/record.h"

namespace watchword::journal {

enum class Found : uint8_t {
  record,
  zero,  // the sector is free
  torn,  // a good header, and at least one sector of the frame is all zero
  bad,   // bytes that were never written so
  end,   // the end of the file
};

// One thread. Errors: io, corrupt (a file shorter than it was). Reads ahead: what it says of free
// sectors may be older than what a live writer has put there since; go() forgets what was read.
class Walker {
 public:
  Walker(Disk& disk, const Catalog& catalog, Place start, size_t ahead_bytes = 1024 * 1024)
      : disk_(disk), catalog_(catalog), ahead_bytes_(ahead_bytes), place_(start) {}

  Place place() const { return place_; }
  void go(Place place);
  // What stands at the place. A record: header(), and frame() unless `header_only`.
  Result<Found> look(bool header_only = false);
  const RecordHeader& header() const { return header_; }
  const std::string& frame() const { return frame_; }
  void skip_record() { place_.offset += record_bytes(header_.length); }
  void skip_sector() { place_.offset += kSectorBytes; }
  // Whether the sector at the place, just looked at, may be one of a record's others.
  bool at_next_sector() const;
  // As look(), but where a segment ends before the record `seq`, first goes on to the next segment.
  // The free rest that is left behind must be zero: else `bad`, with the place at what is not.
  Result<Found> look_for(uint64_t seq, bool header_only = false);
  // To the first sector at or after the place that is not zero, or to the end of the file. True:
  // there is one.
  Result<bool> skip_zeros();

 private:
  Result<const char*> view(size_t bytes);
  Result<> open_file();
  Result<> fill(size_t bytes);
  Result<bool> begins_next_segment(uint64_t seq);

  Disk& disk_;
  const Catalog& catalog_;
  const size_t ahead_bytes_;
  Place place_;
  RecordHeader header_;
  std::string frame_;
  std::unique_ptr<File> file_;
  uint32_t open_number_ = 0;
  uint64_t file_bytes_ = 0;
  std::unique_ptr<char[]> window_;
  size_t capacity_ = 0;
  uint64_t window_offset_ = 0;
  size_t window_bytes_ = 0;
};

}  // namespace watchword::journal
