#include "api/handlers/authenticate.h"

#include "api/handlers/partition.h"
#include "events/crypto/hash.h"
#include "events/crypto/jwt.h"
#include "events/domain/jit_token.h"
#include "events/domain/service_token.h"

namespace watchword::api {
namespace {

constexpr std::string_view kScopePrefix = "watchword:";

Error refused(std::string_view reason) {
  return {Errc::unauthenticated, reason, "the credential is not valid"};
}

uint32_t all_permissions() { return ~uint32_t{0}; }

template <class Names>
uint32_t permissions_of(const Names& names) {
  uint32_t bits = 1u << static_cast<unsigned>(http::Permission::any_token);
  for (const auto& name : names) bits |= permission_bit(name);
  const uint32_t admin = 1u << static_cast<unsigned>(http::Permission::admin);
  return (bits & admin) != 0 ? all_permissions() : bits;
}

constexpr std::string_view kNewlyExpired = "auth.token.newly_expired";  // by the reader's clock, not yet by the journal's

template <class Token>
Error not_active(runtime::PartitionTask& task, const Token& token, v1::TokenStatus status) {
  return refused(newly_expired(task, token, status) ? kNewlyExpired : "auth.token.not_active");
}

Result<Caller> service_caller(runtime::PartitionTask& task, const Presented& presented) {
  const auto* token = find_service_token(task.rows(), presented);
  if (token == nullptr) return refused("auth.token.unknown");
  const auto* identity = task.rows().find<v1::IdentityState>(Id::from_view(token->identity_id()));
  const auto status = domain::service_token::status_of(*token, identity, task.time().read_ms());
  if (status != v1::TOKEN_ACTIVE) return not_active(task, *token, status);
  Caller caller;
  caller.authenticated = true;
  caller.token_id = Id::from_view(token->id());
  caller.principal = Id::from_view(token->identity_id());
  caller.permissions = permissions_of(token->permissions());
  caller.sources.assign(token->sources().begin(), token->sources().end());
  return caller;
}

// A JWT holds what its scopes name: `watchword:introspect` is the permission introspect. Never admin.
Result<Caller> jwt_caller(runtime::PartitionTask& task, const Presented& presented) {
  const auto* token = task.rows().find<v1::JitTokenState>(presented.token_id);
  if (token == nullptr) return refused("auth.token.unknown");
  const auto* identity = task.rows().find<v1::IdentityState>(Id::from_view(token->identity_id()));
  const auto status = domain::jit_token::status_of(*token, identity, task.time().read_ms());
  if (status != v1::TOKEN_ACTIVE || token->max_usage() != 0) return not_active(task, *token, status);
  std::vector<std::string_view> names;
  for (const auto& scope : token->scopes())
    if (scope.starts_with(kScopePrefix) && scope != "watchword:admin")
      names.push_back(std::string_view(scope).substr(kScopePrefix.size()));
  Caller caller;
  caller.authenticated = true;
  caller.is_jwt = true;
  caller.token_id = presented.token_id;
  caller.principal = Id::from_view(token->identity_id());
  caller.permissions = permissions_of(names);
  return caller;
}

// Form and signature. Whether it is over says the row, by the journal's clock.
Result<Id> verified_id(keys::KeyRing& ring, const std::string& text) {
  const auto token = crypto::read_jwt(text, {});
  if (!token) return token.error();
  keys::KeyRing::Held held;
  const auto signed_by_us =
      crypto::check_signature(*token, [&](std::string_view kid, crypto::Algorithm) {
        held = ring.by_kid(kid);
        return held ? &held->verify_key : nullptr;
      });
  if (!signed_by_us) return signed_by_us.error();
  const auto id = Id::parse(token->jwt.id);
  if (!id) return refused("auth.token.jti");
  return *id;
}

// The signature is checked off the loop, once for each token's bytes and core.
awaitable<Result<Presented>> present_jwt(Api& api, std::string_view token) {
  Presented presented;
  presented.is_jwt = true;
  const auto digest = crypto::sha256(token);
  if (const auto known = api.here().tokens.find(crypto::view(digest))) {
    presented.token_id = *known;
    presented.slot = known->slot();
    co_return presented;
  }
  auto verify = [&ring = api.engine.key_ring(), text = std::string(token)] {
    return verified_id(ring, text);
  };
  auto verified = co_await on_worker(api, std::move(verify));
  if (!verified)
    co_return verified.error().code == Errc::unavailable ? verified.error() : refused("auth.token.unknown");
  presented.token_id = *verified;
  presented.slot = verified->slot();
  api.here().tokens.put(crypto::view(digest), *verified);
  co_return presented;
}

bool too_many_failures(Api& api, Call& call) {
  const auto verdict =
      api.failure_rate.take(http::rate_key(call.client), api.engine.clock().boottime_us());
  if (verdict.allowed) return false;
  ++api.metrics.rate_exceeded;
  http::answer_rate_exceeded("failures", api.settings.failure_rate, verdict, call.request,
                             call.response);
  return true;
}

}  // namespace

void fail_authentication(Api& api, Call& call, const Error& error, bool presented) {
  ++api.metrics.authentication_failures;
  const bool refused = error.code == Errc::unauthenticated || error.code == Errc::denied;
  if (presented && refused && too_many_failures(api, call)) return;
  fail(call, error);
}

awaitable<Result<Presented>> present(Api& api, std::string_view token) {
  if (domain::service_token::well_formed_secret(token)) {
    Presented presented;
    const auto digest = crypto::sha256(token);
    presented.sha256 = crypto::view(digest);
    presented.slot = slot_of_digest(presented.sha256);
    co_return presented;
  }
  co_return co_await present_jwt(api, token);
}

const v1::ServiceTokenState* find_service_token(fold::State& rows, const Presented& presented) {
  const auto* secret =
      rows.find<v1::SecretState>(Id::from_view(std::string_view(presented.sha256).substr(0, 16)));
  if (secret == nullptr || secret->sha256() != presented.sha256) return nullptr;
  return rows.find<v1::ServiceTokenState>(Id::from_view(secret->token_id()));
}

awaitable<Result<Caller>> authenticate(Api& api, std::string_view token) {
  const auto presented = co_await present(api, token);
  if (!presented) co_return presented.error();
  auto& owner = api.engine.partition(api.engine.partition_of(presented->slot));
  auto caller = co_await at(api, owner, [&](runtime::PartitionTask& task) -> Result<Caller> {
    if (auto serves = serving(task); !serves) return serves.error();
    auto found =
        presented->is_jwt ? jwt_caller(task, *presented) : service_caller(task, *presented);
    if (task.rows().broken()) return Error{Errc::unavailable, "auth.rows", "the rows are damaged"};
    return found;
  });
  if (caller || caller.error().reason != kNewlyExpired) co_return caller;
  const auto written = co_await write_time(api, owner);
  co_return written ? refused("auth.token.not_active") : written.error();
}

}  // namespace watchword::api
