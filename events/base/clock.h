// Time and chance come in through these, so that a run can be repeated exactly.
#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace watchword {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t wall_ms() const = 0;      // milliseconds since 1970 UTC; may jump
  virtual int64_t boottime_us() const = 0;  // never goes back, counts while suspended
};

// Thread-safe; cryptographically secure in production.
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void fill(std::span<uint8_t> out) = 0;

  template <size_t N>
  std::array<uint8_t, N> draw() {
    std::array<uint8_t, N> bytes;
    fill(bytes);
    return bytes;
  }
};

const Clock& system_clock();
Entropy& system_entropy();  // getrandom(2); in blocks, so that many small draws cost one call

}  // namespace watchword
