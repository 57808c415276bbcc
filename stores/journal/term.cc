#include "stores/journal/term.h"

namespace watchword::journal {
namespace {

Error misuse(std::string_view reason, std::string detail) {
  return {Errc::internal, reason, std::move(detail)};
}

}  // namespace

Result<> Term::admit(const Result<FrameView>& view) {
  if (view && view->header().epoch < epoch_)
    return Error{Errc::conflict, "journal.append.stale_epoch",
                 std::to_string(view->header().epoch)};
  if (over_) return *over_;
  const uint64_t seq = view ? view->header().seq : 0;
  if (!view) {
    end(misuse("journal.append.frame", std::string(view.error().reason)));
  } else if (view->header().partition != partition_ || view->is_claim()) {
    end(misuse("journal.append.foreign", "another partition's, or a claim"));
  } else if (refusing_ && view->header().epoch == epoch_ && seq > next_seq_) {
    return disk_full();
  } else if (view->header().epoch != epoch_ || seq != next_seq_) {
    end(misuse("journal.append.seq",
               std::to_string(seq) + " instead of " + std::to_string(next_seq_)));
  }
  if (over_) return *over_;
  refusing_ = false;
  ++next_seq_;
  return {};
}

void Term::begin(uint64_t epoch, uint64_t seq) {
  epoch_ = epoch;
  next_seq_ = seq + 1;
  refusing_ = false;
  over_.reset();
}

void Term::end(Error error) {
  if (!over_) over_ = std::move(error);
}

void Term::refuse_from(uint64_t seq) {
  next_seq_ = seq;
  refusing_ = true;
}

Error disk_full() { return {Errc::unavailable, "journal.disk_full", ""}; }

}  // namespace watchword::journal
