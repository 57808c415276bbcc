#include "events/domain/jit_token.h"

#include <algorithm>
#include <utility>

#include "events/domain/identity.h"
#include "events/domain/text.h"
#include "events/policy/cidr.h"
#include "events/policy/hours.h"
#include "events/policy/scopes.h"

namespace watchword::domain::jit_token {
namespace {

Result<> check_identity(const v1::IdentityState* identity) {
  if (identity == nullptr) {
    return Error{Errc::not_found, "token.jit.issue.identity_unknown", {}};
  }
  if (identity->status() == v1::IDENTITY_ACTIVE) return {};
  if (identity->status() == v1::IDENTITY_RETIRED) {
    return Error{Errc::denied, "token.jit.issue.identity_retired", {}};
  }
  return Error{Errc::denied, "token.jit.issue.identity_suspended", {}};
}

Result<> check_justification(const std::string& justification) {
  const auto length = printable_length(justification, Lines::many);
  if (!length) {
    return Error{Errc::invalid, "token.jit.issue.justification_malformed", "printable text"};
  }
  if (*length == 0) {
    return Error{Errc::invalid, "token.jit.issue.justification_missing", "say what it is for"};
  }
  if (*length > kMaxJustificationCharacters) {
    return Error{Errc::unprocessable, "token.jit.issue.justification_too_long",
                 "at most 512 characters"};
  }
  return {};
}

Result<> check_shape(const Issue& command) {
  if (const auto good = check_justification(command.justification); !good) return good.error();
  if (command.max_usage > kMaxUsage) {
    return Error{Errc::unprocessable, "token.jit.issue.max_usage_too_large", "at most 1000000"};
  }
  if (command.user_agent.size() > kMaxUserAgentBytes) {
    return Error{Errc::unprocessable, "token.jit.issue.user_agent_too_long", "at most 256 bytes"};
  }
  if (!printable_length(command.user_agent)) {
    return Error{Errc::invalid, "token.jit.issue.user_agent_malformed", "printable text"};
  }
  if (printable_length(command.audience).value_or(SIZE_MAX) > kMaxAudienceCharacters) {
    return Error{Errc::invalid, "token.jit.issue.audience_malformed",
                 "at most 512 printable characters"};
  }
  if (!command.claimed_source_ip.empty() && !Address::parse(command.claimed_source_ip)) {
    return Error{Errc::invalid, "token.jit.issue.source_ip_malformed", "an IP address"};
  }
  return {};
}

Result<> check_policy(const v1::IdentityState& identity, const Issue& command,
                      const policy::TypePolicy& type, Moment moment) {
  const auto& limits = identity.limits();
  if ((limits.requires_attestation() || type.requires_attestation) && !command.attested) {
    return Error{Errc::denied, "token.jit.issue.attestation_required", {}};
  }
  if (!policy::address_allowed(limits.allowed_ips(), command.address)) {
    return Error{Errc::denied, "token.jit.issue.network_not_allowed", command.address.text()};
  }
  if (!policy::allowed_at(limits.allowed_hours(), limits.time_zone(), moment.now_ms)) {
    return Error{Errc::denied, "token.jit.issue.hours_not_allowed", {}};
  }
  return {};
}

// Of people neither address is kept whole.
v1::RequestContext context_of(v1::IdentityKind kind, const Issue& command) {
  v1::RequestContext context;
  if (const auto claimed = Address::parse(command.claimed_source_ip)) {
    context.set_claimed_source_ip(policy::recorded_address(kind, *claimed).text());
  }
  context.set_user_agent(command.user_agent);
  context.set_network(policy::recorded_network(kind, command.address));
  return context;
}

Event issued(const v1::IdentityState& identity, const Issue& command,
             std::span<const std::string> scopes, int64_t expires_at_ms) {
  Event event;
  auto& fact = *event.mutable_issued();
  fact.set_token_id(std::string(command.token_id.view()));
  fact.mutable_scopes()->Assign(scopes.begin(), scopes.end());
  fact.set_expires_at_ms(expires_at_ms);
  fact.set_forget_at_ms(expires_at_ms + kRememberedMs);
  fact.set_justification(command.justification);
  fact.set_max_usage(command.max_usage);
  fact.set_generation(identity.generation());
  fact.set_key_id(command.key_id);
  fact.set_audience(command.audience);
  fact.set_requested_by(std::string(command.requested_by.view()));
  fact.set_attested(command.attested);
  *fact.mutable_request_context() = context_of(identity.type().kind(), command);
  return event;
}

Result<> check_active(v1::TokenStatus status) {
  if (status == v1::TOKEN_ACTIVE) return {};
  if (status == v1::TOKEN_EXPIRED) return Error{Errc::denied, "token.jit.use.expired", {}};
  if (status == v1::TOKEN_EXHAUSTED) return Error{Errc::denied, "token.jit.use.exhausted", {}};
  return Error{Errc::denied, "token.jit.use.revoked", {}};
}

Result<> check_call(const v1::IdentityState& identity, const Use& command, const UseRules& rules,
                    Moment moment) {
  const auto refusal = check_use(identity, command.call, rules, moment).refused_by(rules);
  if (refusal.empty()) return {};
  if (refusal == "network") return Error{Errc::denied, "token.jit.use.network_not_allowed", {}};
  if (refusal == "hours") return Error{Errc::denied, "token.jit.use.hours_not_allowed", {}};
  if (refusal == "risk") return Error{Errc::denied, "token.jit.use.risk_too_high", {}};
  return Error{Errc::denied, "token.jit.use.identity_not_allowed", {}};
}

Events counted(const State& token) {
  Events events(1);
  const uint64_t count = token.usage_count() + 1;
  events[0].mutable_used()->set_token_id(token.id());
  events[0].mutable_used()->set_count(count);
  if (count >= token.max_usage()) {
    events.emplace_back().mutable_exhausted()->set_token_id(token.id());
  }
  return events;
}

State with_issue(const v1::Envelope& envelope, const v1::JitTokenIssued& fact) {
  State token;
  token.set_id(fact.token_id());
  token.set_identity_id(envelope.subject());
  token.set_status(v1::TOKEN_ACTIVE);
  *token.mutable_scopes() = fact.scopes();
  token.set_issued_at_ms(envelope.at_ms());
  token.set_expires_at_ms(fact.expires_at_ms());
  token.set_forget_at_ms(fact.forget_at_ms());
  token.set_max_usage(fact.max_usage());
  token.set_generation(fact.generation());
  token.set_justification(fact.justification());
  token.set_requested_by(fact.requested_by());
  *token.mutable_request_context() = fact.request_context();
  token.set_key_id(fact.key_id());
  token.set_audience(fact.audience());
  token.set_attested(fact.attested());
  return token;
}

}  // namespace

Result<Events> decide(const State* token, const v1::IdentityState* identity, const Issue& command,
                      const Rules& rules, Moment moment) {
  if (token != nullptr) return Error{Errc::conflict, "token.jit.exists", {}};
  if (const auto good = check_identity(identity); !good) return good.error();
  if (const auto good = check_shape(command); !good) return good.error();
  const auto& limits = identity->limits();
  const auto scopes = policy::granted_scopes(command.scopes, limits.allowed_scopes());
  if (!scopes) return scopes.error();
  // The configuration may have become stricter since the identity was registered.
  const auto& type = rules.types.of(identity->type().kind());
  if (const auto good = check_policy(*identity, command, type, moment); !good) return good.error();
  const auto duration_s = policy::granted_duration_s(
      command.duration_s, std::min(limits.max_token_lifetime_s(), type.max_token_lifetime_s));
  if (!duration_s) return duration_s.error();
  Events events;
  events.push_back(
      issued(*identity, command, *scopes, moment.now_ms + *duration_s * kSecondMs));
  return events;
}

Result<Events> decide(const State* token, const v1::IdentityState* identity, const Use& command,
                      const UseRules& rules, Moment moment) {
  if (token == nullptr) return Error{Errc::not_found, "token.jit.unknown", {}};
  const auto active = check_active(status_of(*token, identity, moment.now_ms));
  if (!active) return active.error();
  if (const auto good = check_call(*identity, command, rules, moment); !good) return good.error();
  return token->max_usage() == 0 ? Events{} : counted(*token);
}

Result<Events> decide(const State* token, const Revoke& command) {
  if (token == nullptr) return Error{Errc::not_found, "token.jit.unknown", {}};
  if (const auto good = check_reason(command.reason); !good) return good.error();
  if (token->status() == v1::TOKEN_REVOKED) return Events{};
  Events events(1);
  events[0].mutable_revoked()->set_token_id(token->id());
  events[0].mutable_revoked()->set_reason(command.reason);
  return events;
}

State evolve(State token, const v1::Envelope& envelope, const Event& event) {
  switch (event.fact_case()) {
    case Event::kIssued: return with_issue(envelope, event.issued());
    case Event::kUsed: token.set_usage_count(event.used().count()); break;
    case Event::kExhausted:
      if (token.status() == v1::TOKEN_ACTIVE) token.set_status(v1::TOKEN_EXHAUSTED);
      break;
    case Event::kRevoked:
      token.set_status(v1::TOKEN_REVOKED);
      token.set_revoked_at_ms(envelope.at_ms());
      token.set_revocation_reason(event.revoked().reason());
      break;
    case Event::FACT_NOT_SET: break;
  }
  return token;
}

v1::TokenStatus status_of(const State& token, const v1::IdentityState* identity, int64_t now_ms) {
  if (token.status() == v1::TOKEN_EXHAUSTED || token.status() == v1::TOKEN_EXPIRED) {
    return token.status();
  }
  if (token.status() != v1::TOKEN_ACTIVE) return v1::TOKEN_REVOKED;
  if (now_ms >= token.expires_at_ms()) return v1::TOKEN_EXPIRED;
  if (identity == nullptr || !identity::keeps_alive(identity, token.generation())) {
    return v1::TOKEN_REVOKED;
  }
  const bool used_up = token.max_usage() > 0 && token.usage_count() >= token.max_usage();
  return used_up ? v1::TOKEN_EXHAUSTED : v1::TOKEN_ACTIVE;
}

}  // namespace watchword::domain::jit_token
