#include "processors/detectors/detector.h"
#include "schemas/identity.pb.h"

namespace watchword::detectors {
namespace {

constexpr std::array<uint32_t, 3> kMachineEvidence = {2 * kOne, 13 * kOne / 4, 21 * kOne / 4};
constexpr std::array<uint32_t, 3> kPersonEvidence = {2 * kOne, 14 * kOne / 4, 22 * kOne / 4};

// network, agent, client, device, endpoint. Machines hardly ever change where they run and what
// they run on; a new endpoint comes with each release. People move and own several devices.
constexpr Cohort kService{200, {256, 256, 256, 256, 256}, kMachineEvidence};
constexpr Cohort kAgent{200, {256, 256, 256, 256, 1024}, kMachineEvidence};
constexpr Cohort kApiKey{100, {512, 256, 256, 256, 256}, kMachineEvidence};
constexpr Cohort kPerson{50, {1024, 512, 512, 512, 2048}, kPersonEvidence};

bool is_evidence(const Seen& seen) { return seen.outcome == v1::SUCCESS || seen.authenticated; }

}  // namespace

const Cohort& cohort_of(uint8_t kind) {
  switch (kind) {
    case v1::SERVICE_ACCOUNT:
      return kService;
    case v1::AI_AGENT:
      return kAgent;
    case v1::API_KEY:
      return kApiKey;
    default:
      return kPerson;
  }
}

uint32_t novelty(const Seen& seen, const Baseline& usual, Feature feature, uint32_t hash) {
  if (hash == 0 || !is_evidence(seen)) return 0;
  const uint32_t uses = uses_of(usual, feature, hash, std::max(usual.day, day_of(seen.time_ms)));
  if (uses >= kUse) return 0;
  const FeatureTotals& totals = usual.totals[static_cast<size_t>(feature)];
  if (totals.mass == 0) return 0;
  const Cohort& cohort = cohort_of(seen.kind);
  // The very first value of a table was no surprise to anyone.
  const uint64_t novel = totals.novel > kUse ? totals.novel - kUse : 0;
  const uint64_t part = cohort.novel_per_1024[static_cast<size_t>(feature)] + novel * 1024 / kUse;
  const uint64_t whole = uint64_t{cohort.uses} * 1024 + uint64_t{totals.mass} * 1024 / kUse;
  return surprise(part, whole) * (kUse - uses) / kUse;
}

uint32_t tail_strength(uint64_t distance) {
  constexpr uint64_t kSlope = 111,
                     kLooks = 11796;  // log10(e) * 65536 / 256; log10(3/2) * 65536, rounded
  const uint64_t strength = std::min<uint64_t>(distance, 1 << 20) * kSlope;
  return static_cast<uint32_t>(
      std::min<uint64_t>(kMaxStrength, strength - std::min(strength, kLooks)));
}

uint32_t failure_strength(const Baseline& usual, uint64_t level) {
  constexpr uint32_t kLeastDeviation = 144;  // 9/16: five wrong passwords are odd, ten are an alert
  if (level < 3 * 256) return 0;
  Rate rate = usual.failure_rate;
  if (rate.buckets == 0) rate.mean = 313;  // y of no failure
  const uint64_t y = integer_sqrt((level / 256) * 262144 + 98304);
  if (y <= rate.mean) return 0;
  const uint64_t deviation =
      std::max<uint64_t>(kLeastDeviation, rate.buckets == 0 ? 0 : rate.deviation);
  return tail_strength((y - rate.mean) * 256 / deviation);
}

}  // namespace watchword::detectors
