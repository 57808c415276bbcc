#include <algorithm>

#include "processors/detectors/contribution.h"
#include "processors/detectors/detector.h"
#include "schemas/identity.pb.h"

namespace watchword::detectors {
namespace {

constexpr size_t kPhrases = 3;

std::string_view who(uint8_t kind) {
  switch (kind) {
    case v1::SERVICE_ACCOUNT:
      return "A service account";
    case v1::AI_AGENT:
      return "An AI agent";
    case v1::API_KEY:
      return "An API key";
    case v1::HUMAN:
      return "A user account";
    default:
      return "An account";
  }
}

}  // namespace

std::vector<Reason> explain(const Seen& seen, const Baseline& usual, const Verdict& verdict) {
  const Contributions parts = contributions(verdict);
  std::vector<Reason> reasons;
  uint32_t given = 0;
  for (size_t i = 0; i < verdict.signal_count; ++i) {
    const Detector& row = kDetectors[verdict.signals[i].row];
    Words words = row.explain(seen, usual);
    const auto share = static_cast<uint32_t>(parts.parts[i] * kOne / parts.evidence);
    reasons.push_back({row.name, row.attack_id, row.group, share, std::move(words.expected),
                       std::move(words.seen), std::move(words.phrase)});
    given += share;
  }
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const Reason& a, const Reason& b) { return a.share > b.share; });
  if (!reasons.empty()) reasons.front().share += kOne - given;  // what rounding left over
  return reasons;
}

std::string title(const Seen& seen, const std::vector<Reason>& reasons) {
  std::string out(who(seen.kind));
  out += seen.outcome == v1::FAILURE ? " was tried " : " was used ";
  const size_t most = std::min(reasons.size(), kPhrases);
  for (size_t i = 0; i < most; ++i) {
    if (i > 0) out += i + 1 == most ? " and " : ", ";
    out += reasons[i].phrase;
  }
  return out;
}

std::string_view group_name(Group group) {
  switch (group) {
    case Group::geo:
      return "GEO";
    case Group::device:
      return "DEVICE";
    case Group::time:
      return "TIME";
    case Group::volume:
      return "VOLUME";
    case Group::authz:
      return "AUTHZ";
    case Group::credential:
      break;
  }
  return "CREDENTIAL";
}

std::optional<uint8_t> row_named(std::string_view name) {
  for (size_t row = 0; row < kDetectors.size(); ++row)
    if (kDetectors[row].name == name) return static_cast<uint8_t>(row);
  return std::nullopt;
}

}  // namespace watchword::detectors
