// What a run of seeds did, summed over processes: plain bytes through a pipe.
#pragma once
#include <array>
#include <cstdint>

#include "events/base/crash_point.h"
#include "schemas/frame.pb.h"

namespace watchword::simulation {

enum class Fault : uint8_t {
  kill,             // the process, at a named point or between two steps
  power_loss,       // unsynced sectors dropped, kept or torn in any mixture
  torn_sector,      // of one of them only a part arrived
  clean_stop,
  write_error,      // or a failed sync: the process ends by itself
  short_write,
  interrupted,      // EINTR
  slow_disk,
  disk_full,
  clock_back,       // the wall clock, an hour
  clock_forward,    // a year
  slow_workers,
  busy_workers,     // their queue is full
  foreign_claim,    // another node takes the partition (shared log)
  failed_append,    // the broker says no (shared log)
  older_rows,       // the node comes back with an earlier checkpoint
  no_rows,          // with none
  damaged_rows,     // a bit of a RocksDB file flips while it is down
  damaged_journal,  // a bit of a copy of the journal: found and named, or without effect
  count_
};

struct Tally {
  uint64_t seeds = 0, steps = 0, requests = 0, lost = 0, crashes = 0, restarts = 0, frames = 0, checks = 0, failures = 0;
  uint64_t slowest_ms = 0;
  std::array<uint64_t, static_cast<size_t>(Fault::count_)> faults{};
  std::array<uint64_t, kCrashPoints.size()> points{};  // crashed at
  std::array<uint64_t, 600> statuses{};                // answers by HTTP status
  std::array<uint64_t, 256> facts{};                   // folded, by kind: message << 5 | field

  void add(const Tally& other) {
    auto* into = reinterpret_cast<uint64_t*>(this);
    const auto* from = reinterpret_cast<const uint64_t*>(&other);
    const uint64_t slowest = slowest_ms > other.slowest_ms ? slowest_ms : other.slowest_ms;
    for (size_t i = 0; i < sizeof(Tally) / sizeof(uint64_t); ++i) into[i] += from[i];
    slowest_ms = slowest;
  }
};

}  // namespace watchword::simulation
