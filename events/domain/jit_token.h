// A just-in-time token: issued for minutes, for a stated purpose, to an identity whose limits allow it; used up,
// expired or revoked.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "events/base/address.h"
#include "events/base/ids.h"
#include "events/base/result.h"
#include "events/base/time.h"
#include "events/domain/continuous_auth.h"
#include "events/domain/rules.h"
#include "schemas/identity.pb.h"
#include "schemas/jit_token.pb.h"

namespace watchword::domain::jit_token {

using State = v1::JitTokenState;
using Event = v1::JitTokenEvent;
using Events = std::vector<Event>;

inline constexpr int64_t kRememberedMs = 30 * kDayMs;  // after it has expired, so that its misuse is recognised
inline constexpr uint64_t kMaxUsage = 1'000'000;
inline constexpr size_t kMaxJustificationCharacters = 512;
inline constexpr size_t kMaxUserAgentBytes = 256;
inline constexpr size_t kMaxAudienceCharacters = 512;

struct Issue {
  Id token_id;
  std::vector<std::string> scopes;
  std::optional<int64_t> duration_s;  // left out: the limit
  std::string justification;
  uint64_t max_usage = 0;  // 0: without limit
  std::string audience;
  std::string key_id;
  Id requested_by;
  Address address;  // decides: the socket's, or the client's that a trusted caller speaks for by configuration
  bool attested = false;
  std::string claimed_source_ip;  // the body's source_ip: recorded, decides nothing
  std::string user_agent;
};
// One introspection answered active, or one /authz/forward answered 200.
struct Use {
  Call call;
};
struct Revoke {
  std::string reason;
};

// `token` is null when there is none of that id. Errors, in the order of the checks: conflict "token.jit.exists";
// not_found "token.jit.issue.identity_unknown"; denied "token.jit.issue.identity_suspended", "….identity_retired";
// invalid "….justification_missing", "….justification_malformed", "….user_agent_malformed", "….audience_malformed",
// "….source_ip_malformed"; unprocessable "….justification_too_long", "….max_usage_too_large", "….user_agent_too_long";
// those of granted_scopes (policy/scopes.h); denied "….attestation_required", "….network_not_allowed",
// "….hours_not_allowed"; those of granted_duration_s (policy/type_policy.h) against the lower of the identity's limit
// and its type's.
Result<Events> decide(const State* token, const v1::IdentityState* identity, const Issue& command,
                      const Rules& rules, Moment moment);

// Exactly counted for tokens with max_usage, the last use also exhausts it; of others it changes nothing. Errors:
// not_found "token.jit.unknown"; denied "token.jit.use.expired", "….revoked", "….exhausted", and what check_use
// refuses: "….identity_not_allowed", "….network_not_allowed", "….hours_not_allowed", "….risk_too_high".
Result<Events> decide(const State* token, const v1::IdentityState* identity, const Use& command,
                      const UseRules& rules, Moment moment);

// Also of a token that has ended by itself; a second time changes nothing. Errors: not_found "token.jit.unknown";
// check_reason.
Result<Events> decide(const State* token, const Revoke& command);

// Starts from an empty row. Ids and times come from the envelope, but for the token's own id.
State evolve(State token, const v1::Envelope& envelope, const Event& event);

// The one place that says whether a token is active. Dead with its identity (null: dead), from `expires_at_ms` on, and
// in any doubt.
v1::TokenStatus status_of(const State& token, const v1::IdentityState* identity, int64_t now_ms);

}  // namespace watchword::domain::jit_token
