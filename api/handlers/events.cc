// POST /api/v1/events: what services saw, one or many, answered when durable. One bad observation does not stop the others.
#include "api/handlers/handlers.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <unordered_set>

#include "api/handlers/paging.h"
#include "api/http/problem.h"
#include "api/observe/draft.h"
#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"
#include "events/domain/jit_token.h"
#include "events/domain/service_token.h"

namespace watchword::api::events {
namespace {

namespace json = boost::json;
using observe::Draft;

constexpr int64_t kResultKeptMs = 24 * kHourMs;
constexpr int64_t kImportBlockKeptMs = 3'650 * kDayMs;

struct Rejected {
  size_t index;
  std::string code, detail;
};

// One request on its way through the partitions.
struct Intake {
  observe::Batch batch;
  bool imported = false;
  std::vector<Rejected> rejected;
  uint64_t accepted = 0, duplicates = 0;
  std::vector<std::string> positions;
  std::optional<Error> error;
};

// What the owner's rows say of a draft.
struct Standing {
  v1::IdentityKind kind = v1::FOREIGN;
  bool known = false;
  bool authenticated = false;
};

void resolve_subjects(Api& api, Intake& intake) {
  const auto& keys = api.engine.key_file();
  for (Draft& draft : intake.batch.drafts) {
    if (!draft.subject.empty())
      draft.principal = foreign_principal_id(draft.subject, crypto::view(keys.lookup(draft.subject)));
    if (!draft.actor_subject.empty())
      draft.actor =
          foreign_principal_id(draft.actor_subject, crypto::view(keys.lookup(draft.actor_subject)));
  }
}

// Drops what the caller may not claim, and what stands twice in this body.
void check_drafts(const Call& call, Intake& intake) {
  std::unordered_set<std::string> seen;
  std::vector<Draft> kept;
  for (Draft& draft : intake.batch.drafts) {
    const auto& allowed = call.caller.sources;
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), draft.source) == allowed.end()) {
      intake.rejected.push_back({draft.index, "source_not_allowed",
                                 "this token may not report for the source that it names"});
      continue;
    }
    std::string key(draft.source);
    if (!seen.insert(key.append(1, '\0').append(draft.id)).second) {
      ++intake.duplicates;
      continue;
    }
    kept.push_back(std::move(draft));
  }
  intake.batch.drafts = std::move(kept);
}

// Evidence counts as authenticated only if it names a live token of ours, of that principal.
bool names_live_token(fold::State& rows, const Draft& draft, const v1::IdentityState* identity,
                      int64_t now_ms) {
  if (draft.token_id.is_nil() || draft.outcome != v1::SUCCESS) return false;
  if (const auto* token = rows.find<v1::JitTokenState>(draft.token_id))
    return Id::from_view(token->identity_id()) == draft.principal &&
           domain::jit_token::status_of(*token, identity, now_ms) == v1::TOKEN_ACTIVE;
  if (const auto* token = rows.find<v1::ServiceTokenState>(draft.token_id))
    return Id::from_view(token->identity_id()) == draft.principal &&
           domain::service_token::status_of(*token, identity, now_ms) == v1::TOKEN_ACTIVE;
  return false;
}

std::vector<Standing> standings(runtime::PartitionTask& task, const std::vector<const Draft*>& drafts) {
  std::vector<Standing> out(drafts.size());
  const int64_t now_ms = task.time().read_ms();
  for (size_t i = 0; i < drafts.size(); ++i) {
    const auto* identity = task.rows().find<v1::IdentityState>(drafts[i]->principal);
    out[i].known = identity != nullptr;
    if (identity != nullptr) out[i].kind = identity->type().kind();
    out[i].authenticated = names_live_token(task.rows(), *drafts[i], identity, now_ms);
  }
  return out;
}

// Keys of people are durable before they are used; new ones wait for the disk on a worker.
Result<std::vector<std::string>> seal_subjects(Api& api, const std::vector<const Draft*>& drafts) {
  std::vector<Id> principals;
  for (const Draft* draft : drafts) principals.push_back(draft->principal);
  if (auto made = api.engine.vault().ensure(principals); !made) return made.error();
  std::vector<std::string> out;
  for (const Draft* draft : drafts) {
    auto sealed = api.engine.vault().seal(draft->principal, draft->subject);
    if (!sealed) return sealed.error();
    out.push_back(sealed->SerializeAsString());
  }
  return out;
}

void note_receipt(Intake& intake, const runtime::Receipt& receipt,
                  const std::vector<const Draft*>& sent) {
  if (receipt.error) {
    intake.error = receipt.error;
    return;
  }
  intake.accepted += receipt.accepted;
  intake.duplicates += receipt.duplicates;
  for (const auto& [index, why] : receipt.rejected)
    intake.rejected.push_back({sent[index]->index, "unreadable", why});
  intake.positions.push_back(receipt.position.text());
}

awaitable<void> send(Api& api, uint32_t number, const std::vector<const Draft*>& drafts,
                     Intake& intake) {
  auto& partition = api.engine.partition(number);
  const auto said = co_await at(api, partition, [&](runtime::PartitionTask& task) {
    return standings(task, drafts);
  });
  std::vector<const Draft*> sent, strangers;
  std::vector<uint32_t> stranger_at;
  runtime::ObservationBatch batch;
  for (size_t i = 0; i < drafts.size(); ++i) {
    const bool foreign = !drafts[i]->subject.empty();
    if (!foreign && !said[i].known) {
      intake.rejected.push_back({drafts[i]->index, "identity_unknown",
                                 "identity_id names no identity that is registered"});
      continue;
    }
    if (foreign && !said[i].known) {
      stranger_at.push_back(static_cast<uint32_t>(sent.size()));
      strangers.push_back(drafts[i]);
    }
    sent.push_back(drafts[i]);
    batch.add(observe::finish(*drafts[i], said[i].kind, said[i].authenticated, intake.imported));
  }
  if (!strangers.empty()) {
    const auto sealed = co_await on_worker(api, [&] { return seal_subjects(api, strangers); });
    if (!sealed) {
      intake.error = sealed.error();
      co_return;
    }
    for (size_t i = 0; i < strangers.size(); ++i)
      batch.subjects.emplace_back(stranger_at[i], (*sealed)[i]);
  }
  if (sent.empty()) co_return;
  note_receipt(intake, co_await observe(api, partition, std::move(batch)), sent);
}

runtime::Decide dead_letter(const Call& call, const observe::Rejection& rejection) {
  v1::Event event;
  *event.mutable_envelope() = envelope_of(call, {});
  auto& letter = *event.mutable_control()->mutable_dead_lettered();
  letter.set_source(rejection.source);
  letter.set_id(rejection.id);
  letter.set_reason(rejection.detail);
  letter.set_original(rejection.original);
  return [event](fold::Ahead&, const runtime::Moment&) -> Result<runtime::Decided> {
    return runtime::Decided{{event}, ""};
  };
}

awaitable<void> take_rejections(Api& api, Call& call, Intake& intake) {
  for (const auto& rejection : intake.batch.rejections) {
    intake.rejected.push_back({rejection.index, std::string(rejection.code), rejection.detail});
    if (rejection.code != "time_out_of_range") continue;
    auto& partition = api.engine.partition(api.engine.partition_of(watchword::slot_of_key(rejection.source)));
    runtime::Command command;
    command.decide = dead_letter(call, rejection);
    const auto answer = co_await run(api, partition, std::move(command));
    if (!answer.body) intake.error = answer.body.error();
  }
}

std::string answer_of(const Intake& intake) {
  auto rejected = intake.rejected;
  std::sort(rejected.begin(), rejected.end(),
            [](const auto& a, const auto& b) { return a.index < b.index; });
  json::array list;
  for (const auto& one : rejected)
    list.push_back(json::object{{"index", one.index}, {"code", one.code}, {"detail", one.detail}});
  json::array positions;
  for (const auto& position : intake.positions) positions.emplace_back(position);
  json::object out{{"accepted", intake.accepted},
                   {"duplicates", intake.duplicates},
                   {"rejected", std::move(list)}};
  out["position"] = intake.positions.empty() ? json::value(nullptr) : json::value(intake.positions.front());
  if (intake.positions.size() > 1) out["positions"] = std::move(positions);
  return json::serialize(out);
}

// What makes a second call the same call: an import's block, the caller's key, or the body itself.
struct Again {
  runtime::Repeatable same;
  int64_t kept_ms = kResultKeptMs;
  bool by_body = false;
};

Result<Again> again_of(Api& api, const Call& call) {
  Again again;
  if (const auto block = call.request.header("Watchword-Import-Block")) {
    const auto digest = crypto::from_hex(*block);
    if (!digest || digest->size() != 32)
      return Error{Errc::invalid, "events.import_block", "Watchword-Import-Block is 64 hex digits"};
    // A block too large for one body comes in parts, each a call of its own.
    const auto part = call.request.header("Watchword-Import-Part").value_or("");
    again.same = repeatable(api, call, std::string(*digest).append(part));
    again.kept_ms = kImportBlockKeptMs;
  } else if (const auto key = call.request.header("Idempotency-Key")) {
    again.same = repeatable(api, call, *key);
  } else {
    const auto body = api.engine.key_file().body_hmac(call.request.body());
    std::string whole(crypto::view(body));
    again.same = repeatable(api, call, whole.append(call.request.head().query));
    again.by_body = true;
  }
  return again;
}

runtime::Partition& home_of(Api& api, const Again& again) {
  return api.engine.partition(api.engine.partition_of(slot_of_digest(again.same.key.view())));
}

awaitable<Result<std::string>> answered_before(Api& api, const Again& again) {
  co_return co_await at(api, home_of(api, again),
                        [&](runtime::PartitionTask& task) -> Result<std::string> {
                          const auto* kept = task.rows().find<v1::ResultState>(again.same.key);
                          if (kept == nullptr || kept->forget_at_ms() <= task.rows().time_ms())
                            return std::string{};
                          if (kept->body_hmac() != again.same.body_hmac)
                            return Error{Errc::unprocessable, "idempotency.other_body",
                                         "this key was used with another request"};
                          return std::string(kept->sealed());
                        });
}

awaitable<void> keep(Api& api, const Again& again, std::string answer) {
  runtime::Command command;
  command.decide = [again, answer = std::move(answer)](
                       fold::Ahead&, const runtime::Moment& moment) -> Result<runtime::Decided> {
    runtime::Decided out;
    auto& kept = *out.events.emplace_back().mutable_control()->mutable_result_kept();
    kept.set_key(std::string(again.same.key.view()));
    kept.set_body_hmac(again.same.body_hmac);
    kept.set_sealed(answer);
    kept.set_forget_at_ms(moment.now_ms + again.kept_ms);
    return out;
  };
  (void)co_await run(api, home_of(api, again), std::move(command));
}

// A repeated batch changes nothing: what was taken then is a duplicate now.
std::string as_repeated(const std::string& answer) {
  auto body = json::parse(answer).as_object();
  body["duplicates"] = body["duplicates"].to_number<uint64_t>() + body["accepted"].to_number<uint64_t>();
  body["accepted"] = 0;
  return json::serialize(body);
}

awaitable<void> take_in(Api& api, Call& call, Intake& intake) {
  resolve_subjects(api, intake);
  check_drafts(call, intake);
  co_await take_rejections(api, call, intake);
  std::vector<std::vector<const Draft*>> by_partition(api.engine.partitions());
  for (const Draft& draft : intake.batch.drafts)
    by_partition[api.engine.partition_of(draft.principal.slot())].push_back(&draft);
  for (uint32_t number = 0; number < by_partition.size() && !intake.error; ++number)
    if (!by_partition[number].empty()) co_await send(api, number, by_partition[number], intake);
}

}  // namespace

awaitable<void> post(Api& api, Call& call) {
  const auto type = call.request.header("Content-Type").value_or("");
  const auto form = observe::form_of(type);
  if (!form) {
    http::Problem problem{415, "events.media_type", "send JSON, NDJSON, CloudEvents or Protobuf", {}, 0};
    co_return http::answer_problem(problem, call.request, call.response);
  }
  const auto mode = query_value(call, "mode");
  if (!mode.empty() && mode != "history" && mode != "live")
    co_return fail(call, {Errc::invalid, "events.mode", "mode is live or history"});
  const auto again = again_of(api, call);
  if (!again) co_return fail(call, again.error());
  const auto before = co_await answered_before(api, *again);
  if (!before) co_return fail(call, before.error());
  if (!before->empty()) {
    (void)call.response.set("Idempotency-Replayed", "true");
    call.response.body = as_repeated(*before);
    co_return;
  }
  auto batch = observe::read(*form, call.request.body(), api.engine.clock().wall_ms());
  if (!batch) co_return fail(call, batch.error());
  Intake intake;
  intake.batch = std::move(*batch);
  intake.imported = mode == "history";
  co_await take_in(api, call, intake);
  if (intake.error) co_return fail(call, *intake.error);
  auto answer = answer_of(intake);
  co_await keep(api, *again, answer);
  if (!intake.positions.empty()) (void)call.response.set("Watchword-Position", intake.positions.front());
  call.response.body = std::move(answer);
}

}  // namespace watchword::api::events
