// One principal's life: registered, limited, suspended, reactivated, retired. Its generation kills its tokens: each
// carries the generation of its issue, and only those of the present one live (PROTOCOL.md section 1: bulk effects are
// one event).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "events/domain/limits.h"
#include "events/domain/rules.h"
#include "schemas/identity.pb.h"
#include "schemas/jit_token.pb.h"
#include "schemas/service_token.pb.h"

namespace watchword::domain::identity {

using State = v1::IdentityState;
using Event = v1::IdentityEvent;
using Events = std::vector<Event>;

// The generation after registration. 0 belongs to tokens of principals that have no identity, such as the first admin.
inline constexpr uint64_t kFirstGeneration = 1;

// People's names come sealed; check them with is_name (text.h) before. The id travels in the envelope, as subject.
struct Register {
  v1::IdentityType type;
  LimitsChange limits;
};
struct ChangeLimits {
  LimitsChange limits;
};
struct Suspend {
  std::string reason;
};
// `generation_at_arrival` is that of the committed row when the command arrived, before it waited for its turn: a
// higher one now says that somebody revoked since, whom this command must not overrule (PROTOCOL.md section 1).
struct Reactivate {
  std::string reason;
  uint64_t generation_at_arrival = 0;
};
struct Retire {
  std::string reason;
};
struct EstablishBaseline {};
struct ResetBaseline {
  std::string reason;
};
// A subject that another service names. `subject` is sealed with its own key.
struct SeeSubject {
  v1::Sealed subject;
};
// An attestation JWT was accepted. `used_before` is what the store of used jti hashes says.
struct UseAttestation {
  std::string jti_hash;
  int64_t expires_at_ms = 0;
  bool used_before = false;
};

// `identity` is null when there is none of that id. No events and no error: it is so already. All but Register and
// SeeSubject answer not_found "identity.unknown"; of a foreign subject only the baseline changes: else conflict
// "identity.foreign". A retired identity stays as it is: conflict "identity.retired". Reasons: see check_reason.
// Errors: conflict "identity.exists"; invalid "identity.type.not_registrable", "identity.type.name_malformed",
// "identity.type.detail_malformed", "identity.type.username_missing"; those of changed_limits.
Result<Events> decide(const State* identity, const Register& command, const Rules& rules);
Result<Events> decide(const State* identity, const ChangeLimits& command, const Rules& rules);
Result<Events> decide(const State* identity, const Suspend& command);
// Errors: conflict "identity.reactivate.revoked_since". Tokens of before stay dead.
Result<Events> decide(const State* identity, const Reactivate& command);
// Final. A second one changes nothing.
Result<Events> decide(const State* identity, const Retire& command);
Result<Events> decide(const State* identity, const EstablishBaseline& command);
Result<Events> decide(const State* identity, const ResetBaseline& command);
Result<Events> decide(const State* identity, const SeeSubject& command);
// Errors: denied "identity.attestation.replayed", "identity.attestation.not_active"; unauthenticated
// "identity.attestation.expired".
Result<Events> decide(const State* identity, const UseAttestation& command, Moment moment);

// Start from an empty row. Ids and times come from the envelope.
State evolve(State identity, const v1::Envelope& envelope, const Event& event);
// Its tokens' events move last_authenticated and last_rotated.
State evolve(State identity, const v1::Envelope& envelope, const v1::JitTokenEvent& event);
State evolve(State identity, const v1::Envelope& envelope, const v1::ServiceTokenEvent& event);

// Whether tokens of `generation` live, as far as their identity goes. Null: the principal has no identity.
bool keeps_alive(const State* identity, uint64_t generation);

}  // namespace watchword::domain::identity
