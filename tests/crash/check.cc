#include "tests/crash/check.h"

#include <algorithm>

#include "tests/crash/load.h"

namespace watchword::testing {
namespace {

constexpr size_t kOlder = 8;  // looked at again in each cycle

size_t first_changed(size_t count) { return count - std::min(count, kRecent); }

std::string listing(const std::string& team) { return "/api/v1/identities?owner_team=" + team; }

}  // namespace

Checker::Checker(Record& record, Looked& looked, Caller caller, Findings& findings, uint64_t seed,
                 bool everything)
    : record_(record),
      looked_(looked),
      caller_(std::move(caller)),
      findings_(findings),
      random_(seed),
      everything_(everything) {}

template <class Item>
void Checker::each(const std::vector<Item>& items, size_t from,
                   const std::function<void(const Item&)>& look) {
  if (everything_) from = 0;
  for (size_t i = std::min(from, items.size()); i < items.size(); ++i) look(items[i]);
  for (size_t i = 0; i < std::min(from, kOlder); ++i) look(items[random_() % from]);
}

Answer Checker::get(const std::string& target) {
  auto answer = caller_.get(target);
  // On a machine with no time left a read may give up waiting for the frame that it rests on, and
  // says so.
  for (int tries = 0; answer.status == 503 && tries < 100; ++tries) answer = caller_.get(target);
  expect(answer.reply.whole, "GET " + target + " was not answered");
  return answer;
}

Answer Checker::repeat(const KnownCall& call, std::string_view before_body) {
  std::vector<std::string> headers;
  if (!call.key.empty()) headers.push_back("Idempotency-Key: " + call.key);
  return caller_.post(call.target, std::string(before_body) + call.body, std::move(headers));
}

void Checker::refused(const std::string& secret, const std::string& what) {
  const std::string told = caller_.introspect(secret);
  expect(told == kDead, what + " was ended and acknowledged, and is told to be " + told);
}

void Checker::ended_stays_ended() {
  each<KnownToken>(record_.tokens, looked_.tokens, [&](const KnownToken& known) {
    if (known.ended) refused(known.text, "token " + known.id);
    if (known.ended) record_.identities[known.identity].odd = true;
  });
  each<KnownServiceToken>(record_.service_tokens, looked_.service_tokens,
                          [&](const KnownServiceToken& known) {
                            if (known.revoked) refused(known.secret, "service token " + known.id);
                          });
}

void Checker::settle_pending() {
  if (!record_.pending) return;
  auto pending = std::exchange(record_.pending, std::nullopt);
  switch (pending->act) {
    case Act::register_identity:
    case Act::watch:
    case Act::issue:
    case Act::create_service_token:
      return settle_creation(*pending);
    case Act::use:
    case Act::revoke:
    case Act::suspend:
    case Act::reactivate:
    case Act::retire:
    case Act::triage:
    case Act::revoke_service_token:
      return settle_change(*pending);
    case Act::observe:
    case Act::observe_strangers:
      return settle_observation(*pending);
  }
}

// With a key it is asked for again and is there once. Without one it is there once or not at all.
void Checker::settle_creation(Pending& pending) {
  const bool has_key = !pending.call.key.empty();
  const bool is_identity = pending.act == Act::register_identity || pending.act == Act::watch;
  const bool is_denied =
      pending.act == Act::issue && record_.identities[pending.index].status != "active";
  if (is_denied || (!has_key && pending.act == Act::issue)) return;
  Answer answer;
  if (has_key || pending.act == Act::create_service_token) {
    answer = repeat(pending.call);
    const bool is_made_already = !has_key && answer.status == 409;
    expect(answer.status == 201 || is_made_already,
           "asked again: " + describe(pending.call, answer));
    if (is_made_already) {
      const std::string name = pending.call.body.substr(15, pending.call.body.find('"', 15) - 15);
      const auto list = get("/api/v1/auth/tokens?limit=1000");
      expect(list.reply.body.find('"' + name + '"') != std::string::npos,
             "the name " + name + " is taken by a token that does not exist");
    }
    if (answer.status != 201) return;
  }
  if (is_identity && pending.call.body.find("owner_team") != std::string::npos) {
    const auto list = get(listing(pending.to));
    expect(list.count("/items") <= 1 && list.count("/items") >= has_key,
           pending.to + " is registered " + std::to_string(list.count("/items")) + " times");
    if (!has_key) return;
  }
  if (pending.act == Act::register_identity)
    record_.identities.push_back({answer.text("/identity_id"), ""});
  else if (pending.act == Act::watch)
    record_.watched.push_back({answer.text("/identity_id"), {}});
  else if (pending.act == Act::issue)
    record_.tokens.push_back({answer.text("/token_id"), answer.text("/access_token"), pending.index,
                              std::stoll(pending.to)});
  else
    record_.service_tokens.push_back({answer.text("/id"), answer.text("/token")});
}

bool Checker::settled_status(const Pending& pending, const std::string& target,
                             const std::string& from) {
  const auto status = get(target).text("/status");
  expect(status == from || status == pending.to,
         target + " is " + status + ", but was " + from + " and was asked to become " + pending.to);
  return status == pending.to;
}

void Checker::settle_change(Pending& pending) {
  if (pending.act == Act::use || pending.act == Act::revoke) {
    auto& known = record_.tokens[pending.index];
    const auto row = get("/api/v1/tokens/" + known.id);
    const int64_t uses = row.number("/usage_count");
    if (pending.act == Act::revoke)
      known.ended = known.ended || row.text("/status") == "revoked";
    else if (known.max_uses != 0)
      known.uses += uses == known.uses + 1;
  } else if (pending.act == Act::triage) {
    auto& known = record_.alerts[pending.index];
    if (settled_status(pending, "/api/v1/monitoring/alerts/" + known.id, known.status))
      known.status = pending.to;
  } else if (pending.act == Act::revoke_service_token) {
    auto& known = record_.service_tokens[pending.index];
    known.revoked = settled_status(pending, "/api/v1/auth/tokens/" + known.id, "active");
  } else {
    auto& known = record_.identities[pending.index];
    if (!settled_status(pending, "/api/v1/identities/" + known.id, known.status)) return;
    known.status = pending.to;
    if (pending.act != Act::reactivate) record_.end_tokens_of(pending.index);
  }
}

// Other bytes, the same events: those that were taken are known.
void Checker::settle_observation(Pending& pending) {
  const auto answer = repeat(pending.call, " ");
  const int64_t taken = answer.number("/accepted") + answer.number("/duplicates");
  const size_t asked = pending.act == Act::observe ? pending.events.size() : 0;
  expect(answer.status == 200 && (asked == 0 || taken == static_cast<int64_t>(asked)),
         "reported again: " + describe(pending.call, answer).substr(0, 300));
  if (pending.act == Act::observe) {
    auto& events = record_.watched[pending.index].events;
    events.insert(events.end(), pending.events.begin(), pending.events.end());
  }
  batch(pending.call);
}

void Checker::all_else() {
  each<KnownIdentity>(record_.identities, looked_.identities,
                      [&](const auto& known) { identity(known); });
  each<KnownToken>(record_.tokens, looked_.tokens, [&](const auto& known) { token(known); });
  each<KnownServiceToken>(record_.service_tokens, looked_.service_tokens,
                          [&](const auto& known) { service_token(known); });
  each<KnownAlert>(record_.alerts, looked_.alerts, [&](const auto& known) { alert(known); });
  each<KnownWatched>(record_.watched, looked_.watched, [&](const auto& known) { watched(known); });
  each<KnownCall>(record_.calls, looked_.calls, [&](const auto& known) { call(known); });
  for (const auto& known : record_.batches) batch(known);
  positions();
  looked_ = {first_changed(record_.identities.size()),     first_changed(record_.tokens.size()),
             first_changed(record_.service_tokens.size()), first_changed(record_.alerts.size()),
             first_changed(record_.watched.size()),        first_changed(record_.calls.size())};
}

void Checker::identity(const KnownIdentity& known) {
  const auto row = get("/api/v1/identities/" + known.id);
  expect(
      row.status == 200 && row.text("/status") == known.status,
      "identity " + known.id + " should be " + known.status + ": " + row.reply.body.substr(0, 200));
  if (known.team.empty()) return;
  const auto list = get(listing(known.team));
  expect(list.count("/items") == 1 && list.text("/items/0/identity_id") == known.id,
         "the list of " + known.team + " holds " + std::to_string(list.count("/items")));
}

void Checker::token(const KnownToken& known) {
  const auto row = get("/api/v1/tokens/" + known.id);
  const bool used_up = known.max_uses != 0 && known.uses == known.max_uses;
  const std::string should = known.ended ? "revoked" : used_up ? "exhausted" : "active";
  expect(row.status == 200 && (row.text("/status") == should || (used_up && known.ended)),
         "token " + known.id + " should be " + should + ": " + row.reply.body.substr(0, 300));
  const int64_t uses = row.number("/usage_count");
  const bool is_exact = known.max_uses != 0;  // others are counted without being waited for
  expect(is_exact ? uses == known.uses : uses >= 0,
         "token " + known.id + " counts " + std::to_string(uses) + " uses of " +
             std::to_string(known.max_uses) + ", granted were " + std::to_string(known.uses));
}

void Checker::service_token(const KnownServiceToken& known) {
  const std::string status = get("/api/v1/auth/tokens/" + known.id).text("/status");
  expect(status == (known.revoked ? "revoked" : "active"),
         "service token " + known.id + " is " + status);
  if (!known.revoked)
    expect(caller_.is_active(known.secret), "service token " + known.id + " is not active");
}

void Checker::alert(const KnownAlert& known) {
  const auto row = get("/api/v1/monitoring/alerts/" + known.id);
  expect(row.status == 200 && row.text("/status") == known.status,
         "alert " + known.id + " should be " + known.status + ": " + row.reply.body.substr(0, 200));
}

void Checker::watched(const KnownWatched& known) {
  const auto timeline = get("/api/v1/identities/" + known.id + "/timeline?limit=200");
  std::vector<std::string> seen, told = known.events;
  for (size_t i = 0; i < timeline.count("/items"); ++i)
    if (const auto id = timeline.text("/items/" + std::to_string(i) + "/event_id"); !id.empty())
      seen.push_back(id);
  std::sort(seen.begin(), seen.end());
  std::sort(told.begin(), told.end());
  expect(seen == told, "identity " + known.id + " has " + std::to_string(seen.size()) +
                           " events on its timeline, accepted were " + std::to_string(told.size()));
  const int64_t counted = get("/api/v1/identities/" + known.id + "/metrics").number("/successes");
  expect(counted == static_cast<int64_t>(told.size()),
         "identity " + known.id + " counts " + std::to_string(counted) + " events, accepted were " +
             std::to_string(told.size()));
}

void Checker::call(const KnownCall& known) {
  const auto answer = repeat(known);
  expect(
      answer.text(known.pointer) == known.told && answer.header("Idempotency-Replayed") == "true",
      "repeated: " + describe(known, answer) + ", told at first: " + known.told);
}

void Checker::batch(const KnownCall& known) {
  const auto answer = repeat(known, "  ");
  expect(
      answer.status == 200 && answer.number("/accepted") == 0 && answer.number("/duplicates") > 0,
      "reported twice: " + std::to_string(answer.status) + " " + answer.reply.body.substr(0, 200));
}

// What was told to be at a position is there, for a reader that names it.
void Checker::positions() {
  for (const auto& [partition, seq] : record_.positions) {
    const auto answer =
        caller_.get("/api/v1/identities?limit=1",
                    {"Watchword-Position: " + partition + ":" + std::to_string(seq)});
    expect(answer.status == 200, "position " + partition + ":" + std::to_string(seq) +
                                     " was told, and is not reached: " + answer.reply.body);
  }
}

void check_shared(const SharedToken& token, Caller caller, Findings& findings) {
  const auto row = caller.get("/api/v1/tokens/" + token.id);
  const int64_t uses = row.number("/usage_count");
  if (uses < token.granted || uses > std::min<int64_t>(token.asked, token.max_uses))
    findings.add("after the restart: the shared token counts " + std::to_string(uses) + " uses, " +
                 std::to_string(token.granted) + " were granted of " + std::to_string(token.asked));
}

}  // namespace watchword::testing
