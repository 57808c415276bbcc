// The segment files of one partition and where in them a seq is to be found.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "stores/journal/disk.h"

namespace watchword::journal {

struct Segment {
  uint32_t number = 0;     // 1, 2, 3, ...
  uint64_t bytes = 0;      // of the file, always whole sectors
  uint64_t first_seq = 0;  // 0: no record yet, or not readable
};

// Where a record stands.
struct Place {
  uint32_t number = 1;
  uint64_t offset = 0;
  auto operator<=>(const Place&) const = default;
};

// Thread-safe. Keeps a mark for about every 256 KiB that was walked over (8 bytes each, 32 MB for a
// journal of 1 TB), so that one frame is found without walking a whole file.
class Catalog {
 public:
  // Lists the files and reads each one's first record header. Errors: io, corrupt (a number is
  // missing, an odd length).
  static Result<std::unique_ptr<Catalog>> open(Disk& disk, std::string directory);
  explicit Catalog(std::string directory) : directory_(std::move(directory)) {}

  std::string path(uint32_t number) const;
  std::string describe(Place place) const;  // "<path> at byte <offset>"
  uint32_t last() const;                    // 0: none
  Segment segment(uint32_t number) const;   // must be there
  uint64_t bytes_before(uint32_t number) const;
  void add(Segment segment);
  void forget_after(uint32_t number);
  // No record stands at `end` or behind it, whatever a file's first header said.
  void ends_at(Place end);

  // A record was seen there.
  void note(uint64_t seq, Place place);
  // The nearest known place at or before `seq`; segment 1, byte 0 if nothing is known.
  Place find(uint64_t seq) const;

 private:
  struct Mark {
    uint32_t seqs;  // behind the segment's first
    uint32_t sectors;
  };
  struct Entry {
    Segment segment;
    std::vector<Mark> marks;  // ascending
  };

  const std::string directory_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

std::string segment_name(uint32_t number);

}  // namespace watchword::journal
