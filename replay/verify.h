// Proves a node's folder from its journal: the chain, every frame and entry, and that the rows are what the journal says.
// Works on a stopped or a running node's folder, takes no lock, changes nothing.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "events/base/result.h"

namespace watchword::replay {

struct Progress {
  uint64_t frames = 0, events = 0;  // events and observations
  uint64_t bytes = 0, total_bytes = 0;
  double seconds = 0;
  double events_per_s() const { return seconds > 0 ? static_cast<double>(events) / seconds : 0; }
};

struct VerifyOptions {
  std::string directory;
  uint32_t threads = 2;  // partitions at a time
  // About every 100 ms, from one thread at a time.
  std::function<void(const Progress&)> progress;
};

// Something that is not as it was written.
struct Finding {
  std::string part;    // "control", "p0"
  std::string reason;  // dotted, as of Error
  std::string detail;  // names the file and byte, or the row's key
};

struct PartVerified {
  std::string name;
  uint64_t frames = 0, claims = 0, events = 0, observations = 0, bytes = 0;
  int64_t first_ms = 0, last_ms = 0;
  uint64_t digests_logged = 0, digests_compared = 0;
  uint64_t checkpoint_seq = 0;  // 0: none; the rows were compared at this frame
  uint64_t rows_compared = 0, index_keys_compared = 0;
};

struct Verified {
  std::vector<PartVerified> parts;  // control first
  std::vector<Finding> findings;    // none: all holds
  std::vector<std::string> notes;   // what could not be compared, and why that is no fault
  Progress done;
  bool ok() const { return findings.empty(); }
};

// Of a running node: up to the durable end found at the start. A damaged journal is a finding, and what stands behind the
// damage is not looked at. Memory: the rows of `threads` partitions. Errors: not_found "replay.no_folder", no data here.
Result<Verified> verify(const VerifyOptions& options);

}  // namespace watchword::replay
