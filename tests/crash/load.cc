#include "tests/crash/load.h"

#include <ctime>

namespace watchword::testing {
namespace {

constexpr size_t kEventsOfOne = 40;  // a repeat is known among the last 64 of a principal
constexpr size_t kStrangers = 120;
constexpr size_t kBatchesKept = 3;

std::string registration(std::string_view kind, const std::string& team, const std::string& name) {
  const std::string named =
      kind == "Human"    ? R"("username":")" + name + R"(","email":")" + name + R"(@example.org")"
      : kind == "ApiKey" ? R"("key_name":")" + name + R"(")"
                         : R"("service_name":")" + name + R"(","environment":"test")";
  const std::string owner = kind == "Human" ? "" : R"(,"owner_team":")" + team + R"(")";
  return R"({"identity_type":{"type":")" + std::string(kind) + R"(",)" + named + owner +
         R"(},"allowed_scopes":["a:read"]})";
}

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

std::string event(const std::string& id, const std::string& who, const std::string& more) {
  return R"({"id":")" + id + R"(","time":")" + now_text() + R"(","source":"load",)" + who +
         R"(,"action":"api.call","outcome":"success","source_ip":"10.0.0.1")" + more + "}";
}

std::vector<std::string> headers_of(const KnownCall& call) {
  if (call.key.empty()) return {};
  return {"Idempotency-Key: " + call.key};
}

}  // namespace

std::string describe(const KnownCall& call, const Answer& answer) {
  return call.target + (call.key.empty() ? "" : " with key " + call.key) + " answered " +
         std::to_string(answer.status) + " " + answer.reply.body.substr(0, 400);
}

Client::Client(Record& record, SharedToken& shared, Caller caller, Findings& findings,
               std::string name, uint64_t seed, Emphasis emphasis)
    : record_(record),
      shared_(shared),
      caller_(std::move(caller)),
      findings_(findings),
      name_(std::move(name)),
      random_(seed),
      emphasis_(emphasis) {}

void Client::run(const std::function<bool()>& over) {
  while (!over() && act()) continue;
}

bool Client::act() {
  if (emphasis_ == Emphasis::bulk && draw(3) == 0) return observe_strangers();
  if (emphasis_ == Emphasis::people && draw(3) == 0) return register_one();
  switch (draw(14)) {
    case 0:
      return register_one();
    case 1:
      return watch_one();
    case 2:
    case 3:
      return issue_one();
    case 4:
    case 5:
      return use_one();
    case 6:
      return use_shared();
    case 7:
      return end_one();
    case 8:
      return change_one();
    case 9:
      return triage_one();
    case 10:
      return create_service_token();
    case 11:
      return revoke_service_token();
    case 12:
      return observe_one();
    default:
      return repeat_one();
  }
}

std::string Client::fresh(std::string_view kind) {
  return name_ + "-" + std::string(kind) + std::to_string(++made_);
}

std::string Client::maybe_key() { return draw(2) == 0 ? fresh("key") : ""; }

template <class Item>
std::optional<size_t> Client::recent(const std::vector<Item>& items) {
  if (items.empty()) return std::nullopt;
  return items.size() - 1 - draw(std::min(items.size(), kRecent));
}

std::optional<Answer> Client::ask(Pending pending, std::string_view verb, int expected) {
  record_.pending = std::move(pending);
  const KnownCall& call = record_.pending->call;
  auto answer = caller_.request(verb, call.target, call.body, headers_of(call));
  // A node that is going down says 503 of what it may have begun.
  if (!answer.reply.whole || answer.status == 503) {
    ++record_.unanswered;
    return std::nullopt;
  }
  ++record_.answered;
  record_.note_position(answer.header("Watchword-Position"));
  if (answer.status != expected && expected != 0) findings_.add(describe(call, answer));
  record_.pending.reset();
  return answer;
}

void Client::keep_call(const KnownCall& call, const Answer& answer, std::string_view pointer) {
  if (call.key.empty()) return;
  KnownCall kept = call;
  kept.pointer = pointer;
  kept.told = answer.text(pointer);
  record_.calls.push_back(std::move(kept));
}

bool Client::register_one() {
  constexpr std::array<std::string_view, 4> kinds{"ServiceAccount", "ServiceAccount", "ApiKey",
                                                  "Human"};
  const auto kind = emphasis_ == Emphasis::people ? "Human" : kinds[draw(kinds.size())];
  const std::string team = fresh("team");
  // A person has no team by which to find it: it always has a key to ask again with.
  const KnownCall call{"/api/v1/identities", registration(kind, team, fresh("name")),
                       kind == "Human" ? fresh("key") : maybe_key(), "", ""};
  const auto answer = ask({Act::register_identity, 0, call, team, {}}, "POST", 201);
  if (!answer) return false;
  if (answer->status != 201) return true;
  record_.identities.push_back({answer->text("/identity_id"), kind == "Human" ? "" : team});
  keep_call(call, *answer, kind == "ApiKey" ? "/api_key" : "/identity_id");
  return true;
}

bool Client::watch_one() {
  const std::string team = fresh("team");
  const KnownCall call{"/api/v1/identities", registration("ServiceAccount", team, team),
                       fresh("key"), "", ""};
  const auto answer = ask({Act::watch, 0, call, team, {}}, "POST", 201);
  if (!answer) return false;
  if (answer->status == 201) record_.watched.push_back({answer->text("/identity_id"), {}});
  return true;
}

bool Client::issue_one() {
  const auto of = recent(record_.identities);
  if (!of) return register_one();
  const bool may = record_.identities[*of].status == "active";
  const int64_t max_uses = draw(2) == 0 ? 0 : 1 + static_cast<int64_t>(draw(4));
  const std::string limit = max_uses == 0 ? "" : R"(,"max_usage":)" + std::to_string(max_uses);
  const KnownCall call{"/api/v1/tokens/jit",
                       R"({"identity_id":")" + record_.identities[*of].id +
                           R"(","requested_scopes":["a:read"],"justification":"load")" + limit +
                           "}",
                       may ? maybe_key() : "", "", ""};
  const auto answer =
      ask({Act::issue, *of, call, std::to_string(max_uses), {}}, "POST", may ? 201 : 403);
  if (!answer) return false;
  if (answer->status != 201) return true;
  record_.tokens.push_back(
      {answer->text("/token_id"), answer->text("/access_token"), *of, max_uses});
  keep_call(call, *answer, "/token_id");
  return true;
}

bool Client::use_one() {
  const auto of = recent(record_.tokens);
  if (!of) return issue_one();
  auto& token = record_.tokens[*of];
  const bool used_up = token.max_uses != 0 && token.uses >= token.max_uses;
  auto& identity = record_.identities[token.identity];
  const KnownCall call{"/oauth2/introspect", "token=" + token.text, "", "", ""};
  const auto answer = ask({Act::use, *of, call, "", {}}, "POST", 200);
  if (!answer) return false;
  const bool active = answer->reply.body != kDead;
  if (active && (token.ended || used_up)) findings_.add("an ended token is active: " + token.id);
  if (!active && !token.ended && !used_up && !identity.odd)
    findings_.add("a live token is not active: " + token.id);
  identity.odd |= token.ended || used_up;
  token.uses += active;
  return true;
}

bool Client::use_shared() {
  ++shared_.asked;
  const std::string told = caller_.introspect(shared_.text);
  if (told.empty()) return false;
  if (told.find(R"("active":true)") != told.npos) ++shared_.granted;
  return true;
}

bool Client::end_one() {
  const auto of = recent(record_.tokens);
  if (!of) return issue_one();
  auto& token = record_.tokens[*of];
  const KnownCall call{"/api/v1/tokens/" + token.id, "", "", "", ""};
  const auto answer = ask({Act::revoke, *of, call, "revoked", {}}, "DELETE", 0);
  if (!answer) return false;
  if (answer->status != 204 && !(token.ended && answer->status == 409))
    findings_.add(describe(call, *answer));
  token.ended = true;
  return use_one() && use_one();
}

bool Client::change_one() {
  const auto of = recent(record_.identities);
  if (!of) return register_one();
  auto& identity = record_.identities[*of];
  const bool is_active = identity.status == "active";
  const bool retires = is_active && draw(4) == 0;
  if (identity.status == "retired") return true;
  const std::string verb = retires ? "retire" : is_active ? "suspend" : "reactivate";
  const std::string to = retires ? "retired" : is_active ? "suspended" : "active";
  const Act act = retires ? Act::retire : is_active ? Act::suspend : Act::reactivate;
  const KnownCall call{"/api/v1/identities/" + identity.id + "/" + verb, "", "", "", ""};
  const auto answer = ask({act, *of, call, to, {}}, "POST", 200);
  if (!answer) return false;
  identity.status = to;
  if (act != Act::reactivate) record_.end_tokens_of(*of);
  return true;
}

bool Client::triage_one() {
  if (record_.alerts.empty() || draw(2) == 0) {
    const auto of = recent(record_.identities);
    if (!of || !record_.identities[*of].odd) return end_one();
    const auto list = caller_.get("/api/v1/monitoring/alerts?status=open&identity_id=" +
                                  record_.identities[*of].id);
    if (!list.reply.whole) return false;
    // What has been read is durable; but an alert that is known already is not read twice.
    const std::string id = list.text("/items/0/id");
    for (const auto& known : record_.alerts)
      if (known.id == id) return true;
    if (!id.empty()) record_.alerts.push_back({id, "open"});
    return true;
  }
  const auto of = recent(record_.alerts);
  auto& alert = record_.alerts[*of];
  if (alert.status == "closed") return true;
  const std::string to = alert.status == "open" ? "acknowledged" : "closed";
  const std::string verdict = to == "closed" ? R"(,"verdict":"benign")" : "";
  const KnownCall call{"/api/v1/monitoring/alerts/" + alert.id,
                       R"({"status":")" + to + R"(")" + verdict + "}", "", "", ""};
  const auto answer = ask({Act::triage, *of, call, to, {}}, "PATCH", 200);
  if (!answer) return false;
  alert.status = to;
  return true;
}

bool Client::create_service_token() {
  const KnownCall call{"/api/v1/auth/tokens",
                       R"({"token_name":")" + fresh("service") +
                           R"(","permissions":["api_read"],"expires_in_days":7})",
                       maybe_key(), "", ""};
  const auto answer = ask({Act::create_service_token, 0, call, "", {}}, "POST", 201);
  if (!answer) return false;
  if (answer->status != 201) return true;
  record_.service_tokens.push_back({answer->text("/id"), answer->text("/token")});
  keep_call(call, *answer, "/token");
  return true;
}

bool Client::revoke_service_token() {
  const auto of = recent(record_.service_tokens);
  if (!of) return create_service_token();
  auto& token = record_.service_tokens[*of];
  if (token.revoked) return true;
  const KnownCall call{"/api/v1/auth/tokens/" + token.id, "", "", "", ""};
  const auto answer = ask({Act::revoke_service_token, *of, call, "revoked", {}}, "DELETE", 204);
  if (!answer) return false;
  token.revoked = true;
  return true;
}

bool Client::observe_one() {
  const auto of = recent(record_.watched);
  if (!of || record_.watched[*of].events.size() + 4 > kEventsOfOne) return watch_one();
  auto& watched = record_.watched[*of];
  Pending pending{Act::observe, *of, {"/api/v1/events", "[", "", "", ""}, "", {}};
  const size_t count = 1 + draw(4);
  for (size_t i = 0; i < count; ++i) {
    pending.events.push_back(fresh("event"));
    pending.call.body +=
        (i == 0 ? "" : ",") +
        event(pending.events.back(), R"("identity_id":")" + watched.id + R"(")", "");
  }
  pending.call.body += "]";
  const auto events = pending.events;
  const auto call = pending.call;
  const auto answer = ask(std::move(pending), "POST", 200);
  if (!answer) return false;
  if (answer->number("/accepted") != static_cast<int64_t>(count))
    findings_.add(describe(call, *answer));
  watched.events.insert(watched.events.end(), events.begin(), events.end());
  return true;
}

// People that nobody registered, each with a key of its own, and long enough to fill segments.
bool Client::observe_strangers() {
  Pending pending{Act::observe_strangers, 0, {"/api/v1/events", "[", "", "", ""}, "", {}};
  const std::string more = R"(,"resource":")" + std::string(900, 'r') + R"(")";
  for (size_t i = 0; i < kStrangers; ++i) {
    const std::string id = fresh("stranger");
    pending.call.body +=
        (i == 0 ? "" : ",") + event(id, R"("subject":")" + id + R"(@example.org")", more);
  }
  pending.call.body += "]";
  const auto call = pending.call;
  const auto answer = ask(std::move(pending), "POST", 200);
  if (!answer) return false;
  if (answer->number("/accepted") != static_cast<int64_t>(kStrangers))
    findings_.add(describe(call, *answer));
  record_.batches.push_back(call);
  if (record_.batches.size() > kBatchesKept) record_.batches.erase(record_.batches.begin());
  return true;
}

bool Client::repeat_one() {
  const auto of = recent(record_.calls);
  if (!of) return create_service_token();
  const auto& call = record_.calls[*of];
  const auto answer = caller_.post(call.target, call.body, headers_of(call));
  if (!answer.reply.whole || answer.status == 503) return false;
  if (answer.text(call.pointer) != call.told || answer.header("Idempotency-Replayed") != "true")
    findings_.add("repeated: " + describe(call, answer) + ", told at first: " + call.told);
  return true;
}

}  // namespace watchword::testing
