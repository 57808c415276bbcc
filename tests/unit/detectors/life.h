// A principal's life for tests: ordinary days, then whatever comes.
#pragma once
#include <string>

#include "processors/detectors/detector.h"
#include "schemas/alert.pb.h"
#include "schemas/identity.pb.h"

namespace watchword::detectors::testing {

inline constexpr int64_t kMonday = 1'754'870'400'000;  // 2025-08-11T00:00:00Z
inline const std::string kHome("\x0a\x00\x01\x07", 4), kElsewhere("\xcb\x00\x71\x09", 4);

inline std::string bytes_of(const v1::Observation& observation) {
  return observation.SerializeAsString();
}

inline v1::Observation ordinary(int64_t at_ms) {
  v1::Observation seen;
  seen.set_id("event-" + std::to_string(at_ms));
  seen.set_time_ms(static_cast<uint64_t>(at_ms));
  seen.set_source("gateway");
  seen.set_principal("0123456789abcdef");
  seen.set_action("api.call");
  seen.set_outcome(v1::SUCCESS);
  seen.set_network(kHome);
  seen.set_user_agent("billing-worker/1.4");
  seen.set_client_id("billing");
  seen.set_endpoint("/api/v1/invoices/12345?full=1");
  seen.set_kind(v1::SERVICE_ACCOUNT);
  seen.set_authenticated(true);
  return seen;
}

// Judges each observation as it stands before it, then folds it as the verdict says.
class Life {
 public:
  Verdict live(const v1::Observation& observation, const Situation& situation = {}) {
    const std::string bytes = bytes_of(observation);
    const Seen seen = read_observation(bytes).value();
    const Verdict verdict = judge(seen, row, situation, tuning);
    if (verdict.level >= 2) {
      reasons = explain(seen, row, verdict);
      sentence = title(seen, reasons);
      ++alerts;
    }
    fold(row, seen, verdict.learning);
    return verdict;
  }
  Verdict look(const v1::Observation& observation, const Situation& situation = {}) const {
    const std::string bytes = bytes_of(observation);
    return judge(read_observation(bytes).value(), row, situation, tuning);
  }
  // Monday to Friday, eight hours, `an_hour` events each.
  void work(int days, int an_hour = 12) {
    for (int day = 0; day < days; ++day) {
      if (day % 7 >= 5) continue;
      for (int event = 0; event < 8 * an_hour; ++event)
        live(ordinary(kMonday + day * kDayMs + 9 * kHourMs + event * kHourMs / an_hour));
    }
    now = kMonday + days * kDayMs;
  }

  Baseline row{};
  Tuning tuning;
  std::vector<Reason> reasons;
  std::string sentence;
  int alerts = 0;
  int64_t now = kMonday;
};

inline bool says(const Verdict& verdict, std::string_view name) {
  for (size_t i = 0; i < verdict.signal_count; ++i)
    if (kDetectors[verdict.signals[i].row].name == name) return true;
  return false;
}

}  // namespace watchword::detectors::testing
