#include "tests/simulation/requests.h"

#include <algorithm>

#include "events/base/ids.h"
#include "schemas/observation.pb.h"
#include "tests/simulation/reading.h"

namespace watchword::simulation {
namespace {

namespace json = boost::json;

constexpr int64_t kDayMs = 86'400'000;
const std::vector<std::string> kScopes{"a:read", "a:write", "b:read", "b:admin"};
const std::vector<std::string> kAddresses{"10.0.1.7", "10.0.1.8", "10.0.2.7", "127.9.1.4", "2001:db8::7"};
const std::vector<std::string> kPermissions{"identity_write", "token_issue",   "token_revoke", "introspect",
                                            "api_read",       "system_status", "event_write",  "alert_triage",
                                            "audit_read",     "audit_log",     "admin"};
const std::vector<std::string> kActions{"auth.login", "token.use",   "api.call", "mfa.challenge",
                                        "x.y",        "credential.create", "data.export"};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  if (const size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

json::array some(Chance& chance, const std::vector<std::string>& of, uint64_t at_least) {
  json::array picked;
  const uint64_t count = at_least + chance.below(of.size() - at_least + 1);
  std::vector<std::string> left = of;
  for (uint64_t i = 0; i < count; ++i) {
    const size_t at = chance.below(left.size());
    picked.emplace_back(left[at]);
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return picked;
}

}  // namespace

const std::vector<Requests::Kind>& Requests::kinds() {
  static const std::vector<Kind> kinds{
      {5, &Requests::registering},     {6, &Requests::showing},        {4, &Requests::changing},
      {3, &Requests::suspending},      {4, &Requests::reactivating},   {1, &Requests::retiring},
      {2, &Requests::relearning},      {3, &Requests::reporting},      {12, &Requests::issuing},
      {7, &Requests::showing_token},   {5, &Requests::revoking},       {14, &Requests::introspecting},
      {6, &Requests::forwarding},      {2, &Requests::surrendering},   {4, &Requests::creating},
      {3, &Requests::showing_service_token}, {2, &Requests::revoking_service_token},
      {3, &Requests::asking_who},      {4, &Requests::listing},        {2, &Requests::looking_around},
      {3, &Requests::triaging},        {14, &Requests::observing},     {1, &Requests::accepting_clock},
      {5, &Requests::repeating},       {5, &Requests::intruding},      {2, &Requests::losing_the_way}};
  return kinds;
}

Request Requests::next() {
  if (identities_.size() < 3) return registering();
  uint64_t sum = 0;
  for (const auto& kind : kinds()) sum += kind.weight;
  uint64_t draw = chance_.below(sum);
  for (const auto& kind : kinds()) {
    if (draw < kind.weight) return (this->*kind.make)();
    draw -= kind.weight;
  }
  return registering();
}

Request Requests::call(std::string verb, std::string path, std::string body) {
  Request request;
  request.verb = std::move(verb);
  request.path = std::move(path);
  request.body = std::move(body);
  request.caller = admin_;
  if (chance_.one_in(8) && !service_.empty()) request.caller = chance_.of(service_).text;
  if (request.verb == "GET" && chance_.one_in(5) && !positions_.empty())
    request.position = chance_.of(positions_);
  return request;
}

Request Requests::change(std::string verb, std::string path, std::string body) {
  auto request = call(std::move(verb), std::move(path), std::move(body));
  if (chance_.one_in(3)) request.idempotency_key = text("key-");
  if (chance_.one_in(16) && !request.body.empty()) return spoilt(std::move(request));
  return request;
}

// The body in a shape that the contract calls wrong.
Request Requests::spoilt(Request request) {
  request.spoiled = true;
  request.idempotency_key.clear();
  auto& body = request.body;
  switch (chance_.below(6)) {
    case 0: body = replaced(body, "{", "{\"no_such_member\":1,"); break;
    case 1: body += " trailing"; break;
    case 2: body.resize(body.size() - 1); break;
    case 3: body = "[" + body + "]"; break;
    case 4: body = replaced(body, "{", "{\"reason\":\"one\",\"reason\":\"two\","); break;
    default: body = std::string(40, '[') + std::string(40, ']'); break;
  }
  return request;
}

std::string Requests::text(const std::string& prefix) { return prefix + std::to_string(++number_); }

std::string Requests::hostile_text() {
  static const std::vector<std::string> kTexts{
      std::string("nul\0here", 8), "caf\xc3\xa9", "cafe\xcc\x81", "zero\xe2\x80\x8bwidth", "\xe2\x80\xae" "rtl",
      "trailing ", " leading", "../../etc/passwd", "%00", "%2e%2e%2f", "line\r\nHost: evil", "\xed\xa0\x80",
      "\xf0\x9f\x98\x80", "' OR 1=1 --", "null", "{\"a\":1}", "<script>", "\x7f", "\xff\xfe"};
  if (chance_.one_in(6)) return std::string(1 + chance_.skewed(20'000), 'L');
  return chance_.of(kTexts);
}

// Nobody's token: garbage, or one that was held in the hand and changed.
std::string Requests::hostile_token() {
  std::string base = "sk_" + std::string(64, '0');
  if (const auto* held = chance_.one_in(2) ? jit() : service()) base = held->text;
  const size_t dot = base.find('.');
  switch (chance_.below(8)) {
    case 0: base.back() = base.back() == 'A' ? 'B' : 'A'; break;
    case 1: base += "="; break;
    case 2: base.pop_back(); break;
    case 3: base = dot == base.npos ? "SK_" + base.substr(3) : "eyJhbGciOiJub25lIn0" + base.substr(dot); break;
    case 4: base = dot == base.npos ? base + base : base.substr(0, base.rfind('.') + 1); break;
    case 5: base[base.size() / 2] = base[base.size() / 2] == 'x' ? 'y' : 'x'; break;
    case 6: base = "a.b.c"; break;
    default: base = std::string(chance_.skewed(6'000) + 1, 'A'); break;
  }
  return base;
}

// An id that nobody was ever given.
std::string Requests::stranger() {
  std::string id = "01934a00-0000-8000-8000-000000000000";
  for (const size_t at : {9, 10, 12, 15, 16, 17, 20, 21, 24, 27, 30, 33, 35})
    id[at] = "0123456789abcdef"[chance_.below(16)];
  return id;
}

const std::string& Requests::identity() { return identities_[chance_.skewed(identities_.size())].id; }

// The newest are asked for most.
const Requests::Held* Requests::jit() {
  return jit_.empty() ? nullptr : &jit_[jit_.size() - 1 - chance_.skewed(jit_.size())];
}
const Requests::Held* Requests::service() {
  return service_.empty() ? nullptr : &service_[chance_.below(service_.size())];
}

std::string Requests::reason() {
  return chance_.one_in(2) ? std::string() : json::serialize(json::object{{"reason", text("because ")}});
}

json::object Requests::limits() {
  json::object limits;
  limits["allowed_scopes"] = some(chance_, kScopes, 1);
  if (chance_.one_in(3)) limits["allowed_ips"] = json::array{"10.0.1.0/24"};
  if (chance_.one_in(6)) limits["allowed_ips"] = json::array{"10.0.0.0/16", "2001:db8::/32"};
  const int64_t hour = chance_.between(0, 22);
  if (chance_.one_in(6)) limits["allowed_hours"] = json::array{hour, chance_.between(hour + 1, 24)};
  if (chance_.one_in(12)) limits["allowed_hours"] = json::array{hour + 1, hour};
  if (chance_.one_in(4)) limits["max_token_lifetime_seconds"] = chance_.between(1, 300);
  if (chance_.one_in(10)) limits["requires_attestation"] = true;
  if (chance_.one_in(6)) limits["metadata"] = json::object{{"team", text("t")}};
  return limits;
}

Request Requests::registering() {
  json::object body = limits();
  if (chance_.one_in(4)) body["requires_continuous_auth"] = chance_.one_in(2);
  const std::string name = chance_.one_in(20) ? hostile_text() : text("name-");
  switch (chance_.below(7)) {
    case 0:
      body["identity_type"] = {{"type", "AIAgent"}, {"agent_name", name}, {"model", "large-1"}, {"owner_team", "t"}};
      break;
    case 1: body["identity_type"] = {{"type", "ApiKey"}, {"key_name", name}, {"owner_team", "t"}}; break;
    case 2: {
      const std::string person = text("person-of-the-world-");
      secrets_.push_back(person);
      body["identity_type"] = {{"type", "Human"}, {"username", person}, {"email", person + "@example.com"}};
      break;
    }
    default:
      body["identity_type"] = {{"type", "ServiceAccount"}, {"service_name", name}, {"environment", "e"},
                               {"owner_team", "t"}};
  }
  auto request = change("POST", "/api/v1/identities", json::serialize(body));
  if (identities_.size() < 3) request.caller = admin_;
  request.odd = !name.starts_with("name-");
  return request;
}

Request Requests::showing() {
  return call("GET", "/api/v1/identities/" + (chance_.one_in(12) ? stranger() : identity()));
}

Request Requests::changing() {
  return change("PATCH", "/api/v1/identities/" + identity(), json::serialize(limits()));
}

Request Requests::suspending() { return change("POST", "/api/v1/identities/" + identity() + "/suspend", reason()); }
Request Requests::reactivating() {
  return change("POST", "/api/v1/identities/" + identity() + "/reactivate", reason());
}
Request Requests::retiring() {
  const auto& id = identities_[chance_.below(identities_.size())].id;
  return change("POST", "/api/v1/identities/" + id + "/retire", reason());
}
Request Requests::relearning() {
  const bool reset = chance_.one_in(2);
  return change("POST", "/api/v1/identities/" + identity() + (reset ? "/baseline-reset" : "/baseline"),
                reset ? reason() : "");
}
Request Requests::reporting() {
  static const std::vector<std::string> kReports{"/metrics", "/risk", "/timeline"};
  return call("GET", "/api/v1/identities/" + identity() + chance_.of(kReports));
}

Request Requests::issuing() {
  json::object body{{"identity_id", chance_.one_in(20) ? stranger() : identity()}};
  body["requested_scopes"] = some(chance_, kScopes, chance_.one_in(20) ? 0 : 1);
  if (!chance_.one_in(3)) body["requested_scopes"] = json::array{chance_.of(kScopes)};
  if (chance_.one_in(2)) body["duration_seconds"] = chance_.between(1, chance_.one_in(4) ? 4'000 : 4);
  if (chance_.one_in(2)) body["max_usage"] = chance_.between(1, 4);
  if (!chance_.one_in(20)) body["justification"] = text("why ");
  if (chance_.one_in(40)) body["attestation_data"] = hostile_token();
  auto request = change("POST", "/api/v1/tokens/jit", json::serialize(body));
  request.odd = body.contains("attestation_data");
  if (chance_.one_in(3)) request.peer = chance_.of(kAddresses);
  return request;
}

Request Requests::showing_token() {
  const auto* held = jit();
  const std::string id = held == nullptr || chance_.one_in(15) ? stranger() : held->id;
  return call("GET", (chance_.one_in(3) ? "/api/v1/tokens/usage/" : "/api/v1/tokens/") + id);
}

Request Requests::revoking() {
  const auto* held = jit();
  return change("DELETE", "/api/v1/tokens/" + (held == nullptr || chance_.one_in(15) ? stranger() : held->id));
}

Request Requests::introspecting() {
  const auto* held = chance_.one_in(10) ? service() : jit();
  const bool forged = held == nullptr || chance_.one_in(12);
  auto request = call("POST", "/oauth2/introspect", "token=" + percent_encoded(forged ? hostile_token() : held->text));
  if (chance_.one_in(3)) request.body += "&client_ip=" + percent_encoded(chance_.of(kAddresses));
  const bool hostile = chance_.one_in(16);
  if (chance_.one_in(4) || hostile) request.body += "&user_agent=" + percent_encoded(hostile ? hostile_text() : "agent/1");
  if (chance_.one_in(4)) request.body += "&endpoint=" + percent_encoded(text("GET /"));
  request.content_type = "application/x-www-form-urlencoded";
  request.odd = forged || hostile;
  return request;
}

Request Requests::forwarding() {
  const auto* held = jit();
  Request request;
  request.verb = chance_.one_in(2) ? "GET" : "POST";
  request.path = "/authz/forward";
  request.caller = held == nullptr || chance_.one_in(12) ? hostile_token() : held->text;
  if (chance_.one_in(3)) request.query = "scope=" + percent_encoded(chance_.of(kScopes));
  if (chance_.one_in(4)) request.peer = chance_.of(kAddresses);
  return request;
}

Request Requests::surrendering() {
  const auto* held = chance_.one_in(4) ? service() : jit();
  const bool forged = held == nullptr || chance_.one_in(6);
  auto request = call("POST", "/oauth2/revoke", "token=" + percent_encoded(forged ? hostile_token() : held->text));
  request.content_type = "application/x-www-form-urlencoded";
  request.odd = forged;
  return request;
}

Request Requests::creating() {
  const bool hostile = chance_.one_in(20);
  const std::string name = hostile ? hostile_text() : chance_.one_in(5) && number_ > 0 ? "token-" + std::to_string(chance_.below(number_)) : text("token-");
  json::object body{{"token_name", name}, {"permissions", some(chance_, kPermissions, 1)}};
  if (chance_.one_in(2)) body["permissions"] = json::array{chance_.of(kPermissions)};
  if (chance_.one_in(3)) body["expires_in_days"] = chance_.between(1, 365);
  if (chance_.one_in(2)) body["identity_id"] = chance_.one_in(15) ? stranger() : identity();
  if (chance_.one_in(5)) body["sources"] = json::array{"shop"};
  auto request = change("POST", "/api/v1/auth/tokens", json::serialize(body));
  request.odd = hostile || body.contains("sources");  // without event_write they make no sense
  return request;
}

Request Requests::showing_service_token() {
  const auto* held = service();
  return call("GET", "/api/v1/auth/tokens/" + (held == nullptr || chance_.one_in(15) ? stranger() : held->id));
}
Request Requests::revoking_service_token() {
  const auto* held = service();
  return change("DELETE", "/api/v1/auth/tokens/" + (held == nullptr || chance_.one_in(15) ? stranger() : held->id));
}

Request Requests::asking_who() {
  auto request = call("GET", "/api/v1/auth/me");
  if (const auto* held = jit(); held != nullptr && !held->limited && chance_.one_in(2)) request.caller = held->text;
  return request;
}

Request Requests::listing() {
  static const std::vector<std::string> kLists{"/api/v1/identities", "/api/v1/auth/tokens", "/api/v1/monitoring/alerts",
                                               "/api/v1/audit/events"};
  auto request = call("GET", chance_.of(kLists));
  if (chance_.one_in(2)) request.query = "limit=" + std::to_string(1 + chance_.below(30));
  return request;
}

Request Requests::looking_around() {
  static const std::vector<std::string> kPlaces{"/api/v1/auth/health", "/api/v1/system/status", "/api/v1/system/health",
                                                "/.well-known/jwks.json"};
  static const std::vector<std::string> kTopics{"identity", "token", "session", "alert", "dead-letter"};
  if (!chance_.one_in(3)) return call("GET", chance_.of(kPlaces));
  auto request = call("GET", "/api/v1/streams/" + chance_.of(kTopics));
  request.query = "follow=false";
  return request;
}

Request Requests::triaging() {
  static const std::vector<std::string> kVerdicts{"true_positive", "false_positive", "benign", "duplicate",
                                                  "accepted_risk"};
  static const std::vector<std::string> kStates{"open", "acknowledged", "closed"};
  if (alerts_.empty()) return call("GET", "/api/v1/monitoring/alerts");
  const std::string path = "/api/v1/monitoring/alerts/" + (chance_.one_in(12) ? stranger() : chance_.of(alerts_));
  if (chance_.one_in(3)) return call("GET", path);
  json::object body;
  if (!chance_.one_in(6)) body["status"] = chance_.of(kStates);
  if (chance_.one_in(3)) body["assignee"] = "alice";
  const bool closing = body.contains("status") && body["status"] == "closed";
  if (closing != chance_.one_in(10)) body["verdict"] = chance_.of(kVerdicts);
  if (body.empty()) body["note"] = text("note ");
  return change("PATCH", path, json::serialize(body));
}

Request Requests::accepting_clock() {
  if (!chance_.one_in(8)) return showing();
  return change("POST", "/api/v1/system/clock/accept");
}

Request Requests::again(Request request) {
  request.position.clear();
  return request;
}

// A key that was used before: with its body, or with another.
Request Requests::repeating() {
  if (keyed_.empty()) return showing();
  auto request = keyed_[chance_.below(keyed_.size())];
  if (chance_.one_in(4) && request.body.starts_with("{\"")) request.body.insert(1, " ");
  return request;
}

// Without a token, with nobody's, or with one that may not.
Request Requests::intruding() {
  auto request = next();
  if (request.path == "/authz/forward") return request;
  request.idempotency_key.clear();
  const uint64_t how = chance_.below(3);
  request.caller = how == 0 ? "" : hostile_token();
  if (const auto* held = jit(); how == 1 && held != nullptr && !held->limited) request.caller = held->text;
  return request;
}

Request Requests::losing_the_way() {
  static const std::vector<std::string> kPaths{"/api/v1/identities/", "/api/v1/tokens/", "/api/v1/auth/tokens/",
                                               "/api/v1/monitoring/alerts/", "/api/v1/streams/", "/api/v2/",
                                               "/api/v1/tokens/usage/"};
  auto request = call(chance_.one_in(3) ? "DELETE" : "GET", chance_.of(kPaths) + percent_encoded(hostile_text()));
  request.odd = true;
  return request;
}

std::vector<Request> Requests::race() {
  std::vector<Request> all;
  if (identities_.empty()) return all;
  const auto send = [&](Request request) {
    request.caller = admin_;
    request.position.clear();
    request.idempotency_key.clear();
    request.raced = true;
    if (!request.spoiled) all.push_back(std::move(request));
  };
  const auto* held = jit();
  const std::string id = held != nullptr ? held->owner : identity(), path = "/api/v1/identities/" + id;
  const uint64_t count = 3 + chance_.below(6);
  const uint64_t sort = chance_.below(held != nullptr ? 4 : 1);
  for (uint64_t i = 0; i < count; ++i) {
    const json::object issue{{"identity_id", id}, {"requested_scopes", json::array{chance_.of(kScopes)}},
                             {"justification", "a race"}};
    const std::string use = held != nullptr ? "token=" + percent_encoded(held->text) : "";
    const uint64_t draw = chance_.below(10);
    if (sort == 0 && draw < 4) send(call("POST", "/api/v1/tokens/jit", json::serialize(issue)));
    if (sort == 0 && draw >= 4 && draw < 7) send(call("POST", path + "/suspend"));
    if (sort == 0 && draw >= 7) send(call("POST", path + "/reactivate"));
    if (sort == 1 || (sort == 2 && draw < 6)) send(call("POST", "/oauth2/introspect", use));
    if (sort == 2 && draw >= 6) send(call("DELETE", "/api/v1/tokens/" + held->id));
    if (sort == 3) send(call("POST", draw < 7 ? "/oauth2/introspect" : "/oauth2/revoke", use));
  }
  for (auto& request : all)
    if (request.body.starts_with("token=")) request.content_type = "application/x-www-form-urlencoded";
  return all;
}

std::vector<Request> Requests::everything() const {
  std::vector<Request> all;
  const auto read = [&](const std::string& path) {
    Request request;
    request.path = path;
    request.caller = admin_;
    all.push_back(std::move(request));
  };
  for (const auto& known : identities_) read("/api/v1/identities/" + known.id);
  for (const auto& held : jit_) read("/api/v1/tokens/" + held.id);
  for (const auto& held : service_) read("/api/v1/auth/tokens/" + held.id);
  return all;
}

std::string Requests::event_time() {
  const int64_t now_ms = wall_ms_();
  if (chance_.one_in(12)) return rfc3339(now_ms - chance_.between(1, 40) * kDayMs);
  if (chance_.one_in(20)) return rfc3339(now_ms + chance_.between(1, 9) * 60'000);
  if (chance_.one_in(20)) return rfc3339(now_ms + chance_.between(20, 100'000) * 60'000);
  if (chance_.one_in(40)) return "1970-01-01T00:00:00Z";
  return rfc3339(now_ms - chance_.between(0, 5'000));
}

json::object Requests::observation() {
  if (!observed_.empty() && chance_.one_in(8)) {
    auto seen = observed_[chance_.below(observed_.size())];
    if (chance_.one_in(2)) seen["endpoint"] = text("/other-");
    return seen;
  }
  static const std::vector<std::string> kOutcomes{"success", "success", "success", "failure", "denied"};
  json::object seen{{"id", text("event-")}, {"source", chance_.one_in(4) ? "other" : "shop"}, {"time", event_time()}};
  seen["action"] = chance_.of(kActions);
  if (chance_.one_in(2)) {
    seen["identity_id"] = chance_.one_in(15) ? stranger() : identity();
  } else {
    seen["subject"] = "subject-" + std::to_string(chance_.skewed(4'000)) + "@people.example";
  }
  if (!chance_.one_in(4)) seen["outcome"] = chance_.of(kOutcomes);
  if (chance_.one_in(2)) seen["source_ip"] = chance_.of(kAddresses);
  if (chance_.one_in(3)) seen["user_agent"] = chance_.one_in(4) ? "curl/8" : "service-client/2.0";
  if (chance_.one_in(3)) seen["endpoint"] = "/orders/" + std::to_string(chance_.skewed(50));
  if (chance_.one_in(6)) seen["device_id"] = "device-" + std::to_string(chance_.below(5));
  if (chance_.one_in(6)) seen["client_id"] = "client-" + std::to_string(chance_.below(5));
  if (chance_.one_in(6)) seen["response_code"] = chance_.between(200, 503);
  if (chance_.one_in(8)) seen["records"] = chance_.between(1, 100'000);
  if (chance_.one_in(8)) seen["count"] = chance_.between(1, 50);
  if (const auto* held = jit(); held != nullptr && chance_.one_in(5)) {
    seen["token_id"] = held->id;
    if (chance_.one_in(2)) seen.erase("subject"), seen["identity_id"] = held->owner;
  }
  observed_.push_back(seen);
  if (observed_.size() > 200) observed_.pop_front();
  return seen;
}

json::array Requests::batch() {
  json::array all;
  const uint64_t count = 1 + chance_.skewed(chance_.one_in(10) ? 120 : 12);
  for (uint64_t i = 0; i < count; ++i) {
    all.push_back(observation());
    if (chance_.one_in(60)) all.push_back(nullptr);
  }
  return all;
}

// JSON, NDJSON, CloudEvents or Protobuf. What is broken in it is broken in each in its own way.
Request Requests::encoded(json::array observations) {
  auto request = call("POST", "/api/v1/events");
  if (chance_.one_in(6)) request.query = "mode=history";
  const bool whole = std::ranges::none_of(observations, [](const json::value& each) { return each.is_null(); });
  static const std::vector<std::string> kBroken{"{}", "42", "{\"id\":\"x\",\"source\":\"shop\"}", "\"text\"",
                                                "{\"id\":7,\"source\":[],\"time\":{},\"action\":null}"};
  const uint64_t form = chance_.below(whole ? 5 : 1);
  const auto item = [&](const json::value& each) {
    return each.is_null() ? chance_.of(kBroken) : json::serialize(each);
  };
  switch (form) {
    case 1:
      for (const auto& each : observations) request.body += item(each) + "\n";
      request.content_type = "application/x-ndjson";
      break;
    case 2: {
      json::array events;
      for (const auto& each : observations)
        events.push_back(json::object{{"specversion", "1.0"}, {"id", each.at("id")}, {"source", each.at("source")},
                                      {"type", each.at("action")}, {"time", each.at("time")}, {"data", each}});
      request.body = json::serialize(events);
      request.content_type = "application/cloudevents-batch+json";
      break;
    }
    case 3:
      request.body = as_protobuf(observations);
      request.content_type = "application/x-protobuf";
      break;
    case 4:
      observations.resize(1, nullptr);
      request.body = json::serialize(observations[0]);
      break;
    default:
      for (const auto& each : observations) request.body += (request.body.empty() ? "[" : ",") + item(each);
      request.body += "]";
  }
  request.observations = std::move(observations);
  return request;
}

std::string Requests::as_protobuf(const json::array& observations) {
  v1::ObservationBatch batch;
  for (const auto& each : observations) {
    const auto& seen = each.as_object();
    auto& out = *batch.add_observations();
    out.set_id(simulation::text(seen, "id"));
    out.set_source(simulation::text(seen, "source"));
    out.set_time_ms(static_cast<uint64_t>(time_ms(simulation::text(seen, "time"))));
    out.set_action(simulation::text(seen, "action"));
    out.set_subject(simulation::text(seen, "subject"));
    if (const auto id = Id::parse(simulation::text(seen, "identity_id"))) out.set_principal(std::string(id->view()));
    const std::string outcome = simulation::text(seen, "outcome");
    if (outcome == "success") out.set_outcome(v1::SUCCESS);
    if (outcome == "failure") out.set_outcome(v1::FAILURE);
    if (outcome == "denied") out.set_outcome(v1::DENIED);
    out.set_endpoint(simulation::text(seen, "endpoint"));
    out.set_user_agent(simulation::text(seen, "user_agent"));
    out.set_count(static_cast<uint32_t>(number(seen, "count").value_or(0)));
  }
  return batch.SerializeAsString();
}

Request Requests::observing() {
  auto request = encoded(batch());
  if (chance_.one_in(4)) request.idempotency_key = text("events-");
  if (!chance_.one_in(30)) return request;
  // Bytes that are no batch at all, or of a schema that is not known yet.
  request.observations.clear();
  request.idempotency_key.clear();
  request.odd = request.spoiled = true;
  request.body = chance_.one_in(2) ? "\x0a\x05\xfa\x7f\xff\xff\xff" : "[{\"id\":";
  return request;
}

void Requests::heard(const Request& request, const Reply& reply) {
  if (reply.lost || reply.status / 100 != 2) return;
  const auto body = parsed(reply.body);
  if (const auto position = reply.header("Watchword-Position"); !position.empty()) positions_.push_back(position);
  if (!request.idempotency_key.empty()) {
    keyed_.push_back(request);
    if (keyed_.size() > 30) keyed_.pop_front();
  }
  const std::string about = simulation::text(parsed(request.body), "identity_id");
  if (reply.status == 201 && request.path == "/api/v1/identities") {
    const auto sent = parsed(request.body);
    identities_.push_back({simulation::text(body, "identity_id"),
                           simulation::text(sent.at("identity_type").as_object(), "type")});
    if (const auto key = simulation::text(body, "api_key"); !key.empty()) secrets_.push_back(key);
  }
  if (reply.status == 201 && request.path == "/api/v1/tokens/jit") {
    jit_.push_back({simulation::text(body, "access_token"), simulation::text(body, "token_id"), about,
                    parsed(request.body).contains("max_usage")});
    secrets_.push_back(jit_.back().text);
  }
  if (reply.status == 201 && request.path == "/api/v1/auth/tokens") {
    service_.push_back({simulation::text(body, "token"), simulation::text(body, "id"),
                        simulation::text(body, "identity_id"), false});
    secrets_.push_back(service_.back().text);
  }
  if (request.path != "/api/v1/monitoring/alerts" || !body.contains("items")) return;
  for (const auto& item : body.at("items").as_array()) {
    const auto id = simulation::text(item.as_object(), "id");
    if (std::ranges::find(alerts_, id) == alerts_.end()) alerts_.push_back(id);
  }
}

}  // namespace watchword::simulation
