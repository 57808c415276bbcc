// More failed attempts within minutes than this principal's hours have.
#include "processors/detectors/detector.h"

namespace watchword::detectors {
namespace {

uint64_t level_with(const Seen& seen, const Baseline& usual) {
  return failures_lately(usual, seen.time_ms) + uint64_t{seen.count} * 256;
}

}  // namespace

uint32_t look_failure_burst(const Seen& seen, const Baseline& usual, const Situation&) {
  if (seen.outcome != v1::FAILURE || seen.time_ms < usual.clock_ms - kLateMs) return 0;
  return failure_strength(usual, level_with(seen, usual));
}

Words explain_failure_burst(const Seen& seen, const Baseline& usual) {
  const std::string count = std::to_string(level_with(seen, usual) / 256);
  return {"about " + std::to_string(usual_count(usual.failure_rate)) + " failures an hour",
          count + " failures within minutes",
          "with wrong credentials " + count + " times within minutes"};
}

}  // namespace watchword::detectors
