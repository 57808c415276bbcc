// The table of detectors. A detector is a pure function in a file of its own, and one row here.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "processors/detectors/baseline.h"
#include "processors/detectors/fixed_point.h"
#include "processors/detectors/scorer.h"

namespace watchword::detectors {

// What a cohort (IdentityKind) does on the whole; it speaks as long as a principal's own past is
// short.
struct Cohort {
  uint32_t uses;                                   // weight of the prior, in uses
  std::array<uint32_t, kFeatures> novel_per_1024;  // of these first uses of a value, in 1/1024 uses
  std::array<uint32_t, 3>
      evidence;  // E at which the benign daily tail is 0.05, 0.005, 0.0005; 1/65536
};
const Cohort& cohort_of(uint8_t kind);

// Two sides of a line of the alert, and what completes "A service account was used ...".
struct Words {
  std::string expected, seen, phrase;
};

struct Detector {
  std::string_view name, attack_id;
  Group group;
  uint32_t weight;  // of its strength in the evidence, in 1/256
  bool is_fixed;    // evidence in itself: speaks while learning too
  // Strength s = min(4, -log10 p) in 1/65536; 0: silent. Called for every event: no strings, early
  // out.
  uint32_t (*look)(const Seen&, const Baseline&, const Situation&);
  Words (*explain)(const Seen&, const Baseline&);
};

// For values counted in a table: p of a first use, from the principal's own rate of first uses and
// the cohort's; fades as the value's count nears one use. Silent for unknown values, without any
// habit, and for failures of strangers.
uint32_t novelty(const Seen& seen, const Baseline& usual, Feature feature, uint32_t hash);
// Strength of `level` (1/256 failures) against the principal's failures an hour.
uint32_t failure_strength(const Baseline& usual, uint64_t level);
// Strength of z deviations in 1/256 under a Laplace tail, halved for two sides, times three looks.
uint32_t tail_strength(uint64_t distance);

#define WATCHWORD_DETECTOR(function)                                        \
  uint32_t look_##function(const Seen&, const Baseline&, const Situation&); \
  Words explain_##function(const Seen&, const Baseline&);
WATCHWORD_DETECTOR(new_network)
WATCHWORD_DETECTOR(new_client)
WATCHWORD_DETECTOR(new_agent)
WATCHWORD_DETECTOR(scripted_client)
WATCHWORD_DETECTOR(new_device)
WATCHWORD_DETECTOR(new_endpoint)
WATCHWORD_DETECTOR(unusual_hour)
WATCHWORD_DETECTOR(dormant_identity)
WATCHWORD_DETECTOR(rate_burst)
WATCHWORD_DETECTOR(failure_burst)
WATCHWORD_DETECTOR(success_after_failures)
WATCHWORD_DETECTOR(use_after_end)
#undef WATCHWORD_DETECTOR

// Rows are numbered in the journal: append, never move.
inline constexpr std::array kDetectors{
    Detector{"new-network", "T1078.004", Group::geo, 230, false, &look_new_network,
             &explain_new_network},
    Detector{"new-client", "T1078.004", Group::device, 154, false, &look_new_client,
             &explain_new_client},
    Detector{"new-agent", "T1078.004", Group::device, 166, false, &look_new_agent,
             &explain_new_agent},
    Detector{"scripted-client", "T1087.004", Group::device, 166, false, &look_scripted_client,
             &explain_scripted_client},
    Detector{"new-device", "T1078.004", Group::device, 192, false, &look_new_device,
             &explain_new_device},
    Detector{"new-endpoint", "T1098.003", Group::authz, 102, false, &look_new_endpoint,
             &explain_new_endpoint},
    Detector{"unusual-hour", "T1078", Group::time, 102, false, &look_unusual_hour,
             &explain_unusual_hour},
    Detector{"dormant-identity", "T1078", Group::time, 218, false, &look_dormant_identity,
             &explain_dormant_identity},
    Detector{"rate-burst", "T1530", Group::volume, 218, false, &look_rate_burst,
             &explain_rate_burst},
    Detector{"failure-burst", "T1110.001", Group::credential, 230, false, &look_failure_burst,
             &explain_failure_burst},
    Detector{"success-after-failures", "T1078", Group::credential, 128, false,
             &look_success_after_failures, &explain_success_after_failures},
    Detector{kUseAfterEnd, "T1078", Group::credential, 230, true, &look_use_after_end,
             &explain_use_after_end},
};
static_assert(kDetectors.size() <= 16);  // Verdict::signals

}  // namespace watchword::detectors
