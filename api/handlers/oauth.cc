// RFC 7662 introspection, RFC 7009 revocation, the public keys, and the question that a gateway asks.
#include "api/handlers/handlers.h"
#include "api/handlers/authenticate.h"
#include "api/handlers/partition.h"
#include "api/handlers/revoking.h"
#include "api/http/form.h"
#include "api/http/json_writer.h"
#include "api/http/problem.h"
#include "events/domain/continuous_auth.h"
#include "events/domain/jit_token.h"
#include "events/domain/service_token.h"
#include "processors/fold/open_risk.h"
#include "processors/publisher/render.h"

namespace watchword::api::oauth {
namespace {

constexpr std::string_view kInactive = R"({"active":false})";

// What a resource server tells of the call in which the token was presented.
struct Presentation {
  Address address;
  std::string_view user_agent, endpoint;
  std::string_view scope{}, audience{};  // that the call needs
};

// What was concluded of a token, ready to be told. Owns all that it holds: it crosses cores.
struct Verdict {
  bool active = false;
  bool known = false;
  bool unavailable = false;
  bool insufficient = false;  // good, and not for this call
  bool counted = false;  // has max_usage: the use must be decided in a turn
  bool newly_expired = false;  // by the reader's clock, not yet by the journal's
  bool continuous = false;
  Id token_id, principal;
  v1::IdentityKind kind = v1::SERVICE_ACCOUNT;
  std::string scope;  // space-separated (RFC 6749 3.3)
  std::string audience, client_name;
  int64_t issued_at_ms = 0, expires_at_ms = 0;
  uint32_t risk = 0;
  bool is_jwt = false;
};

// Without its query and fragment: that is where callers of others put tokens, and each would be a new endpoint.
std::string_view path_of(std::string_view uri) { return uri.substr(0, uri.find_first_of("?#")); }

template <class Texts>
std::string joined(const Texts& texts) {
  std::string out;
  for (const auto& text : texts) out.append(out.empty() ? "" : " ").append(text);
  return out;
}

void conclude_jit(runtime::PartitionTask& task, const Presented& presented, const Address& address,
                  const domain::UseRules& rules, Verdict& out) {
  const auto* token = task.rows().find<v1::JitTokenState>(presented.token_id);
  if (token == nullptr) return;
  out.known = true;
  out.is_jwt = true;
  out.token_id = presented.token_id;
  out.principal = Id::from_view(token->identity_id());
  const int64_t now_ms = task.time().read_ms();
  const auto* identity = task.rows().find<v1::IdentityState>(out.principal);
  if (identity == nullptr) return;
  out.kind = identity->type().kind();
  const auto status = domain::jit_token::status_of(*token, identity, now_ms);
  out.newly_expired = newly_expired(task, *token, status);
  if (status != v1::TOKEN_ACTIVE) return;
  out.risk = fold::open_risk(task.rows(), out.principal);
  const auto checks = domain::check_use(*identity, {address, out.risk}, rules, {now_ms});
  if (!checks.allowed(rules)) return;
  out.active = true;
  out.counted = token->max_usage() != 0;
  out.scope = joined(token->scopes());
  out.audience = token->audience();
  out.issued_at_ms = token->issued_at_ms();
  out.expires_at_ms = token->expires_at_ms();
}

void conclude_service(runtime::PartitionTask& task, const Presented& presented, Verdict& out) {
  const auto* token = find_service_token(task.rows(), presented);
  if (token == nullptr) return;
  out.known = true;
  out.token_id = Id::from_view(token->id());
  out.principal = Id::from_view(token->identity_id());
  const auto* identity = task.rows().find<v1::IdentityState>(out.principal);
  if (identity != nullptr) out.kind = identity->type().kind();
  const auto status =
      domain::service_token::status_of(*token, identity, task.time().read_ms());
  out.newly_expired = newly_expired(task, *token, status);
  if (status != v1::TOKEN_ACTIVE) return;
  out.risk = fold::open_risk(task.rows(), out.principal);
  out.active = true;
  out.scope = joined(token->permissions());
  out.client_name = token->name();
  out.issued_at_ms = token->created_at_ms();
  out.expires_at_ms = token->expires_at_ms();
}

bool is_doubt(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::too_many || error.code == Errc::io;
}

// A token with a usage limit: the use is decided in a turn and durable before the answer.
awaitable<Result<>> use_counted(Api& api, Call& call, runtime::Partition& owner, const Verdict& verdict,
                            const Address& address) {
  runtime::Command command;
  const Id token_id = verdict.token_id, principal = verdict.principal;
  command.decide = [token_id, principal, address, envelope = envelope_of(call, principal),
                    rules = api.settings.use_rules](
                       fold::Ahead& rows,
                       const runtime::Moment& moment) -> Result<runtime::Decided> {
    auto decided = domain::jit_token::decide(
        rows.find<v1::JitTokenState>(token_id), rows.find<v1::IdentityState>(principal),
        domain::jit_token::Use{{address, std::nullopt}}, rules, {moment.now_ms});
    if (!decided) return decided.error();
    runtime::Decided out;
    for (auto& fact : *decided) {
      auto& event = out.events.emplace_back();
      *event.mutable_envelope() = envelope;
      *event.mutable_jit_token() = std::move(fact);
    }
    return out;
  };
  const auto answer = co_await run(api, owner, std::move(command));
  if (!answer.body) co_return answer.body.error();
  co_return Result<>{};
}

void note_use(Api& api, const Verdict& verdict, const Presentation& presentation, int64_t now_ms) {
  Use use;
  use.principal = verdict.principal;
  use.token_id = verdict.token_id;
  use.kind = verdict.kind;
  use.outcome = verdict.active && !verdict.insufficient ? v1::SUCCESS : v1::DENIED;
  use.authenticated = verdict.active;
  use.address = presentation.address;
  use.user_agent = presentation.user_agent;
  use.endpoint = path_of(presentation.endpoint);
  api.here().uses.note(use, now_ms);
}

bool holds(std::string_view held, std::string_view one) {
  for (size_t at = held.find(one); at != held.npos; at = held.find(one, at + 1)) {
    const size_t end = at + one.size();
    if ((at == 0 || held[at - 1] == ' ') && (end == held.size() || held[end] == ' ')) return true;
  }
  return false;
}

bool covers(std::string_view held, std::string_view wanted) {
  while (!wanted.empty()) {
    const size_t end = std::min(wanted.find(' '), wanted.size());
    const auto one = wanted.substr(0, end);
    if (!one.empty() && !holds(held, one)) return false;
    wanted.remove_prefix(std::min(end + 1, wanted.size()));
  }
  return true;
}

// One introspection answered active is one use; a call that the token does not cover is none.
awaitable<Verdict> conclude(Api& api, Call& call, std::string_view token,
                            const Presentation& presentation) {
  Verdict verdict;
  const auto presented = co_await present(api, token);
  if (!presented) {
    verdict.unavailable = is_doubt(presented.error());
    co_return verdict;
  }
  auto& owner = api.engine.partition(api.engine.partition_of(presented->slot));
  verdict = co_await at(api, owner, [&](runtime::PartitionTask& task) {
    Verdict out;
    if (!serving(task)) {
      out.unavailable = true;
      return out;
    }
    if (presented->is_jwt)
      conclude_jit(task, *presented, presentation.address, api.settings.use_rules, out);
    else
      conclude_service(task, *presented, out);
    if (task.rows().broken()) {
      out.active = false;
      out.unavailable = true;
    }
    return out;
  });
  if (verdict.newly_expired) {
    const auto written = co_await write_time(api, owner);
    verdict.unavailable |= !written;
  }
  verdict.insufficient =
      verdict.active && (!covers(verdict.scope, presentation.scope) ||
                         (!presentation.audience.empty() && presentation.audience != verdict.audience));
  if (verdict.active && verdict.counted && !verdict.insufficient) {
    const auto used = co_await use_counted(api, call, owner, verdict, presentation.address);
    verdict.active = used.ok();
    verdict.unavailable = !used && is_doubt(used.error());
  }
  if (verdict.known && !verdict.active) ++api.metrics.refused_uses[verdict.kind];
  if (verdict.known) note_use(api, verdict, presentation, api.engine.clock().wall_ms());
  co_return verdict;
}

void write_active(const Api& api, const Verdict& verdict, std::string& out) {
  http::JsonWriter json(out);
  json.begin_object().member("active", true);
  json.member("scope", verdict.scope);
  const std::string subject = verdict.principal.text();
  json.member("client_id", verdict.client_name.empty() ? subject : verdict.client_name);
  json.member("token_type", "Bearer").member("sub", subject);
  if (!verdict.audience.empty()) json.member("aud", verdict.audience);
  if (verdict.is_jwt) json.member("iss", api.settings.issuer);
  json.member("jti", verdict.token_id.text()).member("iat", verdict.issued_at_ms / 1'000);
  if (verdict.expires_at_ms != 0) json.member("exp", verdict.expires_at_ms / 1'000);
  json.member("identity_id", subject).member("risk", publisher::risk_of(verdict.risk));
  json.end_object();
}

// Nil when there is none; an error when that is not certain.
awaitable<Result<Id>> service_token_id(Api& api, const Presented& presented) {
  auto& owner = api.engine.partition(api.engine.partition_of(presented.slot));
  co_return co_await at(api, owner, [&](runtime::PartitionTask& task) -> Result<Id> {
    if (auto serves = serving(task); !serves) return serves.error();
    const auto* row = find_service_token(task.rows(), presented);
    if (task.rows().broken()) return Error{Errc::unavailable, "oauth.rows", "the rows are damaged"};
    return row != nullptr ? Id::from_view(row->id()) : Id{};
  });
}

Result<Address> optional_address(std::string_view text) {
  if (text.empty()) return Address{};
  const auto address = Address::parse(text);
  if (!address) return Error{Errc::invalid, "oauth.client_ip", "client_ip is no address"};
  return *address;
}

}  // namespace

awaitable<void> introspect(Api& api, Call& call) {
  http::Form form;
  if (auto read = form.read(call.request.body()); !read) co_return fail(call, read.error());
  const auto token = form.get("token");
  if (token.empty())
    co_return fail(call, {Errc::invalid, "oauth.token_missing", "the form field token is required"});
  const auto address = optional_address(form.get("client_ip"));
  if (!address) co_return fail(call, address.error());
  const auto verdict = co_await conclude(
      api, call, token, {*address, form.get("user_agent"), form.get("endpoint")});
  if (verdict.unavailable)
    co_return fail(call, {Errc::unavailable, "oauth.unavailable", "the answer is in doubt"});
  if (verdict.active) {
    ++api.metrics.introspections_active;
    write_active(api, verdict, call.response.body);
  } else {
    ++api.metrics.introspections_inactive;
    call.response.body = kInactive;
  }
}

awaitable<void> revoke(Api& api, Call& call) {
  http::Form form;
  if (auto read = form.read(call.request.body()); !read) co_return fail(call, read.error());
  const auto token = form.get("token");
  if (token.empty())
    co_return fail(call, {Errc::invalid, "oauth.token_missing", "the form field token is required"});
  call.response.status = 200;
  call.response.body.clear();
  const auto presented = co_await present(api, token);
  if (!presented && is_doubt(presented.error())) co_return fail(call, presented.error());
  if (!presented) co_return;  // RFC 7009 2.2: an invalid token is no error
  Result<Id> service_token = Id{};
  if (!presented->is_jwt) service_token = co_await service_token_id(api, *presented);
  if (!service_token) co_return fail(call, service_token.error());
  std::string reason = "revoked by its client";
  runtime::Answer answer;
  if (presented->is_jwt)
    answer = co_await revoke_jit(api, call, presented->token_id, std::move(reason));
  else if (!service_token->is_nil())
    answer = co_await revoke_service_token(api, call, *service_token, std::move(reason));
  if (!answer.body && answer.body.error().code != Errc::not_found) fail(call, answer.body.error());
}

awaitable<void> jwks(Api& api, Call& call) {
  call.response.content_type = "application/jwk-set+json";
  call.response.cache_control = "public, max-age=300";
  call.response.body = api.engine.key_ring().public_jwks();
  co_return;
}

namespace {

void deny(Call& call, uint16_t status, std::string_view challenge, std::string_view reason) {
  call.response.status = status;
  call.response.body.clear();
  if (!challenge.empty()) (void)call.response.set("WWW-Authenticate", challenge);
  if (!reason.empty()) (void)call.response.set("Watchword-Reason", reason);
}

}  // namespace

// nginx auth_request, Envoy ext_authz over HTTP, Traefik, Caddy: 200, 401 or 403 and nothing else.
awaitable<void> authz_forward(Api& api, Call& call) {
  const auto token = call.request.bearer();
  if (!token) co_return deny(call, 401, "Bearer", {});
  const auto query = call.request.query();
  if (!query) co_return deny(call, 403, {}, "invalid");
  const auto uri = call.request.header("X-Forwarded-Uri").value_or(call.match.suffix);
  const auto verdict = co_await conclude(
      api, call, *token,
      {call.client, call.request.header("User-Agent").value_or(std::string_view{}), uri,
       (*query)->get("scope"), (*query)->get("aud")});
  if (verdict.unavailable) co_return deny(call, 403, {}, "unavailable");
  if (!verdict.active) {
    ++api.metrics.introspections_inactive;
    co_return deny(call, 401, "Bearer error=\"invalid_token\"", {});
  }
  ++api.metrics.introspections_active;
  if (verdict.insufficient)
    co_return deny(call, 403, "Bearer error=\"insufficient_scope\"", {});
  call.response.status = 200;
  (void)call.response.set("Watchword-Identity", verdict.principal.text());
  (void)call.response.set("Watchword-Scope", verdict.scope);
  (void)call.response.set("Watchword-Risk", std::to_string(publisher::risk_of(verdict.risk)));
}

}  // namespace watchword::api::oauth
