// An `sk_` token of a machine: named, with permissions, for days or years. Only the hash of its text is known here.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "events/domain/rules.h"
#include "schemas/identity.pb.h"
#include "schemas/service_token.pb.h"

namespace watchword::domain::service_token {

using State = v1::ServiceTokenState;
using Event = v1::ServiceTokenEvent;
using Events = std::vector<Event>;

inline constexpr int64_t kDefaultExpiryDays = 90;
inline constexpr int64_t kMaxExpiryDays = 3650;
inline constexpr size_t kMaxSources = 100;

struct Create {
  Id token_id;
  std::string name;
  std::string secret_sha256;  // 32 bytes; of the ASCII text, `sk_` included
  std::vector<std::string> permissions;
  std::optional<int64_t> expires_in_days;  // left out: default_expiry_days; 0: never
  int64_t default_expiry_days = kDefaultExpiryDays;
  bool may_never_expire = false;  // by configuration
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string owner;                  // team or person that answers for it
  std::vector<std::string> sources;   // that an event_write token may claim; none: any
  std::vector<std::string> permissions_of_caller;
  bool for_identity = true;  // false: the principal has no identity, as the first admin
};
struct Revoke {
  std::string reason;
};

// Nobody hands out more than they hold; `admin` holds all. Names are unique by directory row, not here. Errors:
// conflict "token.service.exists"; not_found "token.service.create.identity_unknown"; denied "….identity_not_active",
// "….permission_not_held" (its detail names it), "….never_not_allowed"; invalid "….name_malformed",
// "….permissions_missing", "….permission_unknown", "….permission_repeated", "….owner_malformed", "….source_malformed",
// "….sources_without_event_write", "….expiry_not_positive"; unprocessable "….expiry_too_long", "….too_many_sources";
// those of canonical_metadata.
Result<Events> decide(const State* token, const v1::IdentityState* identity, const Create& command,
                      Moment moment);

// A second time changes nothing. Errors: not_found "token.service.unknown"; those of check_reason.
Result<Events> decide(const State* token, const Revoke& command);

State evolve(State token, const v1::Envelope& envelope, const Event& event);

// The one place that says whether a token is active: never exhausted, dead with the generation of its identity.
v1::TokenStatus status_of(const State& token, const v1::IdentityState* identity, int64_t now_ms);

// 1..128 characters of printable ASCII, since look-alike letters would make two names of one; spaces at the ends
// dropped and inside made one. Errors: invalid "token.service.create.name_malformed".
Result<std::string> normalised_name(std::string_view name);
// What must be unique: the normalised name in lower case.
std::string name_key(std::string_view normalised);

// `sk_` and 64 lower-case hexadecimal digits.
bool well_formed_secret(std::string_view text);

}  // namespace watchword::domain::service_token
