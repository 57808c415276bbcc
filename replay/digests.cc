#include "replay/digests.h"

#include <algorithm>

#include "events/crypto/hash.h"

namespace watchword::replay {
namespace {

constexpr size_t kAllRows = size_t{1} << 40;

std::string range_text(const LoggedDigest& digest) {
  return "rows changed in frames " + std::to_string(digest.from_seq + 1) + " to " +
         std::to_string(digest.to_seq) + " (digest logged in frame " +
         std::to_string(digest.logged_in) + ")";
}

}  // namespace

LoggedDigest read_digest(const v1::Digest& digest, uint64_t logged_in) {
  return {logged_in,     digest.from_seq(), digest.to_seq(),
          digest.rows(), digest.fold(),     digest.sha256()};
}

DigestPlan plan_digests(std::vector<LoggedDigest> logged) {
  DigestPlan plan;
  uint64_t covered_to = 0;
  for (auto& digest : logged) {
    if (digest.fold != fold::kFoldVersion) {
      plan.left_out.push_back(range_text(digest) + " not compared: made by fold " +
                              std::to_string(digest.fold));
    } else if (digest.from_seq < covered_to || digest.to_seq <= digest.from_seq) {
      plan.left_out.push_back(range_text(digest) + " not compared: overlaps an earlier range");
    } else {
      covered_to = digest.to_seq;
      plan.compared.push_back(std::move(digest));
    }
  }
  return plan;
}

void DigestChecker::freeze(fold::State& state, rows::Batch& batch) {
  state.freeze(batch);
  while (state.encode_some(kAllRows) > 0) {
  }
  state.finish_checkpoint();
  while (state.release_some(kAllRows) > 0) {
  }
}

Result<> DigestChecker::at(fold::State& state, uint64_t seq) {
  if (next_ == plan_.compared.size()) return {};
  const LoggedDigest& digest = plan_.compared[next_];
  Result<> outcome;
  if (seq == digest.to_seq) {
    rows::Batch batch;
    freeze(state, batch);
    frozen_at_ = seq;
    uint64_t rows = 0;
    const auto sha256 = rows::Batch::digest(batch.sorted(), rows);
    if (crypto::view(sha256) != digest.sha256 || rows != digest.rows)
      outcome = Error{Errc::corrupt, "replay.digest",
                      range_text(digest) + " differ: the node had " + std::to_string(digest.rows) +
                          " rows, the fold has " + std::to_string(rows)};
    ++next_;
  }
  const bool begins = next_ < plan_.compared.size() && plan_.compared[next_].from_seq == seq;
  if (begins && frozen_at_ != seq) {
    rows::Batch dropped;
    freeze(state, dropped);
    frozen_at_ = seq;
  }
  return outcome;
}

}  // namespace watchword::replay
