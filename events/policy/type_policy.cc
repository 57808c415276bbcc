#include "events/policy/type_policy.h"

#include <string>

namespace watchword::policy {

const TypePolicy& TypePolicies::of(v1::IdentityKind kind) const {
  static constexpr TypePolicy kNoTokens{0, true, true};
  return v1::IdentityKind_IsValid(kind) ? by_kind[static_cast<size_t>(kind)] : kNoTokens;
}

TypePolicies production_policies() {
  TypePolicies policies;
  policies.by_kind[v1::SERVICE_ACCOUNT] = {3600, false, true};
  policies.by_kind[v1::AI_AGENT] = {300, true, true};
  policies.by_kind[v1::API_KEY] = {1800, false, false};
  policies.by_kind[v1::HUMAN] = {900, false, true};
  return policies;
}

Result<int64_t> granted_duration_s(std::optional<int64_t> requested_s, int64_t limit_s) {
  if (limit_s <= 0) return Error{Errc::denied, "duration.no_tokens", "this type gets no tokens"};
  if (!requested_s) return limit_s;
  if (*requested_s <= 0) return Error{Errc::invalid, "duration.not_positive", "at least 1 second"};
  if (*requested_s > limit_s) {
    return Error{Errc::unprocessable, "duration.above_limit",
                 "the limit is " + std::to_string(limit_s) + " seconds"};
  }
  return *requested_s;
}

}  // namespace watchword::policy
