#include "tests/simulation/checkers.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <unordered_map>

#include "events/crypto/encoding.h"
#include "stores/journal/frame.h"
#include "tests/simulation/reading.h"
#include "tests/simulation/violation.h"

namespace watchword::simulation {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr int64_t kDriftMs = 5'000;  // that a clock may be off without anybody's doubt
constexpr int64_t kKeptMs = 23 * 3'600'000;  // for so long at least a key is remembered
constexpr size_t kRemembered = 64;  // observations of a principal, against which a new one is compared

bool is_active(const json::object& body) {
  const auto* active = body.if_contains("active");
  return active != nullptr && active->is_bool() && active->as_bool();
}

bool is_public(const Request& request) {
  return request.path == "/api/v1/system/health" || request.path.starts_with("/.well-known/");
}

std::string shown_token(const Request& request) {
  return request.path == "/authz/forward" ? request.caller : form_value(request.body, "token");
}

std::string event_of(const json::object& seen) { return text(seen, "source") + '\n' + text(seen, "id"); }

}  // namespace

void Checkers::answered(const Request& request, const Reply& reply, uint64_t sent, int64_t now_ms) {
  tick();
  // Done or not, also where its answer was lost.
  if (request.path.ends_with("/baseline-reset"))
    observations_.erase(request.path.substr(0, request.path.rfind('/')) + "/metrics");
  if (reply.lost) return;
  const json::object body = parsed(reply.body);
  well_formed(request, reply);
  shows_no_secret(request, reply);
  fails_closed(request, reply, body);
  if (reply.status / 100 != 2) return;
  changes_name_their_position(request, reply);
  learns(request, reply, body);
  const auto by = id_of_.find(request.caller);
  if (by != id_of_.end() && !is_public(request)) monotone_revocation(by->second, sent, "as a caller of " + request.path);
  const auto shown = id_of_.find(shown_token(request));
  const bool passed = is_active(body) || request.path == "/authz/forward";
  if (passed && shown != id_of_.end()) monotone_revocation(shown->second, sent, "at " + request.path);
  if (request.path.starts_with("/api/v1/tokens/") && text(body, "status") == "active")
    monotone_revocation(text(body, "token_id"), sent, "as shown");
  if (request.path.starts_with("/api/v1/auth/tokens/") && text(body, "status") == "active")
    monotone_revocation(text(body, "id"), sent, "as shown");
  monotone_lists(body, sent);
  if (passed) at_most_one_winner(request, body);
  one_effect_per_key(request, body, now_ms);
  counters_grow(request, body, sent);
  ends(request, reply, sent);
  if (request.path == "/api/v1/events") remembers_observations(request, body);
}

void Checkers::learns(const Request& request, const Reply& reply, const json::object& body) {
  if (reply.status != 201 || request.path == "/api/v1/identities") return;
  const std::string id = text(body, "token_id") + text(body, "id");
  Token token;
  token.text = text(body, "access_token") + text(body, "token");
  const auto sent = parsed(request.body);
  token.owner = request.path == "/api/v1/tokens/jit" ? text(sent, "identity_id") : text(body, "identity_id");
  token.max_usage = number(sent, "max_usage").value_or(0);
  token.issued = tick_;
  id_of_[token.text] = id;
  tokens_.try_emplace(id, token);
}

void Checkers::end(const std::string& id) {
  const auto found = tokens_.find(id);
  if (found != tokens_.end() && found->second.ended == 0) found->second.ended = tick_;
}

// What the answer says is over from now on.
void Checkers::ends(const Request& request, const Reply& reply, uint64_t sent) {
  const std::string& path = request.path;
  const std::string last = path.substr(path.rfind('/') + 1);
  if (request.verb == "DELETE") end(last);
  if (path == "/oauth2/revoke" && id_of_.contains(shown_token(request))) end(id_of_.at(shown_token(request)));
  const json::object body = parsed(reply.body);
  const std::string status = text(body, "status");
  const bool tells_end = status == "revoked" || status == "exhausted";  // "expired" may be a wrong clock's opinion
  if (request.verb == "GET" && path.find("/tokens/") != path.npos && tells_end) end(last);
  if (const int64_t expires_ms = time_ms(text(body, "expires_at")); expires_ms > 0 && tokens_.contains(last))
    tokens_.at(last).expires_ms = expires_ms;
  if (last != "suspend" && last != "retire") return;
  if (!request.idempotency_key.empty() && last == "suspend") return;  // it may repeat what was long ago
  for (auto& [id, token] : tokens_)
    if (token.issued < sent && path == "/api/v1/identities/" + token.owner + "/" + last) end(id);
}

// Invariants 5 and 9: what was said to be over, or is by the true clock, is over for every read that starts later.
void Checkers::monotone_revocation(const std::string& id, uint64_t sent, const std::string& where) const {
  const auto found = tokens_.find(id);
  if (found == tokens_.end()) return;
  const Token& token = found->second;
  if (token.ended != 0 && token.ended <= sent)
    throw Violation("monotone_revocation", "token " + id + " was told to be over and is active again " + where);
  if (token.expires_ms != 0 && world_.true_ms() > token.expires_ms + kDriftMs)
    throw Violation("expired_for_ever", "token " + id + " has expired and is active " + where);
}

void Checkers::monotone_lists(const json::object& body, uint64_t sent) const {
  const auto* items = body.if_contains("items");
  if (items == nullptr || !items->is_array()) return;
  for (const auto& item : items->as_array())
    if (item.is_object() && text(item.as_object(), "status") == "active")
      monotone_revocation(text(item.as_object(), "id"), sent, "in a list");
}

// Invariant 8, of uses.
void Checkers::at_most_one_winner(const Request& request, const json::object&) {
  const auto id = id_of_.find(shown_token(request));
  if (id == id_of_.end()) return;
  Token& token = tokens_.at(id->second);
  if (token.max_usage != 0 && ++token.passed > token.max_usage)
    throw Violation("at_most_one_winner", "token " + id->second + " passed " + std::to_string(token.passed) +
                                              " times of " + std::to_string(token.max_usage));
}

// Invariant 8, of names and keys: one call makes one thing, however often it is sent.
void Checkers::one_effect_per_key(const Request& request, const json::object& body, int64_t now_ms) {
  const bool jit = request.path == "/api/v1/tokens/jit", identity = request.path == "/api/v1/identities";
  const bool service = request.path == "/api/v1/auth/tokens";
  if (request.verb != "POST" || (!jit && !identity && !service)) return;
  const std::string made = text(body, jit ? "token_id" : identity ? "identity_id" : "id");
  if (service) {
    const auto [name, fresh] = names_.try_emplace(text(body, "token_name"), made);
    if (!fresh && name->second != made && tokens_.at(name->second).ended == 0)
      throw Violation("at_most_one_winner", "the name " + name->first + " is of two tokens");
    name->second = made;
  }
  if (request.idempotency_key.empty()) return;
  const std::string key = request.caller + request.path + ' ' + request.idempotency_key;
  const auto [first, fresh] = keyed_.try_emplace(key, Keyed{made, now_ms});
  if (!fresh && first->second.made != made && now_ms - first->second.at_ms < kKeptMs)
    throw Violation("one_effect_per_key", "one key made " + first->second.made + " and " + made);
  first->second = {made, now_ms};
}

// Invariant 7, of the counters that there are: uses of a token, observations of an identity.
void Checkers::counters_grow(const Request& request, const json::object& body, uint64_t sent) {
  const bool metrics = request.path.ends_with("/metrics");
  const auto value = number(body, metrics ? "successes" : "usage_count");
  if (request.verb != "GET" || !value) return;
  auto& counter = observations_[metrics ? request.path : "uses " + text(body, "token_id")];
  if (counter.read != 0 && counter.read < sent && *value < counter.value)
    throw Violation("counters_grow", request.path + " counted " + std::to_string(counter.value) + " and now " +
                                         std::to_string(*value));
  if (*value >= counter.value) counter = {tick_, *value};
}

// Invariant 6: what was never handed out opens nothing.
void Checkers::fails_closed(const Request& request, const Reply& reply, const json::object& body) const {
  const bool known = id_of_.contains(request.caller) || request.caller == world_.admin_token();
  if (!known && !is_public(request) && reply.status / 100 == 2)
    throw Violation("fails_closed", request.verb + " " + request.path + " answers a caller without a token");
  if (is_active(body) && !id_of_.contains(shown_token(request)) && shown_token(request) != world_.admin_token())
    throw Violation("fails_closed", "a token that was never handed out is active");
  if (reply.status >= 500 && reply.status != 503)
    throw Violation("fails_closed", request.verb + " " + request.path + " answers " + std::to_string(reply.status));
}

void Checkers::well_formed(const Request& request, const Reply& reply) const {
  const auto complain = [&](const std::string& what) {
    throw Violation("well_formed", request.verb + " " + request.path + " answers " + std::to_string(reply.status) +
                                       " " + what + ": " + reply.body.substr(0, 300));
  };
  if (reply.status < 400 || request.path == "/authz/forward" || reply.body.empty()) return;
  const auto body = parsed(reply.body);
  if (request.path.starts_with("/oauth2/") && body.contains("error")) return;
  if (request.path == "/api/v1/system/health") return;
  if (text(body, "code").empty() || text(body, "request_id").empty()) complain("without code or request_id");
  if (number(body, "status") != reply.status) complain("with another status in its body");
}

// Invariant 15, of answers: a secret is told once, to whom it is made for.
void Checkers::shows_no_secret(const Request& request, const Reply& reply) const {
  const bool mints = request.verb == "POST" && reply.status == 201;
  if (!mints && reply.body.find("sk_") != reply.body.npos)
    for (const auto& [text, id] : id_of_)
      if (text.starts_with("sk_") && reply.body.find(text) != reply.body.npos)
        throw Violation("no_secret", request.path + " tells the secret of token " + id);
  const std::string shown = shown_token(request);
  if (!mints && shown.size() > 20 && reply.body.find(shown) != reply.body.npos)
    throw Violation("no_secret", request.path + " repeats the token that was shown to it");
}

// API: the position stands on every change.
void Checkers::changes_name_their_position(const Request& request, const Reply& reply) const {
  const bool reads = request.verb == "GET" || request.path.starts_with("/authz/") ||
                     request.path.starts_with("/oauth2/") || request.path == "/api/v1/events" ||
                     request.path == "/api/v1/system/clock/accept";
  if (!reads && reply.header("Watchword-Position").empty())
    throw Violation("changes_name_their_position", request.verb + " " + request.path + " names no position");
}

void Checkers::remembers_observations(const Request& request, const json::object& body) {
  if (!body.contains("rejected")) return;
  const auto& rejected = body.at("rejected").as_array();
  for (const auto& each : rejected) {
    const auto index = static_cast<size_t>(each.at("index").as_int64());
    if (text(each.as_object(), "code") == "time_out_of_range" && index < request.observations.size())
      letters_.insert(event_of(request.observations[index].as_object()));
  }
  if (!rejected.empty()) return;
  for (const auto& each : request.observations) accepted_.insert(event_of(each.as_object()));
}

void Checkers::at_rest(const std::vector<std::string>& secrets) {
  for (uint32_t number = 0; number < world_.engine().partitions(); ++number) observations_kept_once(number);
  if (!accepted_.empty())
    throw Violation("exactly_once_effect", "an observation that was answered is not in the journal: " + *accepted_.begin());
  if (!letters_.empty())
    throw Violation("poison_isolation", "a refused observation is no dead letter: " + *letters_.begin());
  no_secret_in_files(secrets);
}

// Invariants 2 and 16: of a principal's last observations no two are the same one.
void Checkers::observations_kept_once(uint32_t partition) {
  std::map<std::string, std::deque<std::string>> last;
  const auto read = world_.engine().partition(partition).journal->read(1, [&](const journal::Stored& stored) -> Result<> {
    const auto view = journal::FrameView::open(stored.bytes);
    if (!view) return view.error();
    return view->each(
        [&](uint32_t, const v1::Event& event) -> Result<> {
          const auto& letter = event.control().dead_lettered();
          letters_.erase(letter.source() + '\n' + letter.id());
          return {};
        },
        [&](uint32_t, const journal::Judged& judged) -> Result<> {
          v1::Observation seen;
          seen.ParseFromArray(judged.observation.data(), static_cast<int>(judged.observation.size()));
          const std::string event = seen.source() + '\n' + seen.id();
          accepted_.erase(event);
          auto& past = last[seen.principal()];
          if (std::ranges::find(past, event) != past.end())
            throw Violation("exactly_once_effect", "observation " + event + " stands twice in the journal");
          past.push_back(event);
          if (past.size() >= kRemembered) past.pop_front();
          return {};
        });
  });
  if (!read) throw Violation("exactly_once_effect", "the journal cannot be read: " + read.error().detail);
}

namespace {

// Finds many texts in one pass, by their first eight bytes.
class Search {
 public:
  void add(const std::string& needle) {
    if (needle.size() < 16) return;
    needles_[first(needle.data())].push_back(needle);
  }
  // The text that was found, empty if none was.
  std::string in(const std::string& hay) const {
    for (size_t at = 0; at + 8 <= hay.size(); ++at) {
      const uint64_t start = first(hay.data() + at);
      if (start == 0) continue;
      const auto found = needles_.find(start);
      if (found == needles_.end()) continue;
      for (const auto& needle : found->second)
        if (hay.compare(at, needle.size(), needle) == 0) return needle;
    }
    return {};
  }

 private:
  static uint64_t first(const char* at) {
    uint64_t value = 0;
    std::memcpy(&value, at, 8);
    return value;
  }
  std::unordered_map<uint64_t, std::vector<std::string>> needles_;
};

}  // namespace

// Invariant 15: no secret stands anywhere, in no spelling.
void Checkers::no_secret_in_files(const std::vector<std::string>& secrets) const {
  Search search;
  for (const auto& secret : secrets) {
    const std::string coded = crypto::base64url(secret);
    std::string plain = coded;
    std::ranges::replace(plain, '-', '+');
    std::ranges::replace(plain, '_', '/');
    for (const auto& spelling : {secret, crypto::hex(secret), coded, plain, percent_encoded(secret)}) search.add(spelling);
    if (!secret.starts_with("sk_")) continue;
    search.add(secret.substr(3));
    if (const auto raw = crypto::from_hex(secret.substr(3))) search.add(*raw);
  }
  const auto look = [&](const std::string& where, const std::string& content) {
    if (const auto found = search.in(content); !found.empty())
      throw Violation("no_secret", where + " holds " + found.substr(0, 60));
  };
  for (const auto& path : world_.journal_paths()) look(path, world_.disk_content(path));
  for (const auto& warning : world_.warnings()) look("a warning", warning);
  for (const auto& entry : fs::recursive_directory_iterator(world_.directory() + "/node")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    look(entry.path().string(), std::string(std::istreambuf_iterator<char>(file), {}));
  }
}

}  // namespace watchword::simulation
