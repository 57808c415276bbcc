#include "processors/runtime/timekeeper.h"

#include <algorithm>

namespace watchword::runtime {
namespace {

int64_t raise(std::atomic<int64_t>& highest_ms, int64_t to_ms) {
  int64_t highest = highest_ms.load(std::memory_order_relaxed);
  while (to_ms > highest &&
         !highest_ms.compare_exchange_weak(highest, to_ms, std::memory_order_relaxed)) {
  }
  return std::max(to_ms, highest);
}

}  // namespace

void Timekeeper::begin(int64_t last_ms) {
  base_wall_ms_ = std::max(clock_.wall_ms(), last_ms);
  base_boot_us_ = clock_.boottime_us();
  last_ms_ = last_ms;
  raise(highest_ms_, last_ms);
  absent_ = last_ms != 0 && clock_.wall_ms() > last_ms + kAbsenceMs;
}

int64_t Timekeeper::frame_ms() {
  const int64_t now = base_wall_ms_ + (clock_.boottime_us() - base_boot_us_) / 1'000;
  // In doubt, time stands still but for what has passed on the boot clock since the last frame of before.
  last_ms_ = std::max(last_ms_, absent_ ? last_ms_ : now);
  raise(highest_ms_, last_ms_);
  return last_ms_;
}

int64_t Timekeeper::read_ms() const { return raise(highest_ms_, clock_.wall_ms()); }

const std::string& Timekeeper::doubt() {
  const int64_t expected = base_wall_ms_ + (clock_.boottime_us() - base_boot_us_) / 1'000;
  const int64_t off = clock_.wall_ms() - expected - vouched_off_ms_;
  doubt_.clear();
  if (absent_)
    doubt_ = "the last frame is more than 24 h old: check the clock, then run 'watchword clock accept'";
  else if (off > kDriftMs || off < -kDriftMs)
    doubt_ = "the wall clock was stepped by " + std::to_string(off) +
             " ms: set it right, or run 'watchword clock accept'";
  return doubt_;
}

void Timekeeper::accept() {
  absent_ = false;
  base_wall_ms_ = std::max(clock_.wall_ms(), last_ms_);
  base_boot_us_ = clock_.boottime_us();
  // A clock that was set back stays behind the frames, whose time never goes back; that is known now.
  vouched_off_ms_ = clock_.wall_ms() - base_wall_ms_;
}

}  // namespace watchword::runtime
