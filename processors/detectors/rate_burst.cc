// More events in this minute, hour or day than this principal's active ones have.
#include "processors/detectors/detector.h"

namespace watchword::detectors {
namespace {

constexpr uint32_t kLeastDeviation = 256;

// What the bucket would hold with this event; a bucket that the event's time has left behind counts
// from zero.
uint64_t count_with(const Seen& seen, const Rate& rate, int64_t bucket_ms) {
  const auto bucket = static_cast<uint32_t>(seen.time_ms / bucket_ms);
  return (bucket <= rate.bucket ? rate.count : 0) + uint64_t{seen.count};
}

struct Burst {
  size_t rate = 0;
  uint64_t count = 0, distance = 0;
};

Burst widest(const Seen& seen, const Baseline& usual) {
  Burst out;
  for (size_t i = 0; i < usual.rates.size(); ++i) {
    const Rate& rate = usual.rates[i];
    const uint64_t count = count_with(seen, rate, kRateMs[i]);
    if (rate.buckets == 0 || count <= rate.quiet) continue;
    const uint64_t far = distance(rate, count, kLeastDeviation);
    if (far > out.distance) out = {i, count, far};
  }
  return out;
}

}  // namespace

uint32_t look_rate_burst(const Seen& seen, const Baseline& usual, const Situation&) {
  if (seen.outcome != v1::SUCCESS || seen.time_ms < usual.clock_ms - kLateMs) return 0;
  return tail_strength(widest(seen, usual).distance);
}

Words explain_rate_burst(const Seen& seen, const Baseline& usual) {
  static constexpr std::array kUnits = {" a minute", " an hour", " a day"};
  const Burst burst = widest(seen, usual);
  const std::string unit = kUnits[burst.rate];
  const std::string expected = std::to_string(usual_count(usual.rates[burst.rate]));
  return {"about " + expected + unit, std::to_string(burst.count) + unit + " so far",
          "much more often than usual (" + std::to_string(burst.count) + unit + " instead of " +
              expected + ")"};
}

}  // namespace watchword::detectors
