// From one observation and what is usual to a verdict. Pure: integers only, no clock, no setting
// but those handed in.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "processors/detectors/baseline.h"
#include "processors/detectors/observation.h"

namespace watchword::detectors {

enum class Group : uint8_t { geo, device, time, volume, authz, credential };
inline constexpr std::string_view kUseAfterEnd = "use-after-end";  // of kDetectors

// What the rows say of the credential and the principal at the moment of the turn.
struct Situation {
  bool token_over = false;    // it names a token of ours that is revoked, expired or exhausted
  bool first_misuse = false;  // and no alert has said so yet
  bool identity_active = true;
  uint64_t signals_off = 0;  // bit i: row i of the table is switched off for this identity
};

// [detection] and [monitoring] of the configuration.
struct Tuning {
  uint32_t sensitivity_percent =
      70;  // ANOMALY_DETECTION_SENSITIVITY, at most 100: 70 is the stated budgets, each 10
           // more or less doubles or halves them, 0 is off
  int64_t learning_ms = 24 * 3'600'000;
  uint32_t learning_successes = 20;
  uint32_t learning_hours = 5;  // distinct hours of the week
  bool baseline_learning = true;
  uint64_t signals_off = 0;
};

struct Signal {
  uint8_t row = 0;        // of kDetectors
  uint32_t strength = 0;  // s = min(4, -log10 p), in 1/65536
};

struct Verdict {
  Learning learning = Learning::learn;
  uint16_t risk = 0;     // in 1/65536
  uint8_t level = 0;     // 0 nothing, 1 step-up, 2 alert, 3 suspend
  uint8_t severity = 0;  // v1::Severity; 0 below the alert level
  uint8_t signal_count = 0;
  std::array<Signal, 16> signals{};
  // Frame fields (schemas/frame.proto, Judged).
  uint32_t conclusion() const { return static_cast<uint32_t>(learning) | uint32_t{risk} << 16; }
};

// Rules beyond the sum: while learning, severity stops at medium unless fixed evidence speaks;
// level 3 needs authenticated evidence that is not history, of a live token and an active identity;
// what is beyond the alert level is never learned (while learning: goes into probation).
// Thread-safe; call it before the observation is folded.
Verdict judge(const Seen& seen, const Baseline& usual, const Situation& situation,
              const Tuning& tuning);

// The words of an alert, made only when one is raised, before the fold: one line a signal, largest
// share first; shares sum to 65536.
struct Reason {
  std::string_view name, attack_id;
  Group group;
  uint32_t share;
  std::string expected, seen;
  std::string phrase;  // its part of the title
};
std::vector<Reason> explain(const Seen& seen, const Baseline& usual, const Verdict& verdict);
// A sentence that a person understands who has never seen Watchword.
std::string title(const Seen& seen, const std::vector<Reason>& reasons);
std::string_view group_name(
    Group group);  // "GEO", "DEVICE", "TIME", "VOLUME", "AUTHZ", "CREDENTIAL"
std::optional<uint8_t> row_named(std::string_view name);  // of kDetectors, for Tuning and Situation

}  // namespace watchword::detectors
