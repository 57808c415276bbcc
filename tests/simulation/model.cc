#include "tests/simulation/model.h"

#include <algorithm>

#include "tests/simulation/reading.h"

namespace watchword::simulation {
namespace {

namespace json = boost::json;
constexpr int64_t kDayMs = 86'400'000;
using Branches = std::vector<Branch>;

// {may pass, may fail}.
std::pair<bool, bool> network_allows(const Subject& subject, const std::string& address) {
  if (subject.networks.empty()) return {true, false};
  bool unclear = false;
  for (const auto& network : subject.networks) {
    const auto inside = within(address, network);
    if (inside == true) return {true, false};
    unclear |= !inside;
  }
  return {unclear, true};
}

std::pair<bool, bool> hours_allow(const Subject& subject, Moment at) {
  if (subject.hours_unclear) return {true, true};
  if (!subject.hours) return {true, false};
  const auto [start, end] = *subject.hours;
  const auto inside = [&](int64_t ms) {
    const int64_t hour = ms % kDayMs / 3'600'000;
    return start <= end ? start <= hour && hour < end : start <= hour || hour < end;
  };
  const bool first = inside(at.from_ms), last = inside(at.to_ms);
  return {first || last, !first || !last};
}

bool used_up(const Token& token) { return token.max_usage && token.uses >= *token.max_usage; }
bool may_have_expired(const Token& token, Moment at) { return at.to_ms >= token.expires.from_ms; }

const Token* token_in(const Turn& turn) {
  const auto found = turn.world.tokens.find(turn.token);
  return found == turn.world.tokens.end() ? nullptr : &found->second;
}

void refuse(const Turn& turn, Branches& out, int status, std::string code = {}) {
  out.push_back({{status, std::move(code)}, turn.world});
}
void accept(Branches& out, int status, json::object members, Subject next) {
  out.push_back({{status, {}, std::move(members)}, std::move(next)});
}

json::object span(Moment moment) { return {{"from", moment.from_ms}, {"to", moment.to_ms}}; }

bool over_policy(const Turn& turn, const std::string& type) {
  const auto limit = turn.rules.lifetime_s.find(type);
  const auto asked = number(turn.body, "max_token_lifetime_seconds");
  return asked && (limit == turn.rules.lifetime_s.end() || *asked > limit->second);
}

// A type may insist on what a body switches off.
bool weakens(const json::object& body) {
  return std::ranges::any_of(std::initializer_list<const char*>{"requires_attestation", "requires_continuous_auth"},
                             [&](const char* name) { return body.contains(name) && body.at(name) == false; });
}

void registers(const Turn& turn, Branches& out) {
  const auto* kind = turn.body.if_contains("identity_type");
  const std::string type = kind && kind->is_object() ? text(kind->as_object(), "type") : "";
  if (turn.taken.second) refuse(turn, out, 409);
  if (over_policy(turn, type)) refuse(turn, out, 422);
  if (weakens(turn.body)) refuse(turn, out, 403);
  if (turn.taken.first) return;
  Subject next;
  if (const auto limit = turn.rules.lifetime_s.find(type); limit != turn.rules.lifetime_s.end())
    next.lifetime_s = limit->second;
  set_limits(next, turn.body);
  json::object members;
  if (next.lifetime_s) members["max_token_lifetime_seconds"] = next.lifetime_s;
  if (next.attestation) members["requires_attestation"] = true;
  accept(out, 201, std::move(members), turn.world);
}

json::object view(const Turn& turn, const Subject& subject) {
  return {{"identity_id", turn.id},
          {"status", subject.status},
          {"allowed_scopes", list(subject.scopes)},
          {"max_token_lifetime_seconds", subject.lifetime_s},
          {"requires_attestation", subject.attestation},
          {"requires_continuous_auth", subject.continuous}};
}

void answers(const Turn& turn, Branches& out) { accept(out, 200, {}, turn.world); }
void shows(const Turn& turn, Branches& out) {
  if (turn.world.type.empty()) return answers(turn, out);  // it stands from the beginning: nobody said how
  accept(out, 200, view(turn, turn.world), turn.world);
}
void accepts_clock(const Turn& turn, Branches& out) { answers(turn, out), refuse(turn, out, 409); }

void changes(const Turn& turn, Branches& out) {
  if (turn.world.status != "active") refuse(turn, out, 409);
  if (turn.world.status == "retired") return;
  if (over_policy(turn, turn.world.type)) refuse(turn, out, 422);
  if (weakens(turn.body)) refuse(turn, out, 403);
  Subject next = turn.world;
  set_limits(next, turn.body);
  auto members = view(turn, next);
  accept(out, 200, std::move(members), std::move(next));
}

// Asking for the state that stands already is answered as a success or as a conflict: the contract leaves it open.
void moves(const Turn& turn, Branches& out, const char* status) {
  if (turn.world.status == status) refuse(turn, out, 409);
  Subject next = turn.world;
  next.status = status;
  if (next.status != "active") kill_tokens(next);
  accept(out, 200, {{"status", status}}, std::move(next));
}
void suspends(const Turn& turn, Branches& out) {
  turn.world.status == "retired" ? refuse(turn, out, 409) : moves(turn, out, "suspended");
}
void reactivates(const Turn& turn, Branches& out) {
  if (turn.request.raced) refuse(turn, out, 409, "since");
  turn.world.status == "retired" ? refuse(turn, out, 409, "retired") : moves(turn, out, "active");
}
void retires(const Turn& turn, Branches& out) { moves(turn, out, "retired"); }
void relearns(const Turn& turn, Branches& out) {
  if (turn.world.status != "active") refuse(turn, out, 409);
  const bool established = turn.request.path.ends_with("/baseline");
  accept(out, 200, {{"baseline_established", established}}, turn.world);
}

// Every reason to say no is a right answer; there is a yes only without one.
void issues(const Turn& turn, Branches& out) {
  const auto& [request, rules, world, at, caller, subject, token_id, taken, id, body] = turn;
  const size_t before = out.size();
  bool may_pass = world.status == "active";
  const auto weigh = [&](std::pair<bool, bool> verdict, int status, const char* code) {
    if (verdict.second) refuse(turn, out, status, code);
    may_pass &= verdict.first;
  };
  const bool entitled = caller.may("token_issue") || (caller.token.service && caller.subject == subject);
  weigh({entitled, !entitled}, 403, "");
  weigh({true, !may_pass && !world.status.empty()}, 403, "");
  weigh({true, world.status == "retired"}, 409, "");
  weigh({true, world.status.empty()}, 404, "");
  weigh({true, body.contains("attestation_data")}, 401, "");
  const Strings asked = texts(body, "requested_scopes");
  const bool allowed = std::ranges::includes(world.scopes, asked);
  weigh({allowed, !allowed || asked.empty()}, 400, asked.empty() ? "" : "invalid_scope");
  const bool justified = !text(body, "justification").empty();
  weigh({justified, !justified}, 400, "");
  const int64_t duration_s = number(body, "duration_seconds").value_or(world.lifetime_s);
  weigh({duration_s <= world.lifetime_s, duration_s > world.lifetime_s}, 422, "above_limit");
  weigh({!world.attestation, world.attestation}, 403, "");
  weigh(network_allows(world, request.peer), 403, "");
  weigh(hours_allow(world, at), 403, "");
  if (!may_pass && out.size() > before) return;
  Token token{.grants = asked, .issued = at, .max_usage = number(body, "max_usage")};
  token.expires = {at.from_ms + duration_s * 1000, at.to_ms + duration_s * 1000};
  Subject next = world;
  next.tokens["?" + request.idempotency_key] = token;
  accept(out, 201, {{"token_type", "Bearer"}, {"expires_in", duration_s}, {"scopes", list(asked)}}, std::move(next));
}

bool of_this_kind(const Turn& turn, const Token* token) {
  return token && token->service == turn.request.path.starts_with("/api/v1/auth/");
}

// A token that has expired may have been swept away, and one that ended in two ways may say either.
void shows_token(const Turn& turn, Branches& out) {
  const auto* token = token_in(turn);
  if (!of_this_kind(turn, token)) return refuse(turn, out, 404);
  if (may_have_expired(*token, turn.at)) refuse(turn, out, 404);
  json::object members{{"identity_id", turn.subject}};
  members[token->service ? "id" : "token_id"] = turn.token;
  members[token->service ? "permissions" : "scopes"] = list(token->grants);
  members["expires_at"] = span(token->expires);
  if (!token->service) members["issued_at"] = span(token->issued);
  if (!token->service) members["usage_count"] = token->uses;
  if (!token->service && !token->max_usage) members["usage_count"] = json::object{{"most", INT64_MAX}};
  if (turn.request.path.starts_with("/api/v1/tokens/usage/"))
    return accept(out, 200, {{"token_id", turn.token}, {"usage_count", members["usage_count"]}}, turn.world);
  const auto say = [&](const char* status, bool ended) {
    Subject next = turn.world;
    next.tokens[turn.token].ended |= ended && !turn.at.vague;
    members["status"] = status;
    accept(out, 200, members, std::move(next));
  };
  if (may_live(*token, turn.at)) say("active", false);
  if (token->revoked) say("revoked", true);
  if (used_up(*token)) say("exhausted", true);
  if (may_have_expired(*token, turn.at)) say("expired", true);
}

Subject without(const Turn& turn) {
  Subject next = turn.world;
  next.tokens[turn.token].revoked = true;
  return next;
}

void revokes(const Turn& turn, Branches& out) {
  const auto* token = token_in(turn);
  if (!of_this_kind(turn, token)) return refuse(turn, out, 404);
  if (may_have_expired(*token, turn.at)) refuse(turn, out, 404);
  accept(out, 204, {}, without(turn));
}
void surrenders(const Turn& turn, Branches& out) {
  accept(out, 200, {}, token_in(turn) ? without(turn) : turn.world);
}

// Closing takes a verdict. What the contract leaves open: a verdict alone, and the way back.
void triages(const Turn& turn, Branches& out) {
  const std::string status = text(turn.body, "status"), verdict = text(turn.body, "verdict");
  const bool unknown = turn.world.status.empty(), closes = status == "closed";
  if (unknown) refuse(turn, out, 404);
  if (unknown || turn.world.status != "open") refuse(turn, out, 409);
  if (closes == verdict.empty()) refuse(turn, out, 400), refuse(turn, out, 409), refuse(turn, out, 422);
  if (closes && verdict.empty()) return;
  Subject next = turn.world;
  if (!status.empty()) next.status = status;
  if (status.empty() && !verdict.empty()) next.status = "closed";
  if (next.status.empty()) return answers(turn, out);
  json::object members{{"id", turn.id}, {"status", next.status}};
  accept(out, 200, std::move(members), std::move(next));
}
void shows_alert(const Turn& turn, Branches& out) {
  if (turn.world.status.empty()) return answers(turn, out), refuse(turn, out, 404);
  accept(out, 200, {{"id", turn.id}, {"status", turn.world.status}}, turn.world);
}

void creates(const Turn& turn, Branches& out) {
  if (turn.taken.second) refuse(turn, out, 409);
  if (turn.world.status.empty()) return refuse(turn, out, 404);
  if (turn.world.status != "active") refuse(turn, out, 403), refuse(turn, out, 409);
  if (turn.taken.first || turn.world.status != "active") return;
  const int64_t life_ms = number(turn.body, "expires_in_days").value_or(90) * kDayMs;
  Token token{.service = true, .grants = texts(turn.body, "permissions"), .sources = texts(turn.body, "sources")};
  token.issued = turn.at;
  token.expires = {turn.at.from_ms + life_ms, turn.at.to_ms + life_ms};
  Subject next = turn.world;
  next.tokens["?" + turn.request.idempotency_key] = token;
  json::object members{{"permissions", list(token.grants)}, {"identity_id", turn.subject}};
  if (!turn.request.odd) members["token_name"] = text(turn.body, "token_name");
  accept(out, 201, std::move(members), std::move(next));
}

void tells_caller(const Turn& turn, Branches& out) {
  const auto& [may_live, may_be_dead, subject, id, token] = turn.caller;
  json::object members{{"identity_id", subject}, {"token_id", id}};
  members["token_type"] = token.service ? "service_token" : "jwt";
  if (token.service && !turn.caller.may("admin")) members["permissions"] = list(token.grants);
  accept(out, 200, std::move(members), turn.world);
}

// Whether a token passes now, from where and for what it is used: {may pass, may fail}.
std::pair<bool, bool> passes(const Turn& turn, const Token* token, const std::string& client) {
  if (!token || !may_live(*token, turn.at)) return {false, true};
  std::pair<bool, bool> verdict{true, may_be_dead(*token, turn.at)};
  if (!turn.world.continuous || token->service) return verdict;
  verdict.second |= turn.world.shaky;
  for (const auto& rule : {client.empty() ? std::pair{true, false} : network_allows(turn.world, client),
                           hours_allow(turn.world, turn.at)})
    verdict = {verdict.first && rule.first, verdict.second || rule.second};
  return verdict;
}

Subject after_use(const Turn& turn) {
  Subject next = turn.world;
  ++next.tokens[turn.token].uses;
  return next;
}

Subject after_denial(const Turn& turn) {
  Subject next = turn.world;
  if (const auto* token = token_in(turn); token && !turn.at.vague && may_have_expired(*token, turn.at))
    next.tokens[turn.token].ended = !turn.world.continuous || !may_live(*token, turn.at);
  return next;
}

void introspects(const Turn& turn, Branches& out) {
  const auto* token = token_in(turn);
  const auto verdict = passes(turn, token, form_value(turn.request.body, "client_ip"));
  if (verdict.second) out.push_back({{200, {}, {{"active", false}}, true}, after_denial(turn)});
  if (!verdict.first) return;
  json::object members{{"active", true}, {"identity_id", turn.subject}};
  if (!token->service) members["jti"] = turn.token, members["sub"] = turn.subject;
  accept(out, 200, std::move(members), after_use(turn));
}

void forwards(const Turn& turn, Branches& out) {
  const auto* token = token_in(turn);
  auto verdict = passes(turn, token, turn.request.peer);
  const std::string scope = form_value(turn.request.query, "scope");
  const bool unclear = !turn.request.headers.empty() || (token && token->service) ||
                       !form_value(turn.request.query, "aud").empty();
  if (verdict.second || unclear) out.push_back({{401}, after_denial(turn)});
  if (verdict.first && !scope.empty() && !std::ranges::count(token->grants, scope))
    return refuse(turn, out, 403);
  if (unclear || (verdict.second && turn.world.continuous)) refuse(turn, out, 403);
  if (verdict.first) accept(out, 200, {{"Watchword-Identity", turn.subject}}, after_use(turn));
}

struct Route {
  std::string_view verb, path, permission;
  void (*handler)(const Turn&, Branches&);
};

const Route kRoutes[] = {
    {"POST", "/api/v1/identities", "identity_write", registers},
    {"GET", "/api/v1/identities", "api_read", answers},
    {"GET", "/api/v1/identities/{id}", "api_read", shows},
    {"PATCH", "/api/v1/identities/{id}", "identity_write", changes},
    {"POST", "/api/v1/identities/{id}/suspend", "identity_write", suspends},
    {"POST", "/api/v1/identities/{id}/reactivate", "identity_write", reactivates},
    {"POST", "/api/v1/identities/{id}/retire", "identity_write", retires},
    {"POST", "/api/v1/identities/{id}/baseline", "identity_write", relearns},
    {"POST", "/api/v1/identities/{id}/baseline-reset", "identity_write", relearns},
    {"GET", "/api/v1/identities/{id}/metrics", "api_read", answers},
    {"GET", "/api/v1/identities/{id}/risk", "api_read", answers},
    {"GET", "/api/v1/identities/{id}/timeline", "api_read", answers},
    {"POST", "/api/v1/tokens/jit", "any_token", issues},
    {"GET", "/api/v1/tokens/usage/{id}", "api_read", shows_token},
    {"GET", "/api/v1/tokens/{id}", "api_read", shows_token},
    {"DELETE", "/api/v1/tokens/{id}", "token_revoke", revokes},
    {"GET", "/api/v1/monitoring/alerts", "api_read", answers},
    {"GET", "/api/v1/monitoring/alerts/{id}", "api_read", shows_alert},
    {"PATCH", "/api/v1/monitoring/alerts/{id}", "alert_triage", triages},
    {"POST", "/api/v1/events", "event_write", answers},
    {"POST", "/api/v1/auth/tokens", "admin", creates},
    {"GET", "/api/v1/auth/tokens", "api_read", answers},
    {"GET", "/api/v1/auth/tokens/{id}", "api_read", shows_token},
    {"DELETE", "/api/v1/auth/tokens/{id}", "token_revoke", revokes},
    {"GET", "/api/v1/audit/events", "audit_read", answers},
    {"GET", "/api/v1/auth/me", "any_token", tells_caller},
    {"GET", "/api/v1/auth/health", "any_token", answers},
    {"GET", "/api/v1/system/status", "system_status", answers},
    {"POST", "/api/v1/system/clock/accept", "admin", accepts_clock},
    {"GET", "/api/v1/system/health", "none", answers},
    {"POST", "/oauth2/introspect", "introspect", introspects},
    {"POST", "/oauth2/revoke", "token_revoke", surrenders},
    {"GET", "/.well-known/jwks.json", "none", answers},
    {"", "/authz/forward", "none", forwards},
    {"GET", "/api/v1/streams/{id}", "api_read", answers},
};

const Route* route_of(const Request& request, std::string& id) {
  const std::string_view path = request.path;
  for (const auto& route : kRoutes) {
    if (!route.verb.empty() && route.verb != request.verb) continue;
    const size_t hole = route.path.find("{id}");
    if (path == route.path) return &route;
    if (hole == std::string_view::npos || path.size() < route.path.size() - 3) continue;
    if (!path.starts_with(route.path.substr(0, hole)) || !path.ends_with(route.path.substr(hole + 4))) continue;
    id = path.substr(hole, path.size() - route.path.size() + 4);
    if (id.find('/') == std::string::npos) return &route;
  }
  return nullptr;
}

// Whether the key's memory settles the answer.
bool repeats(const Turn& turn, Branches& out) {
  const auto found = turn.world.keys.find(key_of(turn.request));
  if (found == turn.world.keys.end() || turn.at.from_ms - found->second.at.to_ms > kDayMs) return false;
  const Done& done = found->second;
  json::object members = parsed(done.answer);
  members.erase("access_token");  // signed again, from the same claims
  if (done.status == 200) members.clear();  // the row as it is now
  done.body == turn.request.body ? accept(out, done.status, members, turn.world) : refuse(turn, out, 422);
  return turn.at.to_ms - done.at.from_ms < kDayMs;
}

// Refusals of what nobody could understand, whoever asks.
void unreadable(const Turn& turn, Branches& out) {
  if (turn.request.odd) refuse(turn, out, 404), refuse(turn, out, 414), refuse(turn, out, 431);
  if (turn.request.odd || turn.request.spoiled) refuse(turn, out, 400), refuse(turn, out, 413);
  if (turn.request.spoiled) refuse(turn, out, 415);
  if (turn.body.contains("attestation_data")) refuse(turn, out, 403);
}

// Whether the caller may ask at all.
bool admitted(const Route& route, const Turn& turn, Branches& out) {
  if (route.permission == "none") return true;
  if (turn.caller.may_be_dead) refuse(turn, out, 401);
  if (turn.request.odd || route.handler == issues) unreadable(turn, out);
  if (!turn.caller.may_live) return false;
  if (route.permission == "any_token" || turn.caller.may(route.permission)) return true;
  return refuse(turn, out, 403), false;
}

// Whether it is in a shape that can be understood, and about something that there is.
bool understood(const Route& route, const Turn& turn, Branches& out) {
  const bool nobody = route.path.starts_with("/api/v1/identities/{id}") && turn.world.status.empty();
  if (nobody) refuse(turn, out, 404), refuse(turn, out, 400);
  unreadable(turn, out);
  return !nobody && !turn.request.spoiled;
}

}  // namespace

bool Caller::may(std::string_view permission) const {
  const auto has = [&](std::string_view name) { return std::ranges::count(token.grants, name) > 0; };
  return token.service && (has("admin") || has(permission));
}

bool may_live(const Token& token, Moment at) {
  return !token.revoked && !token.ended && !used_up(token) && at.from_ms < token.expires.to_ms;
}
bool may_be_dead(const Token& token, Moment at) {
  return token.revoked || token.ended || used_up(token) || may_have_expired(token, at);
}

void kill_tokens(Subject& subject) {
  for (auto& [id, token] : subject.tokens) token.revoked = true;
}

void set_limits(Subject& subject, const json::object& body) {
  const auto given = [&](const char* name) { return body.contains(name) && !body.at(name).is_null(); };
  if (given("allowed_scopes")) subject.scopes = texts(body, "allowed_scopes");
  if (given("allowed_ips")) subject.networks = texts(body, "allowed_ips");
  if (given("max_token_lifetime_seconds")) subject.lifetime_s = *number(body, "max_token_lifetime_seconds");
  if (given("requires_attestation")) subject.attestation = body.at("requires_attestation").as_bool();
  if (given("requires_continuous_auth")) subject.continuous = body.at("requires_continuous_auth").as_bool();
  subject.hours_unclear |= given("time_zone") && text(body, "time_zone") != "UTC";
  if (!given("allowed_hours")) return;
  const auto& hours = body.at("allowed_hours").as_array();
  const bool plain = hours.size() == 2 && hours[0].is_int64() && hours[0] != hours[1];
  subject.hours_unclear |= !plain;
  if (plain) subject.hours = {hours[0].as_int64(), hours[1].as_int64()};
}

std::string key_of(const Request& request) {
  return request.caller + " " + request.verb + " " + request.path + " " + request.idempotency_key;
}

std::string path_id(const Request& request) {
  std::string id;
  route_of(request, id);
  return id;
}

std::vector<Branch> decide(Turn turn) {
  const Request& request = turn.request;
  const Route* route = route_of(request, turn.id);
  turn.body = parsed(request.body);
  Branches out;
  if (!route) {
    for (const int status : {404, 405, 400, 414, 431}) refuse(turn, out, status);
    return out;
  }
  refuse(turn, out, 429);  // never without a reason that only the node knows, and never with an effect
  if (!admitted(*route, turn, out)) return out;
  const bool keyed = !request.idempotency_key.empty() && request.verb != "GET";
  if ((keyed && repeats(turn, out)) || !understood(*route, turn, out)) return out;
  const size_t before = out.size();
  route->handler(turn, out);
  for (size_t i = before; keyed && i < out.size(); ++i)
    if (out[i].answer.status / 100 == 2)
      out[i].next.keys[key_of(request)] = {request.body, {}, out[i].answer.status, turn.at};
  return out;
}

}  // namespace watchword::simulation
