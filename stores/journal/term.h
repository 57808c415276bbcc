// What a journal that writes must know to admit or refuse a frame of its current term.
#pragma once
#include <optional>

#include "stores/journal/frame.h"

namespace watchword::journal {

// Plain data; whoever owns it locks.
class Term {
 public:
  explicit Term(uint32_t partition) : partition_(partition) {}

  // Whether this frame is the next one of the term. Errors: as told at Journal::append. An error
  // that ends the term is kept.
  Result<> admit(const Result<FrameView>& frame);
  // A claim of `epoch` stands at `seq`.
  void begin(uint64_t epoch, uint64_t seq);
  void end(Error error);
  // No room was found for `seq`: it and what is queued behind it is off.
  void refuse_from(uint64_t seq);
  uint64_t epoch() const { return epoch_; }
  const std::optional<Error>& over() const { return over_; }

 private:
  const uint32_t partition_;
  uint64_t epoch_ = 0;
  uint64_t next_seq_ = 1;
  bool refusing_ = false;
  std::optional<Error> over_ = Error{Errc::conflict, "journal.append.not_claimed", ""};
};

Error disk_full();

}  // namespace watchword::journal
