#include "tests/simulation/oracle.h"

#include <algorithm>
#include <tuple>

#include "tests/simulation/reading.h"

namespace watchword::simulation {
namespace {

namespace json = boost::json;
constexpr int64_t kAheadMs = 600'000;  // that an observation may be
constexpr int64_t kRemembered = 64;     // observations of a principal
constexpr size_t kMostWorlds = 48;

// What detection may have made of a subject by now.
std::vector<Subject> struck(const Subject& world, const std::string& token) {
  std::vector<Subject> all{world};
  if (!world.shaky || world.status != "active") return all;
  all.push_back(world);
  all.back().status = "suspended";
  kill_tokens(all.back());
  if (!world.tokens.contains(token)) return all;
  all.push_back(world);
  all.back().tokens[token].revoked = true;
  return all;
}

Subject without_times(Subject subject) {
  for (auto& [id, token] : subject.tokens) token.issued = token.expires = {};
  for (auto& [key, done] : subject.keys) done.at = {};
  return subject;
}

void widen(Moment& moment, Moment by) {
  moment = {std::min(moment.from_ms, by.from_ms), std::max(moment.to_ms, by.to_ms), moment.vague || by.vague};
}

void widen(Subject& subject, const Subject& by) {
  for (auto& [id, token] : subject.tokens) {
    widen(token.issued, by.tokens.at(id).issued);
    widen(token.expires, by.tokens.at(id).expires);
  }
  for (auto& [key, done] : subject.keys) widen(done.at, by.keys.at(key).at);
}

bool same(const json::value& want, const json::value& have) {
  if (const auto* span = want.if_object(); span && span->contains("from")) {
    const int64_t at = have.is_string() ? time_ms(std::string(have.as_string())) : -1;
    return span->at("from").as_int64() <= at && at <= span->at("to").as_int64();
  }
  if (const auto* most = want.if_object(); most && most->contains("most"))
    return have.is_int64() && have.as_int64() <= most->at("most").as_int64();
  const json::object a{{"v", want}}, b{{"v", have}};
  return want == have || (want.is_array() && have.is_array() && texts(a, "v") == texts(b, "v"));
}

bool is_use(const Request& request) {
  return request.path == "/oauth2/introspect" || request.path == "/authz/forward";
}

bool matches(const Answer& answer, const Reply& reply) {
  const json::object body = parsed(reply.body);
  if (answer.status != reply.status || (answer.exact && body.size() != answer.members.size())) return false;
  if (!answer.code.empty() && (text(body, "code") + text(body, "error")).find(answer.code) == std::string::npos)
    return false;
  return std::ranges::all_of(answer.members, [&](const auto& member) {
    if (member.key().starts_with("Watchword-")) return member.value() == json::value(reply.header(member.key()));
    const auto* have = body.if_contains(member.key());
    return have && same(member.value(), *have);
  });
}

}  // namespace

std::string Oracle::principal_of(const json::object& seen) {
  return text(seen, "identity_id").empty() ? "foreign:" + text(seen, "subject") : text(seen, "identity_id");
}

std::string Oracle::name_in(const Request& request) {
  const auto body = parsed(request.body);
  if (request.verb != "POST") return {};
  if (request.path == "/api/v1/auth/tokens") return "token " + text(body, "token_name");
  const auto* kind = request.path == "/api/v1/identities" ? body.if_contains("identity_type") : nullptr;
  const std::string user = kind && kind->is_object() ? text(kind->as_object(), "username") : "";
  return user.empty() ? user : "user " + user;
}

void Oracle::admit(const std::string& text, const std::string& identity, const std::string& token, Strings permissions) {
  Subject subject{.status = "active"};
  subject.tokens[token] = {.service = true, .grants = std::move(permissions)};
  keep(identity, {subject});
  texts_[text] = {identity, token};
  owner_[token] = identity;
}

std::vector<Subject> Oracle::worlds_of(const std::string& subject) const {
  const auto found = subjects_.find(subject);
  return found == subjects_.end() ? std::vector<Subject>{{}} : found->second;
}

std::pair<std::string, std::string> Oracle::token_of(const std::string& text) const {
  const auto found = texts_.find(text);
  return found == texts_.end() ? std::pair<std::string, std::string>{} : found->second;
}

std::string Oracle::subject_of(const Request& request) const {
  const std::string_view path = request.path;
  const std::string id = path_id(request), named = text(parsed(request.body), "identity_id");
  const std::string caller = token_of(request.caller).first;
  if (path == "/api/v1/identities") return request.verb == "POST" ? "new:" + key_of(request) : "";
  if (path == "/api/v1/tokens/jit") return named;
  if (path == "/api/v1/auth/tokens" && request.verb == "POST") return named.empty() ? caller : named;
  if (path == "/api/v1/auth/me" || path == "/authz/forward") return caller;
  if (path.starts_with("/oauth2/")) return token_of(form_value(request.body, "token")).first;
  if (path.find("/alerts/") != path.npos) return "alert:" + id;
  const auto owner = owner_.find(id);
  return owner == owner_.end() ? id : owner->second;
}

Caller Oracle::caller_of(const Request& request, const std::string& subject, const Subject& world, Moment at) const {
  Caller caller;
  bool dead_somewhere = false;
  std::tie(caller.subject, caller.id) = token_of(request.caller);
  if (given_up_.contains(caller.subject))  // may be anything
    return {true, true, caller.subject, caller.id, {.service = true, .grants = {"admin"}}};
  for (const auto& owner : caller.subject == subject ? std::vector{world} : worlds_of(caller.subject)) {
    if (!owner.tokens.contains(caller.id)) continue;
    caller.token = owner.tokens.at(caller.id);
    caller.may_live |= simulation::may_live(caller.token, at);
    dead_somewhere |= may_be_dead(caller.token, at) || owner.shaky;
  }
  caller.may_be_dead = !caller.may_live || dead_somewhere;
  return caller;
}

std::vector<Branch> Oracle::branches(const std::string& subject, const Subject& world, const Request& request,
                                      Moment at) const {
  const std::string id = path_id(request);
  const auto& shown = request.path == "/authz/forward" ? request.caller : form_value(request.body, "token");
  const std::string token = id.empty() ? token_of(shown).second : id;
  std::vector<Branch> all;
  for (const auto& now : struck(world, token)) {
    auto right = decide({request, rules_, now, at, caller_of(request, subject, now, at), subject, token,
                         name_taken(request, at)});
    std::ranges::move(right, std::back_inserter(all));
  }
  return all;
}

std::vector<Answer> Oracle::expect(const Request& request, Moment at) const {
  std::vector<Answer> all;
  const std::string subject = subject_of(request);
  for (const auto& world : worlds_of(subject))
    for (auto& branch : branches(subject, world, request, at)) all.push_back(std::move(branch.answer));
  return all;
}

// Keeps one of those that differ in uncertain times alone, and beyond a bound gives up.
void Oracle::keep(const std::string& subject, std::vector<Subject> worlds) {
  if (subject.empty()) return;
  std::vector<Subject> distinct, timeless;
  for (auto& world : worlds) {
    auto bare = worlds.size() > 1 ? without_times(world) : Subject{};
    const auto found = std::ranges::find(timeless, bare);
    if (found != timeless.end()) {
      widen(distinct[static_cast<size_t>(found - timeless.begin())], world);
      continue;
    }
    timeless.push_back(std::move(bare));
    distinct.push_back(std::move(world));
  }
  if (distinct.size() > kMostWorlds) given_up_.insert(subject);
  if (!given_up_.contains(subject)) subjects_[subject] = std::move(distinct);
}

std::string Oracle::judge(const Request& request, const Reply& reply, Moment at) {
  const bool doubt = reply.lost || reply.status == 503 || reply.header("Watchword-Reason") == "unavailable";
  if (doubt) return maybe(request, at), std::string();
  if (request.path == "/api/v1/events") {
    const auto used = event_keys_.find(key_of(request));
    const bool other = !request.idempotency_key.empty() && used != event_keys_.end() && used->second != request.body;
    if (reply.status == 422 && other) return {};
    if (reply.status == 200) return judge_events(request, reply, at);
  }
  const std::string subject = subject_of(request);
  if (given_up_.contains(subject) || given_up_.contains(token_of(request.caller).first)) {
    std::vector<Subject> none;
    if (reply.status == 201 && request.path != "/api/v1/identities") learn_token(request, parsed(reply.body), none);
    if (!given_up_.contains(subject)) maybe(request, at);  // by a caller of whom nothing is certain
    return {};
  }
  std::vector<Subject> left;
  std::string right;
  for (const auto& world : worlds_of(subject)) {
    for (auto& [answer, next] : branches(subject, world, request, at)) {
      if (matches(answer, reply)) left.push_back(std::move(next));
      right += " | " + std::to_string(answer.status) + " " + answer.code + json::serialize(answer.members);
    }
  }
  if (left.empty())
    return request.verb + " " + request.path + " by " + token_of(request.caller).second + " answered " + std::to_string(reply.status) + " " + reply.body +
           "; right would be" + right;
  keep(subject, std::move(left));
  if (reply.status / 100 == 2) learn(request, reply, subject);
  if (is_use(request)) shake(subject);
  return {};
}

void Oracle::maybe(const Request& request, Moment at) {
  if (request.path == "/api/v1/events") {
    event_keys_.try_emplace(key_of(request), request.body);
    return observed(request, {}, false);
  }
  const std::string subject = subject_of(request);
  auto all = worlds_of(subject);
  for (const auto& world : worlds_of(subject))
    for (auto& branch : branches(subject, world, request, at))
      if (branch.answer.status / 100 == 2) all.push_back(std::move(branch.next));
  for (auto& world : all) world.tokens.erase("?");
  if (const auto name = name_in(request); !name.empty()) names_.try_emplace(name, "?" + key_of(request));
  keep(subject, std::move(all));
  if (is_use(request)) shake(subject);
}

std::pair<bool, bool> Oracle::name_taken(const Request& request, Moment at) const {
  const auto found = names_.find(name_in(request));
  if (found == names_.end() || found->second == "?" + key_of(request)) return {false, false};
  if (found->first.starts_with("user ")) return {found->second.empty(), true};
  const auto owner = owner_.find(found->second);
  bool stands = owner != owner_.end();
  for (const auto& world : stands ? worlds_of(owner->second) : std::vector<Subject>{})
    stands &= !may_be_dead(world.tokens.at(found->second), at);
  return {stands, true};
}

void Oracle::assume(const std::string& subject, std::vector<Subject> worlds) { keep(subject, std::move(worlds)); }

bool Oracle::surely_dead(const std::string& token_id, Moment at) const {
  const auto owner = owner_.find(token_id);
  const auto worlds = owner == owner_.end() ? std::vector<Subject>{} : worlds_of(owner->second);
  return !worlds.empty() && std::ranges::none_of(worlds, [&](const Subject& world) {
    return world.tokens.contains(token_id) && may_live(world.tokens.at(token_id), at);
  });
}

void Oracle::shake(const std::string& subject) {
  auto worlds = worlds_of(subject);
  for (auto& world : worlds) world.shaky |= rules_.detection;
  if (subjects_.contains(subject)) keep(subject, std::move(worlds));
}

void Oracle::sent(const Request& request) {
  if (is_use(request)) seen_[subject_of(request)].push_back({"", true});
}

// Takes over what a new identity's answer says of it.
void Oracle::learn_identity(const Request& request, const json::object& body) {
  const json::object sent = parsed(request.body);
  const std::string id = text(body, "identity_id");
  Subject identity{.status = "active", .type = text(sent.at("identity_type").as_object(), "type")};
  set_limits(identity, sent);
  identity.lifetime_s = number(body, "max_token_lifetime_seconds").value_or(0);
  identity.attestation = body.at("requires_attestation").as_bool();
  identity.continuous = body.at("requires_continuous_auth").as_bool();
  if (const auto key = text(body, "api_key"); !key.empty()) {
    identity.tokens["api_key"] = {.service = true};
    texts_[key] = {id, "api_key"};
  }
  subjects_.try_emplace(id, std::vector{identity});
  if (const auto name = name_in(request); !name.empty()) names_[name] = id;
}

// Gives what was minted its real id.
void Oracle::learn_token(const Request& request, const json::object& body, std::vector<Subject>& worlds) {
  const std::string id = text(body, "token_id") + text(body, "id"), subject = subject_of(request);
  for (auto& world : worlds) {
    auto minted = world.tokens.extract("?" + request.idempotency_key);
    if (minted.empty()) continue;
    minted.key() = id;
    world.tokens.insert(std::move(minted));
  }
  texts_[text(body, "access_token") + text(body, "token")] = {subject, id};
  owner_[id] = subject;
  if (const auto name = name_in(request); !name.empty()) names_[name] = id;
}

void Oracle::learn(const Request& request, const Reply& reply, const std::string& subject) {
  const json::object body = parsed(reply.body);
  auto worlds = worlds_of(subject);
  for (auto& world : worlds) {
    const auto done = world.keys.find(key_of(request));
    if (done != world.keys.end() && done->second.answer.empty()) done->second.answer = reply.body;
  }
  const bool identity = request.path == "/api/v1/identities";
  if (reply.status == 201 && identity) learn_identity(request, body);
  if (reply.status == 201 && !identity) learn_token(request, body, worlds);
  for (auto& world : worlds) {
    const auto token = world.tokens.find(text(body, "token_id") + text(body, "id"));
    const int64_t expires_ms = time_ms(text(body, "expires_at")), issued_ms = time_ms(text(body, "issued_at"));
    if (token != world.tokens.end() && expires_ms > 0) token->second.expires = {expires_ms, expires_ms};
    if (token != world.tokens.end() && issued_ms > 0) token->second.issued = {issued_ms, issued_ms};
    if (subject.starts_with("alert:") && body.contains("status")) world.status = text(body, "status");
  }
  keep(subject, std::move(worlds));
}

// The events of a batch one by one: each may have been {accepted, a duplicate, rejected}.
std::string Oracle::judge_events(const Request& request, const Reply& reply, Moment at) {
  const json::object body = parsed(reply.body);
  auto& first = event_answers_[request.caller + request.content_type + request.body];
  if (!first.empty() && first == reply.body) return {};
  Strings rejected, bad;
  for (const auto& each : body.at("rejected").as_array())
    rejected.push_back(std::to_string(each.as_object().at("index").as_int64()));
  std::map<std::string, int> in_batch;
  int64_t surely = 0, perhaps = 0, index = 0;
  for (const auto& each : request.observations) {
    const auto may = event_may(request, each, in_batch, at);
    const bool was_rejected = std::ranges::count(rejected, std::to_string(index++)) > 0;
    if (was_rejected ? !may.be_rejected : !may.be_accepted && !may.be_duplicate)
      bad.push_back(std::to_string(index - 1));
    surely += !was_rejected && may.be_accepted && !may.be_duplicate;
    perhaps += !was_rejected && may.be_accepted;
  }
  const int64_t accepted = body.at("accepted").as_int64(), duplicates = body.at("duplicates").as_int64();
  if (request.spoiled) return rejected.empty() ? "nothing of what is no batch was rejected" : "";
  const auto count = static_cast<int64_t>(request.observations.size() - rejected.size());
  observed(request, rejected, true);
  event_keys_[key_of(request)] = request.body;
  first = reply.body;
  if (bad.empty() && accepted + duplicates == count && surely <= accepted && accepted <= perhaps) return {};
  return "POST /api/v1/events answered " + reply.body + "; right would be " + std::to_string(surely) + " to " +
         std::to_string(perhaps) + " accepted of " + std::to_string(index) +
         (bad.empty() ? "" : ", and otherwise about number " + bad.front());
}

Oracle::EventMay Oracle::event_may(const Request& request, const json::value& each,
                                   std::map<std::string, int>& in_batch, Moment at) const {
  if (!each.is_object()) return {false, false, true};
  const auto& seen = each.as_object();
  const std::string principal = principal_of(seen), event = text(seen, "source") + " " + text(seen, "id");
  const int64_t time = seen.contains("time") && seen.at("time").is_string() ? time_ms(text(seen, "time")) : 0;
  if (time > at.to_ms + kAheadMs) return {false, false, true};
  const auto [owner, id] = token_of(request.caller);
  for (const auto& world : worlds_of(owner)) {
    const auto token = world.tokens.find(id);
    if (token == world.tokens.end() || token->second.sources.empty()) continue;
    if (!std::ranges::count(token->second.sources, text(seen, "source"))) return {false, false, true};
  }
  const bool unclear = time <= 0 || time > at.from_ms + kAheadMs || request.odd ||
                       (!principal.starts_with("foreign:") && worlds_of(principal).front().status.empty());
  const int before = in_batch[principal + " " + event]++;
  const auto found = seen_.find(principal);
  const std::vector<Seen> none;
  const auto& past = found == seen_.end() ? none : found->second;
  const auto last = std::find_if(past.rbegin(), past.rend(), [&](const Seen& s) { return s.event == event; });
  if (before > 0) return {unclear, true, unclear};
  if (last == past.rend()) return {true, false, unclear};
  const bool surely = last->sure && last - past.rbegin() + std::ssize(request.observations) < kRemembered;
  return {!surely, true, unclear};
}

void Oracle::observed(const Request& request, const Strings& rejected, bool sure) {
  int64_t index = -1;
  for (const auto& each : request.observations) {
    ++index;
    if (!each.is_object() || std::ranges::count(rejected, std::to_string(index))) continue;
    const std::string principal = principal_of(each.as_object());
    const std::string event = text(each.as_object(), "source") + " " + text(each.as_object(), "id");
    auto& past = seen_[principal];
    const auto last = std::find_if(past.rbegin(), past.rend(), [&](const Seen& s) { return s.event == event; });
    const bool recent = last != past.rend() && last - past.rbegin() < kRemembered;
    recent ? void(last->sure |= sure) : past.push_back({event, sure && last == past.rend()});
    shake(principal);
  }
}

}  // namespace watchword::simulation
