#include <boost/json/serialize.hpp>

#include "api/handlers/handlers.h"
#include "api/handlers/paging.h"
#include "api/handlers/reason.h"
#include "api/handlers/revoking.h"
#include "api/handlers/sealed_answer.h"
#include "api/http/json.h"
#include "api/http/problem.h"
#include "events/crypto/hash.h"
#include "events/domain/permissions.h"
#include "events/domain/service_token.h"
#include "processors/commands/secret.h"
#include "processors/publisher/render.h"
#include "processors/publisher/text.h"

namespace watchword::api::service_tokens {
namespace {

namespace json = boost::json;
namespace service_token = domain::service_token;

constexpr std::string_view kNameTaken = "token.service.name_taken";
constexpr std::string_view kNameReserved = "token.service.name_reserved";  // by a call that still runs
constexpr int kReserveTries = 40;
constexpr int64_t kReservePauseUs = 5'000;

struct Asked {
  service_token::Create create;
  Id principal;
};

std::vector<std::string> held_by(const Caller& caller) {
  std::vector<std::string> out;
  for (const auto name : domain::kPermissions)
    if ((caller.permissions & permission_bit(name)) != 0) out.emplace_back(name);
  return out;
}

Asked read_body(const Api& api, const Call& call, http::Fields& fields) {
  Asked asked;
  asked.principal = call.caller.principal;
  auto& create = asked.create;
  create.name = fields.text("token_name", {1, 300, false});
  create.permissions = fields.texts("permissions", {32, {1, 64, false}});
  create.expires_in_days = fields.optional_integer("expires_in_days", -1'000'000, 1'000'000);
  create.owner = fields.optional_text("owner", {1, 256, false}).value_or("");
  create.sources = fields.optional_texts("sources", {100, {1, 256, false}}).value_or(std::vector<std::string>{});
  if (const auto identity = fields.optional_text("identity_id", {36, 36, false})) {
    const auto id = Id::parse(*identity);
    if (id)
      asked.principal = *id;
    else
      fields.fail("identity_id", "is no id of an identity");
  }
  if (const auto* metadata = fields.member("metadata")) {
    const auto* object = metadata->if_object();
    if (object == nullptr) fields.fail("metadata", "must be an object of texts");
    for (const auto& [name, value] : object != nullptr ? *object : json::object{})
      if (value.is_string())
        create.metadata.emplace_back(name, value.as_string());
      else
        fields.fail("metadata", "must hold texts only");
  }
  create.default_expiry_days = api.settings.service_token_expiry_days;
  create.may_never_expire = api.settings.service_tokens_may_never_expire;
  create.permissions_of_caller = held_by(call.caller);
  return asked;
}

v1::Event name_event(const v1::Envelope& envelope, std::string_view hash, const Id& owner, int what) {
  v1::Event event;
  *event.mutable_envelope() = envelope;
  event.mutable_envelope()->clear_subject();
  const auto fill = [&](auto& fact) {
    fact.set_name_hash(std::string(hash));
    fact.set_owner(std::string(owner.view()));
  };
  auto& control = *event.mutable_control();
  if (what == 0) {
    fill(*control.mutable_name_taken());
    control.mutable_name_taken()->set_space("service_token");
  } else if (what == 1) {
    fill(*control.mutable_name_confirmed());
  } else {
    fill(*control.mutable_name_released());
  }
  return event;
}

// The directory row of a name lives in the slot of its own hash: reserved before the token is made, confirmed after it,
// given back when it was refused. A reservation never expires by time (PROTOCOL.md section 3).
class Name {
 public:
  Name(Api& api, Call& call, std::string_view normalised, const Id& owner)
      : api_(api),
        call_(call),
        owner_(owner),
        hash_(crypto::view(
            crypto::sha256("service_token\n" + service_token::name_key(normalised)))),
        home_(api.engine.partition(api.engine.partition_of(slot_of_digest(hash_)))) {}

  awaitable<Result<>> reserve() { return say(0, owner_); }

  // A reservation of a process that is gone, or of a call that ended, whose token was not made, is nobody's: no late
  // creation can come of it. True when it was, and is released.
  awaitable<bool> release_orphan() {
    const auto row = co_await at(api_, home_, [&](runtime::PartitionTask& task) {
      const auto* found = task.rows().find<v1::NameState>(row_id());
      return found != nullptr ? std::optional<v1::NameState>(*found) : std::nullopt;
    });
    if (!row || row->confirmed()) co_return false;
    const Id token = Id::from_view(row->owner());
    const bool gone = row->seq() <= api_.claimed_seq[home_.number];
    if (!gone && !api_.abandoned_names.contains(token)) co_return false;
    const bool exists = co_await at(api_, api_.engine.owner(token), [&](runtime::PartitionTask& task) {
      return !serving(task) || task.rows().find<v1::ServiceTokenState>(token) != nullptr;
    });
    if (exists) co_return false;
    const auto released = co_await say(2, token);
    if (released) api_.abandoned_names.remove(token);
    co_return released.ok();
  }

  // After the creation was answered. A name whose token may have been made in spite of an error is not given back.
  awaitable<Result<>> settle(const runtime::Answer& answer) {
    const auto code = answer.body ? Errc::conflict : answer.body.error().code;
    const bool known = code != Errc::unavailable && code != Errc::io && code != Errc::corrupt && code != Errc::internal;
    Result<> settled = Error{Errc::unavailable, "token.service.name_unsettled", "try again"};
    if (known) settled = co_await say(answer.body && !answer.repeated ? 1 : 2, owner_);
    if (!settled) api_.abandoned_names.add(owner_);
    co_return settled;
  }

 private:
  Id row_id() const { return Id::from_view(std::string_view(hash_).substr(0, 16)); }

  awaitable<Result<>> say(int what, Id owner) {
    runtime::Command command;
    command.decide = [event = name_event(envelope_of(call_, {}), hash_, owner, what), what,
                      row_id = row_id(), owner](
                         fold::Ahead& rows, const runtime::Moment&) -> Result<runtime::Decided> {
      const auto* row = rows.find<v1::NameState>(row_id);
      if (what == 0 && row != nullptr && row->owner() != owner.view())
        return Error{Errc::conflict, row->confirmed() ? kNameTaken : kNameReserved,
                     "a token of that name exists"};
      return runtime::Decided{{event}, ""};
    };
    auto answer = co_await run(api_, home_, std::move(command));
    if (!answer.body) co_return answer.body.error();
    co_return Result<>{};
  }

  Api& api_;
  Call& call_;
  const Id owner_;
  const std::string hash_;
  runtime::Partition& home_;
};

runtime::Decide creating(const Call& call, const Asked& asked, std::string sealed) {
  return [envelope = envelope_of(call, asked.principal), asked, sealed = std::move(sealed)](
             fold::Ahead& rows, const runtime::Moment& moment) mutable -> Result<runtime::Decided> {
    auto decided = service_token::decide(
        rows.find<v1::ServiceTokenState>(asked.create.token_id),
        rows.find<v1::IdentityState>(asked.principal), asked.create, {moment.now_ms});
    if (!decided) return decided.error();
    runtime::Decided out;
    v1::ServiceTokenState row;
    envelope.set_at_ms(moment.now_ms);
    for (auto& fact : *decided) {
      row = service_token::evolve(std::move(row), envelope, fact);
      auto& event = out.events.emplace_back();
      *event.mutable_envelope() = envelope;
      *event.mutable_service_token() = std::move(fact);
    }
    auto answer = publisher::render(row, v1::TOKEN_ACTIVE);
    answer["token"] = nullptr;
    if (!sealed.empty()) answer["sealed"] = sealed;
    out.answer = json::serialize(answer);
    return out;
  };
}

// A repeated call must find its first answer before it meets the name that its first try took.
awaitable<std::optional<runtime::Answer>> first_answer(Api& api, Call& call, runtime::Partition& owner) {
  const auto key = call.request.header("Idempotency-Key");
  if (!key) co_return std::nullopt;
  const auto same = repeatable(api, call, *key);
  co_return co_await at(
      api, owner, [&](runtime::PartitionTask& task) -> std::optional<runtime::Answer> {
        const auto* kept = task.rows().find<v1::ResultState>(same.key);
        if (kept == nullptr || kept->forget_at_ms() <= task.rows().time_ms()) return std::nullopt;
        runtime::Answer answer;
        answer.repeated = true;
        answer.position = {task.position().partition, kept->seq()};
        answer.body = kept->body_hmac() == same.body_hmac
                          ? Result<std::string>(kept->sealed())
                          : Result<std::string>(Error{Errc::unprocessable, "idempotency.other_body",
                                                      "this Idempotency-Key was used with another request"});
        return answer;
      });
}

struct Reserved {
  std::optional<runtime::Answer> before;  // of the same call: there is nothing to create
  Result<> result;
};

// Of one call sent twice at once the later waits for the answer of the earlier, instead of finding its own name taken.
awaitable<Reserved> reserve(Api& api, Call& call, runtime::Partition& owner, Name& name) {
  Reserved out;
  for (int tries = 0; tries < kReserveTries; ++tries) {
    out.before = co_await first_answer(api, call, owner);
    if (out.before) co_return out;
    out.result = co_await name.reserve();
    if (out.result || out.result.error().code != Errc::conflict) co_return out;
    const bool released = co_await name.release_orphan();
    if (released) continue;
    if (!call.request.header("Idempotency-Key")) co_return out;
    if (out.result.error().reason == kNameReserved)
      co_await pause(api, kReservePauseUs);
    else
      tries = std::max(tries, kReserveTries - 2);  // confirmed: one more look at its answer decides
  }
  co_return out;
}

void tell_repeated(Call& call, const runtime::Answer& before) {
  (void)call.response.set("Watchword-Position", before.position.text());
  (void)call.response.set("Idempotency-Replayed", "true");
}

void answer_created(Api& api, Call& call, const runtime::Answer& answer, std::string_view secret) {
  if (!answer.body) return fail(call, answer.body.error());
  call.response.status = 201;
  call.response.body = open_answer(api, call, answer, secret, "token");
}

std::optional<json::object> render_one(runtime::PartitionTask& task, const Id& id, std::string_view status) {
  const auto* row = task.rows().find<v1::ServiceTokenState>(id);
  if (row == nullptr) return std::nullopt;
  const auto* identity = task.rows().find<v1::IdentityState>(Id::from_view(row->identity_id()));
  const auto now = service_token::status_of(*row, identity, task.time().read_ms());
  if (!status.empty() && publisher::name_of(now) != status) return std::nullopt;
  return publisher::render(*row, now);
}

}  // namespace

awaitable<void> create(Api& api, Call& call) {
  auto body = http::JsonBody::parse(call.request.body());
  if (!body) co_return fail(call, body.error());
  auto fields = body->fields();
  auto asked = read_body(api, call, fields);
  if (!body->done(fields)) co_return http::answer_problem(body->problem(), call.request, call.response);
  auto name = service_token::normalised_name(asked.create.name);
  if (!name) co_return fail(call, name.error());
  auto& owner = api.engine.owner(asked.principal);
  auto secret = co_await on_worker(api, [&]() -> Result<std::string> {
    return std::string(commands::draw_secret(asked.principal.slot(), api.engine.entropy()).view());
  });
  if (!secret) co_return fail(call, secret.error());
  asked.create.secret_sha256 = crypto::view(crypto::sha256(*secret));
  asked.create.token_id =
      mint_id(api.engine.clock().wall_ms(), asked.principal.slot(), api.engine.entropy());
  Name reservation(api, call, *name, asked.create.token_id);
  const auto reserved = co_await reserve(api, call, owner, reservation);
  if (reserved.before) {
    if (reserved.before->body) tell_repeated(call, *reserved.before);
    co_return answer_created(api, call, *reserved.before, {});
  }
  if (!reserved.result) {
    if (reserved.result.error().code != Errc::conflict) api.abandoned_names.add(asked.create.token_id);
    co_return fail(call, reserved.result.error());
  }
  auto decide = creating(call, asked, seal_answer(api, call, *secret));
  const auto answer = co_await change(api, call, owner, runtime::Lane::command, std::move(decide));
  const auto settled = co_await reservation.settle(answer);
  if (answer.body && !settled) co_return fail(call, settled.error());
  answer_created(api, call, answer, *secret);
}

awaitable<void> list(Api& api, Call& call) {
  const auto page = page_of(api, call, {"status", "identity_id"});
  if (!page) co_return fail(call, page.error());
  const std::string status(query_value(call, "status"));
  const auto identity = Id::parse(query_value(call, "identity_id"));
  if (!identity && !query_value(call, "identity_id").empty())
    co_return fail(call, {Errc::invalid, "tokens.identity_id", "identity_id is no id"});
  const std::string prefix =
      identity ? views::index_prefix(views::Index::service_token_by_identity,
                                     views::index_value(identity->view()))
               : views::index_prefix(views::Index::service_token_all);
  co_await answer_page(api, call, *page, prefix,
                       [&](runtime::PartitionTask& task, const Id& id) { return render_one(task, id, status); });
}

awaitable<void> show(Api& api, Call& call) {
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  auto found = co_await at(
      api, api.engine.owner(*id), [&](runtime::PartitionTask& task) -> Result<json::object> {
        if (auto serves = serving(task); !serves) return serves.error();
        auto row = render_one(task, *id, {});
        if (!row) return Error{Errc::not_found, "token.unknown", "there is no token with that id"};
        return std::move(*row);
      });
  if (!found) co_return fail(call, found.error());
  call.response.body = publisher::to_text(*found);
}

awaitable<void> revoke(Api& api, Call& call) {
  auto reason = reason_of(call);
  if (!reason) co_return fail(call, reason.error());
  const auto id = id_in_path(call);
  if (!id) co_return fail(call, id.error());
  auto answer = co_await revoke_service_token(api, call, *id, *reason);
  if (!answer.body) co_return fail(call, answer.body.error());
  call.response.status = 204;
}

awaitable<void> me(Api&, Call& call) {
  json::array permissions;
  for (const auto& name : held_by(call.caller)) permissions.emplace_back(name);
  call.response.body =
      publisher::to_text(json::object{{"identity_id", call.caller.principal.text()},
                                   {"token_id", call.caller.token_id.text()},
                                   {"token_type", call.caller.is_jwt ? "jwt" : "service_token"},
                                   {"permissions", std::move(permissions)}});
  co_return;
}

awaitable<void> health(Api& api, Call& call) {
  json::object out{{"status", "ok"}};
  for (uint32_t number = 0; number < api.engine.partitions(); ++number) {
    const auto serves = co_await at(api, api.engine.partition(number),
                                    [](runtime::PartitionTask& task) { return serving(task); });
    if (!serves) out["status"] = "degraded";
  }
  out["signing_keys"] = api.engine.key_ring().all().size();
  call.response.body = publisher::to_text(out);
}

}  // namespace watchword::api::service_tokens
