// What each type of identity may have at most, and how long a token lives. Values come from [identity_types.*] of the
// configuration; production_policies() are the defaults.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "events/base/result.h"
#include "schemas/identity.pb.h"

namespace watchword::policy {

struct TypePolicy {
  int64_t max_token_lifetime_s = 0;  // 0: no tokens at all
  bool requires_attestation = false;
  bool requires_continuous_auth = false;

  bool operator==(const TypePolicy&) const = default;
};

// By IdentityKind. Kinds that cannot be registered (unspecified, foreign) have no tokens.
struct TypePolicies {
  std::array<TypePolicy, v1::IdentityKind_ARRAYSIZE> by_kind{};

  const TypePolicy& of(v1::IdentityKind kind) const;
};

TypePolicies production_policies();

// Of a token, in seconds: `requested`, or `limit_s` when left out. Errors: invalid "duration.not_positive";
// unprocessable "duration.above_limit"; denied "duration.no_tokens" when the limit is 0.
Result<int64_t> granted_duration_s(std::optional<int64_t> requested_s, int64_t limit_s);

}  // namespace watchword::policy
