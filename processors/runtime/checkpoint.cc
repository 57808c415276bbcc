// A partition's checkpoints (PROTOCOL.md section 5): drained for a moment, so that rows kept in place stand at the same
// position as all others, then encoded in slices between turns and written by another thread.
#include <algorithm>

#include "events/base/crash_point.h"
#include "processors/fold/fold.h"
#include "processors/runtime/task.h"

namespace watchword::runtime {

bool PartitionTask::checkpoint_is_due() const {
  if (setup_.database == nullptr || state_.footprint().dirty == 0) return false;
  // Under a small bound the rows that may not be dropped must stay a part of it.
  const size_t bound = state_.memory_limit_bytes() == 0 ? ~size_t{0} : state_.memory_limit_bytes() / 4;
  return checkpoint_wanted_ || stopping_ ||
         state_.footprint().dirty >= std::min(limits_.checkpoint_dirty_bytes, bound) ||
         checkpoint_age_us() >= limits_.checkpoint_every_us;
}

void PartitionTask::checkpoint_step() {
  if (phase_ == Phase::idle && checkpoint_is_due()) phase_ = Phase::draining;
  if (phase_ == Phase::draining && flights_.empty()) begin_checkpoint();
  bool more = false;
  if (phase_ == Phase::encoding) {
    more = true;
    if (state_.encode_some(limits_.slice_rows) == 0) {
      more = false;
      crash_point(CrashPoint::checkpoint_encoded);
      write_checkpoint();
    }
  } else if (phase_ == Phase::releasing) {
    more = state_.release_some(limits_.slice_rows * 8) > 0;
    if (!more) phase_ = Phase::idle;
  }
  if (more) pump_soon();
  const bool idle = phase_ == Phase::idle && flights_.empty() && waiting_commands() == 0 &&
                    observations_.empty();
  if (stopping_ && idle && stopped_ && !checkpoint_is_due()) std::exchange(stopped_, nullptr)();
}

void PartitionTask::begin_checkpoint() {
  checkpoint_wanted_ = false;
  const auto tail = setup_.journal->tail();
  if (tail.seq != state_.seq())  // nothing of ours is in flight: the frame behind ours is another owner's claim
    return halt({Errc::conflict, "task.checkpoint.fenced", "another node has claimed this partition"});
  batch_ = std::make_shared<rows::Batch>();
  stamp_ = {state_.seq(), fold::kFoldVersion, tail.hash};
  state_.freeze(*batch_);
  crash_point(CrashPoint::checkpoint_frozen);
  phase_ = Phase::encoding;
  last_checkpoint_us_ = setup_.clock->boottime_us();
  pump_soon();
}

void PartitionTask::write_checkpoint() {
  phase_ = Phase::writing;
  const bool queued = setup_.workers->run([this, alive = alive_, loop = setup_.loop,
                                           database = setup_.database, batch = batch_,
                                           stamp = stamp_] {
    const auto sorted = batch->sorted();
    uint64_t rows = 0;
    const auto digest = rows::Batch::digest(sorted, rows);
    const auto written = database->write(sorted, stamp);
    loop->post([this, alive, written, digest, rows] {
      if (*alive) checkpoint_written(written, digest, rows);
    });
  });
  if (queued) return;
  setup_.loop->after(100'000, [this, alive = alive_] {
    if (*alive && phase_ == Phase::writing) write_checkpoint();
  });
}

void PartitionTask::checkpoint_written(Result<> written, std::array<uint8_t, 32> digest,
                                       uint64_t rows) {
  if (!started_) return;
  if (!written) {
    if (written.error().code == Errc::corrupt) return halt(written.error());
    // The set is kept and tried again: rows stay in memory, nothing is lost.
    setup_.loop->after(1'000'000, [this, alive = alive_] {
      if (*alive && started_ && phase_ == Phase::writing) write_checkpoint();
    });
    return;
  }
  ++counters_.checkpoints;
  if (!stopping_) {
    v1::Event event;
    auto& logged = *event.mutable_control()->mutable_digest();
    logged.set_from_seq(checkpointed_seq_);
    logged.set_to_seq(stamp_.seq);
    logged.set_sha256(digest.data(), digest.size());
    logged.set_rows(rows);
    logged.set_fold(stamp_.fold_version);
    own_events_.push_back(std::move(event));
  }
  checkpointed_seq_ = stamp_.seq;
  auto garbage = std::make_shared<views::OrderedIndex::Changes>(state_.finish_checkpoint());
  crash_point(CrashPoint::checkpoint_released);
  setup_.workers->run([garbage, batch = std::move(batch_)] {});
  phase_ = Phase::releasing;
  pump();
}

}  // namespace watchword::runtime
