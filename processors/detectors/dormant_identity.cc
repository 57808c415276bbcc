// A success after a long silence, measured by the usual gap between active days: a Pareto tail of
// index 2.
#include <algorithm>

#include "processors/detectors/detector.h"

namespace watchword::detectors {
namespace {

constexpr int64_t kLeastGapMs = 7 * kDayMs;

int64_t usual_gap_ms(const Baseline& usual) {
  const int64_t lived_ms = usual.last_success_ms - usual.first_seen_ms;
  return std::max(kDayMs, lived_ms / std::max(1, usual.active_days - 1));
}

std::string days_text(int64_t span_ms) {
  const int64_t days = span_ms / kDayMs;
  return days == 1 ? "1 day" : std::to_string(days) + " days";
}

}  // namespace

uint32_t look_dormant_identity(const Seen& seen, const Baseline& usual, const Situation&) {
  if (seen.outcome != v1::SUCCESS || usual.last_success_ms == 0) return 0;
  const int64_t gap_ms = seen.time_ms - usual.last_success_ms;
  if (gap_ms < kLeastGapMs) return 0;
  const uint32_t tenfolds =
      surprise(static_cast<uint64_t>(usual_gap_ms(usual)), static_cast<uint64_t>(gap_ms));
  return std::min(kMaxStrength, 2 * tenfolds);
}

Words explain_dormant_identity(const Seen& seen, const Baseline& usual) {
  const std::string gap = days_text(seen.time_ms - usual.last_success_ms);
  return {"a use every " + days_text(usual_gap_ms(usual)), "silence for " + gap,
          "after " + gap + " without any use"};
}

}  // namespace watchword::detectors
