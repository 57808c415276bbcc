#include "events/base/clock.h"

#include <sys/random.h>
#include <time.h>

#include <cstring>

#include "events/base/result.h"

namespace watchword {
namespace {

int64_t read_us(clockid_t id) {
  timespec now;
  WATCHWORD_CHECK(clock_gettime(id, &now) == 0);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

class SystemClock final : public Clock {
 public:
  int64_t wall_ms() const override { return read_us(CLOCK_REALTIME) / 1'000; }
  int64_t boottime_us() const override { return read_us(CLOCK_BOOTTIME); }
};

void from_kernel(uint8_t* out, size_t size) {
  while (size > 0) {
    const ssize_t got = getrandom(out, size, 0);
    if (got < 0) continue;  // EINTR only: the pool is ready once the process runs
    out += got;
    size -= static_cast<size_t>(got);
  }
}

class SystemEntropy final : public Entropy {
 public:
  void fill(std::span<uint8_t> out) override {
    if (out.size() > kBlock / 4) return from_kernel(out.data(), out.size());
    thread_local Block block;
    if (block.used + out.size() > kBlock) {
      from_kernel(block.bytes, kBlock);
      block.used = 0;
    }
    std::memcpy(out.data(), block.bytes + block.used, out.size());
    explicit_bzero(block.bytes + block.used, out.size());
    block.used += out.size();
  }

 private:
  static constexpr size_t kBlock = 4096;
  struct Block {
    uint8_t bytes[kBlock];
    size_t used = kBlock;
  };
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

Entropy& system_entropy() {
  static SystemEntropy entropy;
  return entropy;
}

}  // namespace watchword
