#include "processors/detectors/scorer.h"

#include <algorithm>

#include "processors/detectors/contribution.h"
#include "processors/detectors/detector.h"
#include "schemas/alert.pb.h"

namespace watchword::detectors {
namespace {

constexpr uint32_t kLeastStrength = kOne;  // p above 0.1 is not odd
constexpr uint32_t kHighEvidence =
    17 * kOne / 4;  // more than any group alone brings, but for one with two signals
// -log10 of the daily budgets 0.05, 0.005, 0.0005 at sensitivity 0.7.
constexpr std::array<int64_t, 3> kBudgets = {85264, 150800, 216336};
constexpr uint8_t kStepUp = 1, kAlert = 2, kSuspend = 3;

// -log10 P(daily maximum of E >= e | benign): the cohort's prior, straight between the points where
// the budgets lie, and on with the last slope.
int64_t tail_of(int64_t evidence, const Cohort& cohort) {
  int64_t from = 0, from_tail = 0;
  for (size_t i = 0;; ++i) {
    const int64_t to = cohort.evidence[i];
    if (evidence < to || i + 1 == kBudgets.size())
      return from_tail + (evidence - from) * (kBudgets[i] - from_tail) / (to - from);
    from = to;
    from_tail = kBudgets[i];
  }
}

uint8_t level_of(int64_t tail, uint32_t sensitivity_percent) {
  const int64_t steps = int64_t{std::min(sensitivity_percent, 100u)} - 70;
  const int64_t shift = steps * kLog10Of2 / 10;
  uint8_t level = 0;
  while (level < kBudgets.size() && tail >= kBudgets[level] - shift) ++level;
  return level;
}

void look_at_all(const Seen& seen, const Baseline& usual, const Situation& situation, uint64_t off,
                 Verdict& verdict) {
  for (size_t row = 0; row < kDetectors.size(); ++row) {
    if (off >> row & 1) continue;
    const uint32_t strength = kDetectors[row].look(seen, usual, situation);
    if (strength < kLeastStrength) continue;
    verdict.signals[verdict.signal_count++] = {static_cast<uint8_t>(row), strength};
  }
}

bool has_fixed(const Verdict& verdict) {
  for (size_t i = 0; i < verdict.signal_count; ++i)
    if (kDetectors[verdict.signals[i].row].is_fixed) return true;
  return false;
}

uint8_t severity_of(uint8_t level, uint64_t evidence) {
  if (level >= kSuspend) return v1::CRITICAL;
  if (level < kAlert) return 0;
  return evidence >= kHighEvidence ? v1::HIGH : v1::MEDIUM;
}

bool may_suspend(const Seen& seen, const Situation& situation) {
  return seen.authenticated && !seen.imported && !situation.token_over && situation.identity_active;
}

Learning learning_of(uint8_t level, bool is_learned) {
  if (level >= kAlert) return is_learned ? Learning::skip : Learning::probation;
  return level == kStepUp && is_learned ? Learning::probation : Learning::learn;
}

void conclude(const Seen& seen, const Baseline& usual, const Situation& situation,
              const Tuning& tuning, Verdict& verdict) {
  const Contributions parts = contributions(verdict);
  const int64_t tail = tail_of(static_cast<int64_t>(parts.evidence), cohort_of(seen.kind));
  const bool is_learned = learned(usual, tuning);
  verdict.risk = one_minus_power(static_cast<uint64_t>(tail));
  verdict.level = level_of(tail, tuning.sensitivity_percent);
  verdict.learning = learning_of(verdict.level, is_learned);
  if (verdict.level == kSuspend && !may_suspend(seen, situation)) verdict.level = kAlert;
  verdict.severity = severity_of(verdict.level, parts.evidence);
  if (!is_learned && !has_fixed(verdict) && verdict.level >= kAlert) {
    verdict.level = kAlert;
    verdict.severity = v1::MEDIUM;
  }
}

}  // namespace

Contributions contributions(const Verdict& verdict) {
  Contributions out;
  std::array<size_t, kGroups> largest;
  largest.fill(verdict.signals.size());
  for (size_t i = 0; i < verdict.signal_count; ++i) {
    const auto& row = kDetectors[verdict.signals[i].row];
    out.parts[i] = uint64_t{verdict.signals[i].strength} * row.weight / 256;
    size_t& first = largest[static_cast<size_t>(row.group)];
    if (first == verdict.signals.size() || out.parts[i] > out.parts[first]) first = i;
  }
  for (size_t i = 0; i < verdict.signal_count; ++i) {
    const auto group = static_cast<size_t>(kDetectors[verdict.signals[i].row].group);
    if (largest[group] != i) out.parts[i] /= 4;
    out.evidence += out.parts[i];
  }
  return out;
}

Verdict judge(const Seen& seen, const Baseline& usual, const Situation& situation,
              const Tuning& tuning) {
  Verdict verdict;
  if (tuning.sensitivity_percent != 0)
    look_at_all(seen, usual, situation, tuning.signals_off | situation.signals_off, verdict);
  if (verdict.signal_count != 0) conclude(seen, usual, situation, tuning, verdict);
  if (!tuning.baseline_learning) verdict.learning = Learning::skip;
  return verdict;
}

}  // namespace watchword::detectors
