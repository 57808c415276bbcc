// The rule of which frames count (the journal is fenced inside itself), the same for every journal
// and for replay.
#pragma once
#include <optional>
#include <string_view>

#include "stores/journal/journal.h"

namespace watchword::journal {

// Takes a partition's frames in the order in which they stand in the log. One thread.
// A Claim counts iff its epoch is the current one + 1; it is exempt from seq and previous hash and
// gets seq last + 1. Any other frame counts iff its epoch is the current one, its seq last + 1 and
// its previous the hash of the last.
class Follower {
 public:
  // From the first frame of the partition on.
  explicit Follower(uint32_t partition) : partition_(partition), known_(true) {}
  // Right behind `last`.
  Follower(uint32_t partition, const Tail& last)
      : partition_(partition), known_(true), last_(last) {}
  // From the frame `seq` on, whose epoch and previous hash are taken on trust.
  static Follower from(uint32_t partition, uint64_t seq);

  // The frame as it counts (`bytes` are the caller's), or nullopt if it does not: why_not() then
  // says why. Errors: corrupt ("journal.frame.*", or "journal.partition": a frame of another
  // partition).
  Result<std::optional<Stored>> take(std::string_view frame);
  const Tail& last() const { return last_; }
  std::string_view why_not() const { return why_not_; }

 private:
  explicit Follower(uint32_t partition, uint64_t seq) : partition_(partition) {
    last_.seq = seq - 1;
  }
  uint32_t partition_;
  bool known_ = false;
  Tail last_;
  std::string_view why_not_;
};

}  // namespace watchword::journal
