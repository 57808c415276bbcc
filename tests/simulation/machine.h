// The parts of a simulated machine that stand behind production interfaces.
#pragma once
#include <rocksdb/env.h>

#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "events/base/clock.h"
#include "processors/runtime/loop.h"
#include "stores/journal/stepper.h"
#include "tests/simulation/chance.h"

namespace watchword::simulation {

inline constexpr int64_t kBegin = 1'790'000'000'000;  // ms

class SimulatedClock final : public Clock {
 public:
  int64_t wall_ms() const override { return wall + ahead_ms; }
  int64_t boottime_us() const override { return boot_us; }
  void pass(int64_t us) {
    boot_us += us;
    wall = kBegin + boot_us / 1'000;
  }
  int64_t wall = kBegin, boot_us = 0;
  int64_t ahead_ms = 0;  // how wrong the wall clock is
};

class SimulatedEntropy final : public Entropy {
 public:
  explicit SimulatedEntropy(uint64_t seed) : chance_(seed) {}
  void fill(std::span<uint8_t> out) override {
    for (auto& byte : out) byte = static_cast<uint8_t>(chance_.draw() >> 13);
  }

 private:
  Chance chance_;
};

// OpenSSL's own draws (signing keys, signatures) come from `entropy` from now on: it outlives all use.
void draw_openssl_from(Entropy& entropy);

// Timers of all loops, by the simulated clock.
class Timers {
 public:
  void add(int64_t at_us, boost::asio::io_context& core, std::function<void()> work);
  // Hands what is due to its core.
  bool fire(int64_t now_us);
  int64_t next_us() const { return timers_.empty() ? INT64_MAX : timers_.begin()->first; }
  void clear() { timers_.clear(); }

 private:
  std::multimap<int64_t, std::pair<boost::asio::io_context*, std::function<void()>>> timers_;
};

class SimulatedLoop final : public runtime::Loop {
 public:
  SimulatedLoop(boost::asio::io_context& core, Timers& timers, const Clock& clock)
      : core_(core), timers_(timers), clock_(clock) {}
  void post(std::function<void()> work) override;
  void after(int64_t delay_us, std::function<void()> work) override {
    timers_.add(clock_.boottime_us() + delay_us, core_, std::move(work));
  }

 private:
  boost::asio::io_context& core_;
  Timers& timers_;
  const Clock& clock_;
};

// RocksDB's own threads, whose work the simulation waits for: what its files are must not depend on how fast they were.
class RowsEnv final : public rocksdb::EnvWrapper {
 public:
  RowsEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  void Schedule(void (*work)(void*), void* argument, Priority priority, void* tag,
                void (*unscheduled)(void*)) override;
  // Returns when they have nothing to do.
  void rest();

 private:
  struct Task;
  void ended();
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t under_way_ = 0;
};

// Work that waits for a worker.
struct Jobs {
  std::deque<std::function<void()>> waiting;
  bool busy = false;  // takes no more
  bool run_one();
};

class SimulatedWorkers final : public runtime::Workers {
 public:
  explicit SimulatedWorkers(Jobs& jobs) : jobs_(jobs) {}
  ~SimulatedWorkers() override { jobs_.waiting.clear(); }
  bool run(std::function<void()> work) override {
    if (jobs_.busy) return false;
    jobs_.waiting.push_back(std::move(work));
    return true;
  }

 private:
  Jobs& jobs_;
};

// What the journals have to do.
class Steps final : public journal::Stepper {
 public:
  void add(const void* owner, std::function<bool()> step) override {
    owners_.emplace_back(owner, std::move(step));
  }
  void remove(const void* owner) override {
    std::erase_if(owners_, [&](const auto& entry) { return entry.first == owner; });
  }
  // Some owner's step, beginning the search anywhere. False: none had work.
  bool run_one(Chance& chance);

 private:
  std::vector<std::pair<const void*, std::function<bool()>>> owners_;
};

}  // namespace watchword::simulation
