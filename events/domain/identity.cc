#include "events/domain/identity.h"

#include <utility>

#include "events/domain/text.h"

namespace watchword::domain::identity {
namespace {

constexpr int kSealedNonceBytes = 12;

bool is_retired(const State& identity) { return identity.status() == v1::IDENTITY_RETIRED; }

Result<> check_known(const State* identity) {
  if (identity != nullptr) return {};
  return Error{Errc::not_found, "identity.unknown", {}};
}

Result<> check_ours(const State* identity) {
  if (const auto known = check_known(identity); !known) return known.error();
  if (identity->type().kind() == v1::FOREIGN) {
    return Error{Errc::conflict, "identity.foreign", "another service's subject"};
  }
  return {};
}

Result<> check_not_retired(const State* identity, std::string_view reason) {
  if (const auto known = check_known(identity); !known) return known.error();
  if (is_retired(*identity)) return Error{Errc::conflict, "identity.retired", "retiring is final"};
  return check_reason(reason);
}

Result<> check_changeable(const State* identity, std::string_view reason) {
  if (const auto ours = check_ours(identity); !ours) return ours.error();
  return check_not_retired(identity, reason);
}

bool is_sealed(const v1::Sealed& sealed) {
  return sealed.nonce().size() == kSealedNonceBytes && !sealed.ciphertext().empty();
}

Result<> check_type(const v1::IdentityType& type) {
  const bool person = type.kind() == v1::HUMAN;
  if (!person && type.kind() != v1::SERVICE_ACCOUNT && type.kind() != v1::AI_AGENT &&
      type.kind() != v1::API_KEY) {
    return Error{Errc::invalid, "identity.type.not_registrable", "no such type of identity"};
  }
  if (person ? !type.name().empty() : !is_name(type.name())) {
    return Error{Errc::invalid, "identity.type.name_malformed",
                 "a name is 1 to 128 printable characters"};
  }
  for (const auto* detail : {&type.environment(), &type.model(), &type.owner_team()}) {
    if (!detail->empty() && !is_name(*detail)) {
      return Error{Errc::invalid, "identity.type.detail_malformed",
                   "at most 128 printable characters"};
    }
  }
  if (person && !is_sealed(type.username())) {
    return Error{Errc::invalid, "identity.type.username_missing", "a person has a user name"};
  }
  return {};
}

Events one(Event event) {
  Events events;
  events.push_back(std::move(event));
  return events;
}

bool same(const v1::Limits& a, const v1::Limits& b) {
  return a.SerializeAsString() == b.SerializeAsString();  // no maps in it: equal means equal bytes
}

State with_registration(const v1::Envelope& envelope, const v1::IdentityRegistered& registered) {
  State identity;
  identity.set_id(envelope.subject());
  *identity.mutable_type() = registered.type();
  *identity.mutable_limits() = registered.limits();
  identity.set_status(v1::IDENTITY_ACTIVE);
  identity.set_generation(kFirstGeneration);
  identity.set_created_at_ms(envelope.at_ms());
  return identity;
}

State with_subject(const v1::Envelope& envelope, const v1::SubjectSeen& seen) {
  State identity;
  identity.set_id(envelope.subject());
  identity.mutable_type()->set_kind(v1::FOREIGN);
  *identity.mutable_subject() = seen.subject();
  identity.set_status(v1::IDENTITY_ACTIVE);
  identity.set_generation(kFirstGeneration);
  identity.set_created_at_ms(envelope.at_ms());
  return identity;
}

}  // namespace

Result<Events> decide(const State* identity, const Register& command, const Rules& rules) {
  if (identity != nullptr) return Error{Errc::conflict, "identity.exists", {}};
  if (const auto good = check_type(command.type); !good) return good.error();
  const auto kind = command.type.kind();
  auto limits = changed_limits(limits_of_type(rules.types.of(kind)), command.limits, rules, kind);
  if (!limits) return limits.error();
  Event event;
  *event.mutable_registered()->mutable_type() = command.type;
  *event.mutable_registered()->mutable_limits() = std::move(*limits);
  return one(std::move(event));
}

Result<Events> decide(const State* identity, const ChangeLimits& command, const Rules& rules) {
  if (const auto good = check_changeable(identity, {}); !good) return good.error();
  auto limits = changed_limits(identity->limits(), command.limits, rules, identity->type().kind());
  if (!limits) return limits.error();
  if (same(*limits, identity->limits())) return Events{};
  Event event;
  *event.mutable_changed()->mutable_limits() = std::move(*limits);
  return one(std::move(event));
}

Result<Events> decide(const State* identity, const Suspend& command) {
  if (const auto good = check_changeable(identity, command.reason); !good) return good.error();
  if (identity->status() == v1::IDENTITY_SUSPENDED) return Events{};
  Event event;
  event.mutable_suspended()->set_reason(command.reason);
  event.mutable_suspended()->set_generation(identity->generation() + 1);
  return one(std::move(event));
}

Result<Events> decide(const State* identity, const Reactivate& command) {
  if (const auto good = check_changeable(identity, command.reason); !good) return good.error();
  if (identity->generation() > command.generation_at_arrival) {
    return Error{Errc::conflict, "identity.reactivate.revoked_since",
                 "suspended after this request arrived"};
  }
  if (identity->status() == v1::IDENTITY_ACTIVE) return Events{};
  Event event;
  event.mutable_reactivated()->set_reason(command.reason);
  return one(std::move(event));
}

Result<Events> decide(const State* identity, const Retire& command) {
  if (const auto ours = check_ours(identity); !ours) return ours.error();
  if (const auto good = check_reason(command.reason); !good) return good.error();
  if (is_retired(*identity)) return Events{};
  Event event;
  event.mutable_retired()->set_reason(command.reason);
  event.mutable_retired()->set_generation(identity->generation() + 1);
  return one(std::move(event));
}

Result<Events> decide(const State* identity, const EstablishBaseline&) {
  if (const auto good = check_not_retired(identity, {}); !good) return good.error();
  Event event;
  event.mutable_baseline_established();
  return one(std::move(event));
}

Result<Events> decide(const State* identity, const ResetBaseline& command) {
  if (const auto good = check_not_retired(identity, command.reason); !good) return good.error();
  Event event;
  event.mutable_baseline_reset()->set_reason(command.reason);
  return one(std::move(event));
}

Result<Events> decide(const State* identity, const SeeSubject& command) {
  if (identity != nullptr) return Events{};
  Event event;
  *event.mutable_subject_seen()->mutable_subject() = command.subject;
  return one(std::move(event));
}

Result<Events> decide(const State* identity, const UseAttestation& command, Moment moment) {
  if (const auto ours = check_ours(identity); !ours) return ours.error();
  if (identity->status() != v1::IDENTITY_ACTIVE) {
    return Error{Errc::denied, "identity.attestation.not_active", {}};
  }
  if (moment.now_ms >= command.expires_at_ms) {
    return Error{Errc::unauthenticated, "identity.attestation.expired", {}};
  }
  if (command.used_before) {
    return Error{Errc::denied, "identity.attestation.replayed", "its jti was used before"};
  }
  Event event;
  event.mutable_attestation_used()->set_jti_hash(command.jti_hash);
  event.mutable_attestation_used()->set_expires_at_ms(command.expires_at_ms);
  return one(std::move(event));
}

State evolve(State identity, const v1::Envelope& envelope, const Event& event) {
  switch (event.fact_case()) {
    case Event::kRegistered: return with_registration(envelope, event.registered());
    case Event::kSubjectSeen: return with_subject(envelope, event.subject_seen());
    case Event::kChanged: *identity.mutable_limits() = event.changed().limits(); break;
    case Event::kSuspended:
      identity.set_status(v1::IDENTITY_SUSPENDED);
      identity.set_generation(event.suspended().generation());
      identity.set_suspension_reason(event.suspended().reason());
      break;
    case Event::kReactivated:
      identity.set_status(v1::IDENTITY_ACTIVE);
      identity.clear_suspension_reason();
      break;
    case Event::kRetired:
      identity.set_status(v1::IDENTITY_RETIRED);
      identity.set_generation(event.retired().generation());
      identity.set_suspension_reason(event.retired().reason());
      break;
    case Event::kAttestationUsed: identity.set_last_authenticated_ms(envelope.at_ms()); break;
    case Event::kBaselineEstablished:
    case Event::kBaselineReset: break;  // the baseline is a row of its own
    case Event::FACT_NOT_SET: break;
  }
  return identity;
}

State evolve(State identity, const v1::Envelope& envelope, const v1::JitTokenEvent& event) {
  // Asked for by somebody else, it says nothing of the identity itself.
  if (event.has_issued() && (event.issued().attested() || envelope.actor() == envelope.subject())) {
    identity.set_last_authenticated_ms(envelope.at_ms());
  }
  return identity;
}

State evolve(State identity, const v1::Envelope& envelope, const v1::ServiceTokenEvent& event) {
  if (event.has_created()) identity.set_last_rotated_ms(envelope.at_ms());
  return identity;
}

bool keeps_alive(const State* identity, uint64_t generation) {
  if (identity == nullptr) return generation == 0;
  return identity->status() == v1::IDENTITY_ACTIVE && generation == identity->generation();
}

}  // namespace watchword::domain::identity
