// A success while a burst of failures is still warm: somebody may have guessed right.
#include "processors/detectors/detector.h"

namespace watchword::detectors {

uint32_t look_success_after_failures(const Seen& seen, const Baseline& usual, const Situation&) {
  if (seen.outcome != v1::SUCCESS || usual.failure_level == 0) return 0;
  return failure_strength(usual, failures_lately(usual, seen.time_ms));
}

Words explain_success_after_failures(const Seen& seen, const Baseline& usual) {
  const std::string count = std::to_string(failures_lately(usual, seen.time_ms) / 256);
  return {"a success without a series of failures before",
          "success after " + count + " failures within minutes",
          "right after " + count + " failed attempts"};
}

}  // namespace watchword::detectors
