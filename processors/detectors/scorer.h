// From one observation and what is usual to a verdict. Pure: integers only, no clock, no setting but those handed in.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "processors/detectors/baseline.h"
#include "processors/detectors/observation.h"

namespace watchword::detectors {

enum class Group : uint8_t { geo, device, time, volume, authz, credential };
enum class Learning : uint8_t { skip = 0, learn = 1, probation = 2 };

// What the rows say of the credential and the principal at the moment of the turn.
struct Situation {
  bool token_over = false;        // it names a token of ours that is revoked, expired or exhausted
  bool first_misuse = false;      // and no alert has said so yet
  bool identity_active = true;
  uint64_t signals_off = 0;       // bit i: row i of the table is switched off for this identity
};

// [detection] and [monitoring] of the configuration.
struct Tuning {
  uint32_t sensitivity_percent = 70;  // ANOMALY_DETECTION_SENSITIVITY; 0 is off
  int64_t learning_ms = 24 * 3'600'000;
  uint32_t learning_successes = 20;
  uint32_t learning_hours = 5;  // distinct hours of the week
  bool baseline_learning = true;
  uint64_t signals_off = 0;
};

struct Signal {
  uint8_t row = 0;         // of kDetectors
  uint32_t strength = 0;   // s = min(4, -log10 p), in 1/65536
};

struct Verdict {
  Learning learning = Learning::learn;
  uint16_t risk = 0;       // in 1/65536
  uint8_t level = 0;       // 0 nothing, 1 step-up, 2 alert, 3 suspend
  uint8_t severity = 0;    // v1::Severity; 0 below the alert level
  uint8_t signal_count = 0;
  std::array<Signal, 16> signals{};
  // Frame fields (schemas/frame.proto, Judged).
  uint32_t conclusion() const { return static_cast<uint32_t>(learning) | uint32_t{risk} << 16; }
};

Verdict judge(const Seen& seen, const Baseline& usual, const Situation& situation, const Tuning& tuning);

// The words of an alert, made only when one is raised: one line a signal, largest share first; shares sum to 65536.
struct Reason {
  std::string_view name, attack_id;
  Group group;
  uint32_t share;
  std::string expected, seen;
};
std::vector<Reason> explain(const Seen& seen, const Baseline& usual, const Verdict& verdict);
// A sentence that a person understands who has never seen Watchword.
std::string title(const Seen& seen, const std::vector<Reason>& reasons);
std::string_view group_name(Group group);

}  // namespace watchword::detectors
