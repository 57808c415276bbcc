#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "api/handlers/attestation.h"
#include "api/handlers/authenticate.h"
#include "api/handlers/handlers.h"
#include "api/handlers/paging.h"
#include "api/handlers/past.h"
#include "api/handlers/reason.h"
#include "api/handlers/revoking.h"
#include "api/http/json.h"
#include "api/http/problem.h"
#include "events/crypto/hash.h"
#include "events/crypto/jwt.h"
#include "events/domain/identity.h"
#include "events/domain/jit_token.h"
#include "events/domain/service_token.h"
#include "processors/publisher/render.h"
#include "processors/publisher/text.h"

namespace watchword::api::tokens {
namespace {

namespace json = boost::json;

struct Asked {
  Id identity_id;
  domain::jit_token::Issue issue;
  std::string attestation;
};

Asked read_body(http::Fields& fields) {
  Asked asked;
  const auto identity = Id::parse(fields.text("identity_id", {36, 36, false}));
  if (identity)
    asked.identity_id = *identity;
  else
    fields.fail("identity_id", "is no id of an identity");
  auto& issue = asked.issue;
  issue.scopes = fields.texts("requested_scopes", {100, {1, 256, false}});
  issue.duration_s = fields.optional_integer("duration_seconds", INT64_MIN, INT64_MAX);
  issue.justification = fields.optional_text("justification", {0, 4'096, false}).value_or("");
  issue.claimed_source_ip = fields.optional_text("source_ip", {1, 64, false}).value_or("");
  issue.user_agent = fields.optional_text("user_agent", {0, 1'024, false}).value_or("");
  issue.audience = fields.optional_text("audience", {1, 256, false}).value_or("");
  asked.attestation = fields.optional_text("attestation_data", {1, 8'192, false}).value_or("");
  issue.max_usage = static_cast<uint64_t>(fields.optional_integer("max_usage", 1, INT64_MAX).value_or(0));
  return asked;
}

// The identity's own token, a caller that may issue, or an attestation by the identity's registered key.
awaitable<Result<>> may_ask(Api& api, Call& call, const Asked& asked) {
  const auto token = call.request.bearer();
  if (!token) {
    if (!asked.attestation.empty()) co_return Result<>{};  // what it says is checked before anything is issued
    co_return Error{Errc::unauthenticated, "token.jit.caller",
                    "send a bearer token, or attestation_data"};
  }
  auto caller = co_await authenticate(api, *token);
  if (!caller) co_return caller.error();
  call.caller = std::move(*caller);
  const auto rate = api.principal_rate.take(http::rate_key(call.caller.principal.view()),
                                            api.engine.clock().boottime_us());
  if (!rate.allowed)
    co_return Error{Errc::too_many, "token.jit.rate", "too many requests of this principal"};
  const bool own = call.caller.principal == asked.identity_id && !call.caller.is_jwt;
  if (own || call.caller.may(http::Permission::token_issue)) co_return Result<>{};
  co_return Error{Errc::denied, "token.jit.not_yours",
                  "a token is issued to the identity itself, or to a caller with token_issue"};
}

// What a JWT says, from the row's own facts: a repeated call signs the same claims again.
json::object claims_of(const Api& api, const v1::JitTokenIssued& issued, const Id& identity,
                       int64_t issued_at_ms) {
  std::string scope;
  for (const auto& one : issued.scopes()) scope.append(scope.empty() ? "" : " ").append(one);
  return {{"iss", api.settings.issuer},
          {"sub", identity.text()},
          {"aud", issued.audience().empty() ? api.settings.issuer : issued.audience()},
          {"exp", issued.expires_at_ms() / 1'000},
          {"iat", issued_at_ms / 1'000},
          {"jti", Id::from_view(issued.token_id()).text()},
          {"client_id", identity.text()},
          {"scope", scope}};
}

struct Attested {
  std::string jti_hash;  // empty: none was sent
  int64_t expires_at_ms = 0;
};

runtime::Decide issuing(Api& api, const Call& call, Asked asked, Attested attested) {
  return [&api, envelope = envelope_of(call, asked.identity_id), asked = std::move(asked),
          attested = std::move(attested)](
             fold::Ahead& rows, const runtime::Moment& moment) mutable -> Result<runtime::Decided> {
    const domain::Moment now{moment.now_ms};
    const auto* identity = rows.find<v1::IdentityState>(asked.identity_id);
    runtime::Decided out;
    if (!attested.jti_hash.empty()) {
      const auto* used =
          rows.find<v1::AttestationState>(Id::from_view(std::string_view(attested.jti_hash).substr(0, 16)));
      auto facts = domain::identity::decide(
          identity, domain::identity::UseAttestation{attested.jti_hash, attested.expires_at_ms, used != nullptr},
          now);
      if (!facts) return facts.error();
      for (auto& fact : *facts) {
        auto& event = out.events.emplace_back();
        *event.mutable_envelope() = envelope;
        *event.mutable_identity() = std::move(fact);
      }
    }
    auto facts = domain::jit_token::decide(rows.find<v1::JitTokenState>(asked.issue.token_id), identity,
                                           asked.issue, api.settings.rules, now);
    if (!facts) return facts.error();
    for (auto& fact : *facts) {
      out.answer = json::serialize(claims_of(api, fact.issued(), asked.identity_id, moment.now_ms));
      auto& event = out.events.emplace_back();
      *event.mutable_envelope() = envelope;
      event.mutable_envelope()->set_token(asked.issue.token_id.bytes.data(), 16);
      *event.mutable_jit_token() = std::move(fact);
    }
    return out;
  };
}

awaitable<Result<Attested>> attest(Api& api, const Asked& asked) {
  if (asked.attestation.empty()) co_return Attested{};
  auto trust = co_await at(
      api, api.engine.owner(asked.identity_id),
      [&](runtime::PartitionTask& task) -> Result<v1::AttestationTrust> {
        if (auto serves = serving(task); !serves) return serves.error();
        const auto* row = task.rows().find<v1::IdentityState>(asked.identity_id);
        if (row == nullptr || !row->limits().has_attestation())
          return Error{Errc::denied, "token.jit.attestation.no_key",
                       "this identity has registered no key for attestation"};
        return row->limits().attestation();
      });
  if (!trust) co_return trust.error();
  auto check = [&]() -> Result<Attestation> {
    return check_attestation(asked.attestation, *trust, api.settings.issuer, asked.identity_id,
                             api.engine.clock().wall_ms());
  };
  auto checked = co_await on_worker(api, check);
  if (!checked) co_return checked.error();
  co_return Attested{checked->jti_hash, checked->expires_at_ms};
}

// Signed off the loop; this core need not verify what it made itself.
awaitable<Result<std::string>> sign(Api& api, std::string claims, const Id& token_id,
                                    const keys::KeyRing::Held& held) {
  auto work = [&claims, &held]() -> Result<std::string> {
    return crypto::sign_jwt(held->key, held->verify_key.kid(), "at+jwt", claims);
  };
  auto signed_token = co_await on_worker(api, work);
  if (signed_token)
    api.here().tokens.put(crypto::view(crypto::sha256(*signed_token)), token_id);
  co_return signed_token;
}

void answer_issued(Call& call, const json::object& claims, std::string_view token) {
  json::array scopes;
  std::string_view rest = claims.at("scope").as_string();
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    scopes.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  call.response.status = 201;
  call.response.body = publisher::to_text(
      json::object{{"access_token", token},
                   {"token_type", "Bearer"},
                   {"expires_in", claims.at("exp").as_int64() - claims.at("iat").as_int64()},
                   {"scopes", std::move(scopes)},
                   {"token_id", claims.at("jti")}});
}

// Uses are counted in place, ahead of what is durable: they are shown once all that was counted is.
template <class Row, class Render>
awaitable<void> answer_row(Api& api, Call& call, Render render) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  auto& owner = api.engine.owner(*id);
  uint64_t settled = 0;
  auto found = co_await at(api, owner, [&](runtime::PartitionTask& task) -> Result<json::object> {
    if (auto serves = serving(task); !serves) return serves.error();
    const auto* row = task.rows().template find<Row>(*id);
    if (row == nullptr)
      return Error{Errc::not_found, "token.unknown", "there is no token with that id"};
    if (task.rows().template find<fold::Usage>(*id) != nullptr) settled = task.last_appended();
    return render(task, *row);
  });
  if (!found) co_return fail(call, found.error());
  if (auto durable = co_await reach(api, {owner.number, settled}); !durable)
    co_return fail(call, durable.error());
  call.response.body = publisher::to_text(*found);
}

}  // namespace

awaitable<void> issue_jit(Api& api, Call& call) {
  if (!api.settings.jit_tokens_enabled)
    co_return fail(call, {Errc::unavailable, "token.jit.disabled", "JIT tokens are switched off"});
  auto body = http::JsonBody::parse(call.request.body());
  if (!body) co_return fail(call, body.error());
  auto fields = body->fields();
  auto asked = read_body(fields);
  if (!body->done(fields)) co_return http::answer_problem(body->problem(), call.request, call.response);
  if (auto allowed = co_await may_ask(api, call, asked); !allowed) {
    const bool known = call.caller.authenticated, presented = call.request.bearer().has_value();
    co_return known ? fail(call, allowed.error())
                    : fail_authentication(api, call, allowed.error(), presented);
  }
  auto attested = co_await attest(api, asked);
  if (!attested)
    co_return call.caller.authenticated ? fail(call, attested.error())
                                        : fail_authentication(api, call, attested.error(), true);
  if (!call.caller.authenticated) call.caller.principal = asked.identity_id;
  auto& issue = asked.issue;
  auto& owner = api.engine.owner(asked.identity_id);
  // By the partition's time: a wall clock that was set back hides no key.
  const int64_t now_ms =
      co_await at(api, owner, [](runtime::PartitionTask& task) { return task.time().read_ms(); });
  const auto algorithm = crypto::algorithm_named(api.settings.algorithm);
  const auto held = algorithm ? api.engine.key_ring().current(*algorithm, now_ms) : nullptr;
  if (!held)
    co_return fail(call, {Errc::unavailable, "token.jit.no_key", "there is no signing key"});
  issue.key_id = held->verify_key.kid();
  issue.token_id = mint_id(now_ms, asked.identity_id.slot(), api.engine.entropy());
  issue.requested_by = call.caller.principal;
  issue.attested = !attested->jti_hash.empty();
  issue.address = call.client;
  if (api.settings.speak_for_clients && call.caller.may(http::Permission::token_issue))
    if (const auto claimed = Address::parse(issue.claimed_source_ip)) issue.address = *claimed;
  auto decide = issuing(api, call, std::move(asked), std::move(*attested));
  auto answer = co_await change(api, call, owner, runtime::Lane::command, std::move(decide));
  if (!answer.body) co_return fail(call, answer.body.error());
  const auto claims = json::parse(*answer.body).as_object();
  const auto token_id = Id::parse(claims.at("jti").as_string());
  auto token = co_await sign(api, *answer.body, *token_id, held);
  if (!token) co_return fail(call, token.error());
  if (!answer.repeated)
    api.metrics.jit_token_issued(claims.at("exp").as_int64() - claims.at("iat").as_int64());
  answer_issued(call, claims, *token);
}

// Both kinds of token answer here: an id says its partition, not its kind.
awaitable<void> show(Api& api, Call& call) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  const auto when = when_of(call, api.engine.owner(*id));
  if (!when) co_return fail(call, when.error());
  if (*when) co_return co_await answer_token_at(api, call, *id, **when);
  const bool service = co_await at(api, api.engine.owner(*id), [&](runtime::PartitionTask& task) {
    return task.rows().find<v1::ServiceTokenState>(*id) != nullptr;
  });
  if (service) co_return co_await service_tokens::show(api, call);
  co_await answer_row<v1::JitTokenState>(
      api, call, [&](runtime::PartitionTask& task, const v1::JitTokenState& row) {
        const auto* identity =
            task.rows().find<v1::IdentityState>(Id::from_view(row.identity_id()));
        return publisher::render(
            row, domain::jit_token::status_of(row, identity, task.time().read_ms()),
            task.rows().find<fold::Usage>(*id));
      });
}

awaitable<void> usage(Api& api, Call& call) {
  co_await answer_row<v1::JitTokenState>(
      api, call, [&](runtime::PartitionTask& task, const v1::JitTokenState& row) {
        return publisher::render_usage(row, task.rows().find<fold::Usage>(Id::from_view(row.id())));
      });
}

awaitable<void> revoke(Api& api, Call& call) {
  auto reason = reason_of(call);
  if (!reason) co_return fail(call, reason.error());
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  auto answer = co_await revoke_jit(api, call, *id, *reason);
  if (!answer.body && answer.body.error().code == Errc::not_found)
    answer = co_await revoke_service_token(api, call, *id, *reason);
  if (!answer.body) co_return fail(call, answer.body.error());
  call.response.status = 204;
}

}  // namespace watchword::api::tokens
