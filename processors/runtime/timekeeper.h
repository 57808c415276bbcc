// The time of a partition's frames (PROTOCOL.md section 2): it never goes back, and within a term it advances by the boot
// clock, so that a stepped wall clock cannot revive or expire anything. One thread, but for reads_ms.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>

#include "events/base/clock.h"

namespace watchword::runtime {

class Timekeeper {
 public:
  static constexpr int64_t kDriftMs = 5'000;
  static constexpr int64_t kAbsenceMs = 24 * 3'600'000;

  explicit Timekeeper(const Clock& clock) : clock_(clock) {}

  // A term begins behind a frame of `last_ms` (0: none).
  void begin(int64_t last_ms);
  // The next frame's time.
  int64_t frame_ms();
  // What readers compare with: the frame time or the highest wall time seen, whichever is later. Any thread.
  int64_t read_ms() const;
  // Empty, or why the clock is in doubt: then only revoking goes on, until the wall clock returns or accept().
  const std::string& doubt();
  void accept();

 private:
  const Clock& clock_;
  int64_t base_wall_ms_ = 0, base_boot_us_ = 0, last_ms_ = 0, vouched_off_ms_ = 0;
  mutable std::atomic<int64_t> highest_ms_{0};
  bool absent_ = false;
  std::string doubt_;
};

}  // namespace watchword::runtime
