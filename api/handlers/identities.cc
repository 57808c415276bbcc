#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "api/handlers/handlers.h"
#include "api/handlers/limits_body.h"
#include "api/handlers/paging.h"
#include "api/handlers/past.h"
#include "api/handlers/reason.h"
#include "api/handlers/sealed_answer.h"
#include "api/http/problem.h"
#include "events/crypto/hash.h"
#include "events/domain/identity.h"
#include "events/domain/service_token.h"
#include "events/domain/text.h"
#include "processors/commands/secret.h"
#include "processors/fold/open_risk.h"
#include "processors/publisher/render.h"
#include "processors/publisher/text.h"

namespace watchword::api::identities {
namespace {

namespace json = boost::json;
namespace identity = domain::identity;
using http::Fields;

constexpr http::TextLimits kName{1, 512, false};

// A registration as read, before what is personal is sealed.
struct Registration {
  v1::IdentityType type;
  std::string username, email;
  domain::LimitsChange limits;
};

void read_type(Fields& body, Registration& out) {
  auto type = body.object("identity_type");
  if (!type) return;
  const auto kind = type->choice("type", {"ServiceAccount", "AIAgent", "ApiKey", "Human"});
  if (kind == "Human") {
    out.type.set_kind(v1::HUMAN);
    out.username = type->text("username", kName);
    out.email = type->optional_text("email", kName).value_or("");
    if (!out.username.empty() && !domain::is_name(out.username))
      type->fail("username", "has characters that a name may not have");
  } else {
    const bool account = kind == "ServiceAccount", agent = kind == "AIAgent";
    out.type.set_kind(account ? v1::SERVICE_ACCOUNT : agent ? v1::AI_AGENT : v1::API_KEY);
    out.type.set_name(
        std::string(type->text(account ? "service_name" : agent ? "agent_name" : "key_name", kName)));
    if (account) out.type.set_environment(std::string(type->text("environment", kName)));
    if (agent) out.type.set_model(std::string(type->text("model", kName)));
    out.type.set_owner_team(std::string(type->text("owner_team", kName)));
  }
  type->refuse_unknown();
}

Result<> seal_names(Api& api, const Id& id, Registration& registration) {
  const auto put = [&](const std::string& text, v1::Sealed& sealed) -> Result<> {
    if (text.empty()) return {};
    auto made = api.engine.vault().seal(id, text);
    if (!made) return made.error();
    sealed = std::move(*made);
    return {};
  };
  if (registration.type.kind() != v1::HUMAN) return {};
  if (auto done = put(registration.username, *registration.type.mutable_username()); !done)
    return done;
  return put(registration.email, *registration.type.mutable_email());
}

v1::Event event_of(const v1::Envelope& envelope, v1::IdentityEvent fact) {
  v1::Event event;
  *event.mutable_envelope() = envelope;
  *event.mutable_identity() = std::move(fact);
  return event;
}

// The holder of an API key gets it with the registration, once: an `sk_` token that may only be exchanged for JIT tokens.
Result<v1::Event> api_key_event(const v1::Envelope& envelope, const v1::IdentityState& row,
                                const Id& token_id, const std::string& sha256,
                                const runtime::Moment& moment) {
  domain::service_token::Create create;
  create.token_id = token_id;
  create.name = "api-key " + Id::from_view(row.id()).text();
  create.secret_sha256 = sha256;
  create.permissions = {"api_read"};
  create.permissions_of_caller = {"admin"};
  create.owner = row.type().owner_team();
  auto decided = domain::service_token::decide(nullptr, &row, create, {moment.now_ms});
  if (!decided) return decided.error();
  v1::Event event;
  *event.mutable_envelope() = envelope;
  *event.mutable_service_token() = std::move(decided->front());
  return event;
}

struct Minted {
  Id id, token_id;
  std::string secret, sha256;
};

// Off the loop: ids whose text hashes to their slot, and the key's draw.
awaitable<Result<Minted>> mint(Api& api, Call& call, Registration& registration) {
  const auto slot = slot_of_key(api, call);
  co_return co_await on_worker(api, [&api, slot, &registration]() -> Result<Minted> {
    Minted minted;
    const int64_t now_ms = api.engine.clock().wall_ms();
    auto& entropy = api.engine.entropy();
    minted.id = slot ? mint_principal_id_in(now_ms, *slot, entropy) : mint_principal_id(now_ms, entropy);
    if (auto sealed = seal_names(api, minted.id, registration); !sealed) return sealed.error();
    if (registration.type.kind() == v1::API_KEY) {
      const auto secret = commands::draw_secret(minted.id.slot(), entropy);
      minted.secret = secret.view();
      minted.sha256 = crypto::view(crypto::sha256(minted.secret));
      minted.token_id = mint_id(now_ms, minted.id.slot(), entropy);
    }
    return minted;
  });
}

json::object registered(const v1::IdentityState& row) {
  const auto& limits = row.limits();
  return {{"identity_id", Id::from_view(row.id()).text()},
          {"max_token_lifetime_seconds", limits.max_token_lifetime_s()},
          {"requires_attestation", limits.requires_attestation()},
          {"requires_continuous_auth", limits.requires_continuous_auth()},
          {"api_key", nullptr}};
}

runtime::Decide registering(Api& api, const Call& call, Registration registration, Minted minted,
                            std::string sealed) {
  return [&api, envelope = envelope_of(call, minted.id), minted = std::move(minted),
          sealed = std::move(sealed),
          command = identity::Register{std::move(registration.type), std::move(registration.limits)}](
             fold::Ahead& rows, const runtime::Moment& moment) mutable -> Result<runtime::Decided> {
    auto decided = identity::decide(rows.find<v1::IdentityState>(minted.id), command,
                                    api.settings.rules);
    if (!decided) return decided.error();
    runtime::Decided out;
    v1::IdentityState row;
    envelope.set_at_ms(moment.now_ms);
    for (auto& fact : *decided) {
      row = identity::evolve(std::move(row), envelope, fact);
      out.events.push_back(event_of(envelope, std::move(fact)));
    }
    if (!minted.sha256.empty()) {
      auto key = api_key_event(envelope, row, minted.token_id, minted.sha256, moment);
      if (!key) return key.error();
      out.events.push_back(std::move(*key));
    }
    auto answer = registered(row);
    if (!sealed.empty()) answer["sealed"] = sealed;
    out.answer = json::serialize(answer);
    return out;
  };
}

// Rules know values, not members: the member that a rule speaks of is named here.
void fail_naming_member(Call& call, const Error& error) {
  static constexpr std::pair<std::string_view, std::string_view> kMembers[] = {
      {"cidr.", "/allowed_ips"},          {"limits.networks", "/allowed_ips"},
      {"hours.", "/allowed_hours"},       {"limits.hours", "/allowed_hours"},
      {"time_zone.", "/time_zone"},       {"scope.", "/allowed_scopes"},
      {"limits.lifetime", "/max_token_lifetime_seconds"},
      {"limits.attestation", "/attestation"},
      {"metadata.", "/metadata"},         {"limits.signals", "/signals_off"},
      {"identity.type.", "/identity_type"}};
  for (const auto& [prefix, pointer] : kMembers) {
    if (!error.reason.starts_with(prefix)) continue;
    auto problem = http::problem_of(error);
    problem.errors.push_back({std::string(pointer), error.detail});
    return http::answer_problem(problem, call.request, call.response);
  }
  fail(call, error);
}

// One decision on the identity in the path, whose answer is the row after it.
template <class Command>
awaitable<void> change_one(Api& api, Call& call, runtime::Lane lane, Command command) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  runtime::Decide decide =
      [&api, id = *id, envelope = envelope_of(call, *id), command = std::move(command)](
          fold::Ahead& rows, const runtime::Moment&) -> Result<runtime::Decided> {
        const auto* row = rows.find<v1::IdentityState>(id);
        auto decided = [&] {
          if constexpr (std::is_same_v<Command, identity::ChangeLimits>)
            return identity::decide(row, command, api.settings.rules);
          else
            return identity::decide(row, command);
        }();
        if (!decided) return decided.error();
        runtime::Decided out;
        for (auto& fact : *decided) out.events.push_back(event_of(envelope, std::move(fact)));
        return out;
      };
  auto answer = co_await change(api, call, api.engine.owner(*id), lane, std::move(decide));
  if (!answer.body) co_return fail_naming_member(call, answer.body.error());
  co_await show(api, call);
}

std::optional<json::object> render_one(Api& api, runtime::PartitionTask& task, const Id& id) {
  const auto* row = task.rows().find<v1::IdentityState>(id);
  if (row == nullptr) return std::nullopt;
  const auto* baseline = task.rows().find<detectors::Baseline>(id);
  const publisher::IdentityMore more{
      fold::open_risk(task.rows(), id),
      baseline != nullptr && detectors::learned(*baseline, api.settings.tuning)};
  return publisher::render(*row, more, [&](const Id& principal, const v1::Sealed& sealed) {
    return api.open_sealed(principal, sealed);
  });
}

bool matches(const v1::IdentityState& row, std::string_view type, std::string_view status,
             std::string_view owner) {
  return (type.empty() || publisher::name_of(row.type().kind()) == type) &&
         (status.empty() || publisher::name_of(row.status()) == status) &&
         (owner.empty() || row.type().owner_team() == owner);
}

}  // namespace

awaitable<void> create(Api& api, Call& call) {
  auto body = http::JsonBody::parse(call.request.body());
  if (!body) co_return fail(call, body.error());
  auto fields = body->fields();
  Registration registration;
  read_type(fields, registration);
  registration.limits = read_limits(fields);
  if (!body->done(fields)) co_return http::answer_problem(body->problem(), call.request, call.response);
  auto minted = co_await mint(api, call, registration);
  if (!minted) co_return fail(call, minted.error());
  const std::string secret = minted->secret;
  auto& owner = api.engine.owner(minted->id);
  auto sealed = seal_answer(api, call, secret);
  auto decide = registering(api, call, std::move(registration), std::move(*minted), std::move(sealed));
  auto answer = co_await change(api, call, owner, runtime::Lane::command, std::move(decide));
  if (!answer.body) co_return fail_naming_member(call, answer.body.error());
  call.response.status = 201;
  call.response.body = open_answer(api, call, answer, secret, "api_key");
}

awaitable<void> list(Api& api, Call& call) {
  const auto page = page_of(api, call, {"type", "status", "owner_team"});
  if (!page) co_return fail(call, page.error());
  const std::string type(query_value(call, "type")), status(query_value(call, "status")),
      owner(query_value(call, "owner_team"));
  std::string prefix = views::index_prefix(views::Index::identity_all);
  if (!owner.empty())
    prefix = views::index_prefix(views::Index::identity_by_owner, views::index_value(owner));
  for (int kind = v1::SERVICE_ACCOUNT; owner.empty() && kind <= v1::FOREIGN; ++kind)
    if (publisher::name_of(static_cast<v1::IdentityKind>(kind)) == type)
      prefix = views::index_prefix(views::Index::identity_by_type, static_cast<uint64_t>(kind));
  co_await answer_page(api, call, *page, prefix,
                       [&](runtime::PartitionTask& task, const Id& id) -> std::optional<json::object> {
                         const auto* row = task.rows().find<v1::IdentityState>(id);
                         if (row == nullptr || !matches(*row, type, status, owner)) return std::nullopt;
                         return render_one(api, task, id);
                       });
}

awaitable<void> show(Api& api, Call& call) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  const auto when = when_of(call, api.engine.owner(*id));
  if (!when) co_return fail(call, when.error());
  if (*when) co_return co_await answer_identity_at(api, call, *id, **when);
  auto found = co_await at(api, api.engine.owner(*id),
                           [&](runtime::PartitionTask& task) -> Result<json::object> {
                             if (auto serves = serving(task); !serves) return serves.error();
                             auto row = render_one(api, task, *id);
                             if (!row) return Error{Errc::not_found, "identity.unknown",
                                                    "there is no identity with that id"};
                             return std::move(*row);
                           });
  if (!found) co_return fail(call, found.error());
  call.response.body = publisher::to_text(*found);
}

awaitable<void> patch(Api& api, Call& call) {
  auto body = http::JsonBody::parse(call.request.body());
  if (!body) co_return fail(call, body.error());
  auto fields = body->fields();
  identity::ChangeLimits command{read_limits(fields)};
  if (!body->done(fields)) co_return http::answer_problem(body->problem(), call.request, call.response);
  co_await change_one(api, call, runtime::Lane::command, std::move(command));
}

awaitable<void> suspend(Api& api, Call& call) {
  auto reason = reason_of(call);
  if (!reason) co_return fail(call, reason.error());
  identity::Suspend command{std::move(*reason)};
  co_await change_one(api, call, runtime::Lane::revoke, std::move(command));
}

awaitable<void> retire(Api& api, Call& call) {
  auto reason = reason_of(call);
  if (!reason) co_return fail(call, reason.error());
  identity::Retire command{std::move(*reason)};
  co_await change_one(api, call, runtime::Lane::revoke, std::move(command));
}

// It may not overrule a suspension that came after it did: it names the generation that it saw when it arrived.
awaitable<void> reactivate(Api& api, Call& call) {
  auto reason = reason_of(call);
  if (!reason) co_return fail(call, reason.error());
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  const uint64_t generation =
      co_await at(api, api.engine.owner(*id), [&](runtime::PartitionTask& task) -> uint64_t {
        const auto* row = task.rows().find<v1::IdentityState>(*id);
        return row != nullptr ? row->generation() : 0;
      });
  identity::Reactivate command{std::move(*reason), generation};
  co_await change_one(api, call, runtime::Lane::command, std::move(command));
}

awaitable<void> baseline(Api& api, Call& call) {
  co_await change_one(api, call, runtime::Lane::command, identity::EstablishBaseline{});
}

awaitable<void> baseline_reset(Api& api, Call& call) {
  auto reason = reason_of(call);
  if (!reason) co_return fail(call, reason.error());
  identity::ResetBaseline command{std::move(*reason)};
  co_await change_one(api, call, runtime::Lane::command, std::move(command));
}

}  // namespace watchword::api::identities
