// Decides observations: duplicate or not, what it means against the baseline, which alert, which response. The facts that
// follow stand right behind the observation in the same frame. One thread, no clock, no disk.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "events/domain/alert.h"
#include "processors/detectors/scorer.h"
#include "processors/fold/ahead.h"
#include "processors/runtime/command.h"

namespace watchword::runtime {

struct JudgeSettings {
  detectors::Tuning tuning;
  bool auto_suspend_critical = true;  // AUTO_SUSPEND_CRITICAL
  bool monitoring_enabled = true;     // SECURITY_MONITORING_ENABLED
};

enum class Taken : uint8_t { accepted, duplicate, unreadable };

struct Judgement {
  Taken taken = Taken::accepted;
  uint32_t conclusion = 0;
  uint8_t signal_count = 0;
  uint8_t signals[16] = {};
  uint8_t kind = v1::FOREIGN;  // v1::IdentityKind
  bool new_network = false;
  Id principal;
  std::vector<v1::Event> events;  // subject seen, alert raised or joined, identity suspended
};

class Judge {
 public:
  Judge(fold::State& state, fold::Ahead& ahead, JudgeSettings settings)
      : state_(state), ahead_(ahead), settings_(settings) {}

  // Judges one observation and folds it into the rows kept in place. `subject`: bytes of v1::Sealed, or empty.
  // `index` is the entry's place in the frame.
  void take(std::string_view observation, std::string_view subject, const Moment& moment,
            uint32_t index, Judgement& out);
  // Asks the CPU for the rows of an observation that comes soon: most of a turn would else be waiting for memory.
  void prefetch(std::string_view observation) {
    state_.prefetch<detectors::Baseline>(detectors::principal_of(observation));
  }
  void tune(const JudgeSettings& settings) { settings_ = settings; }

 private:
  void raise(const detectors::Seen& seen, const detectors::Baseline& usual,
             const detectors::Verdict& verdict, const Moment& moment, uint32_t index,
             Judgement& out);
  void look_at_token(const detectors::Seen& seen, const v1::JitTokenState* token, int64_t now_ms,
                     detectors::Situation& situation);
  std::optional<v1::Event> respond(const detectors::Seen& seen,
                                   const domain::alert::Report& report);

  fold::State& state_;
  fold::Ahead& ahead_;
  JudgeSettings settings_;
};

}  // namespace watchword::runtime
