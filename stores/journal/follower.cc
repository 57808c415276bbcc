#include "stores/journal/follower.h"

#include "stores/journal/frame.h"

namespace watchword::journal {
namespace {

// What is wrong with the frame's place after `last`; empty: it counts.
std::string_view misfit(const Header& header, bool is_claim, const Tail& last) {
  if (is_claim)
    return header.epoch == last.epoch + 1 ? "" : "the claim's epoch is not the next one";
  if (header.epoch != last.epoch) return "its epoch is not the current one";
  if (header.seq != last.seq + 1) return "its seq is not the next one";
  return header.previous == last.hash ? "" : "its previous hash is not that of the frame before";
}

}  // namespace

Follower Follower::from(uint32_t partition, uint64_t seq) {
  return seq <= 1 ? Follower(partition) : Follower(partition, seq);
}

Result<std::optional<Stored>> Follower::take(std::string_view frame) {
  const auto view = FrameView::open(frame);
  if (!view) return view.error();
  const Header& header = view->header();
  if (header.partition != partition_)
    return Error{Errc::corrupt, "journal.partition",
                 "frame of " + std::to_string(header.partition)};
  if (view->is_claim()) {
    if (auto claim = view->claim(); !claim) return claim.error();
  }
  if (!known_) {
    last_.epoch = header.epoch - (view->is_claim() ? 1 : 0);
    last_.hash = header.previous;
    known_ = true;
  }
  why_not_ = misfit(header, view->is_claim(), last_);
  if (!why_not_.empty()) return std::optional<Stored>();
  last_ = {header.epoch, last_.seq + 1, header.time_ms, chain(last_.hash, frame)};
  return std::optional(
      Stored{last_.epoch, last_.seq, last_.time_ms, view->is_claim(), last_.hash, frame});
}

}  // namespace watchword::journal
