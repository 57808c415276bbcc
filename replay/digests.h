// The digests of changed rows that a node logged in its journal, and which of them a fold from zero can check.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "processors/fold/state.h"
#include "schemas/control.pb.h"

namespace watchword::replay {

// SHA-256 over the rows changed in (from_seq, to_seq], in key order.
struct LoggedDigest {
  uint64_t logged_in = 0;  // the frame that says so
  uint64_t from_seq = 0, to_seq = 0, rows = 0;
  uint32_t fold = 0;
  std::string sha256;
};
LoggedDigest read_digest(const v1::Digest& digest, uint64_t logged_in);

struct DigestPlan {
  std::vector<LoggedDigest> compared;  // in order, none overlaps another
  std::vector<std::string> left_out;   // a sentence each
};
// Left out: ranges of another fold, and those that reach back behind an earlier one's end, which come of a rebuild from zero.
DigestPlan plan_digests(std::vector<LoggedDigest> logged);

// Follows a fold through the planned ranges. Rows are frozen at both ends of a range, as the checkpoint that logged it did.
class DigestChecker {
 public:
  explicit DigestChecker(DigestPlan plan) : plan_(std::move(plan)) {}
  // The state has just been folded up to `seq`. An error, corrupt "replay.digest": the rows are not those of the node.
  Result<> at(fold::State& state, uint64_t seq);
  size_t compared() const { return next_; }

 private:
  void freeze(fold::State& state, rows::Batch& batch);
  DigestPlan plan_;
  size_t next_ = 0;
  uint64_t frozen_at_ = 0;
};

}  // namespace watchword::replay
