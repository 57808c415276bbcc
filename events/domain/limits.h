// The limits of one identity: what a caller may write, and what is kept of it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "events/base/result.h"
#include "events/domain/rules.h"
#include "schemas/identity.pb.h"

namespace watchword::domain {

inline constexpr size_t kMaxNetworks = 100;
inline constexpr size_t kMaxHourRanges = 100;

// Any subset; what is left out stays as it is.
struct LimitsChange {
  std::optional<std::vector<std::string>> allowed_scopes;
  std::optional<std::vector<std::string>> allowed_ips;      // none: every network
  std::optional<std::vector<v1::HourRange>> allowed_hours;  // none: every hour
  std::optional<std::string> time_zone;                     // empty: UTC
  std::optional<int64_t> max_token_lifetime_s;
  std::optional<bool> requires_attestation;
  std::optional<bool> requires_continuous_auth;
  std::optional<v1::AttestationTrust> attestation;  // with all fields empty: none any more
  std::optional<std::vector<std::pair<std::string, std::string>>> metadata;
  std::optional<std::vector<std::string>> signals_off;
};

// Where a registration starts: the most that its type may have, no scope, every network and hour.
v1::Limits limits_of_type(const policy::TypePolicy& type);

// `limits` with `change`, in canonical form: each scope, network and signal once, networks as policy/cidr.h writes
// them, metadata sorted. An identity may be stricter than its type, never laxer. Errors: those of policy/cidr.h,
// hours.h, scopes.h and text.h's metadata; unprocessable "limits.networks.too_many", "limits.hours.too_many",
// "limits.lifetime.above_type", "limits.attestation.too_large"; invalid "limits.lifetime.not_positive",
// "limits.attestation.incomplete", "limits.attestation.malformed", "limits.signals.unknown"; denied
// "limits.attestation.required_by_type", "limits.continuous_auth.required_by_type".
Result<v1::Limits> changed_limits(v1::Limits limits, const LimitsChange& change, const Rules& rules,
                                  v1::IdentityKind kind);

}  // namespace watchword::domain
