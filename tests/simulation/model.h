// What every answer should have been, from the HTTP contract alone: a second opinion in maps and vectors, of one subject
// (an identity with its tokens, or an alert) in one known state. What was lost on the way is oracle.h's.
//
// Where the contract leaves open which of several refusals comes first, or what asking for the state that already stands
// answers, all of them are right.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/request.h"

namespace watchword::simulation {

using Strings = std::vector<std::string>;  // sorted

// An instant that lies within, both ends included.
struct Moment {
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  bool vague = false;  // by a clock that may be wrong: what seems to be over by it need not be
  bool operator==(const Moment&) const = default;
};

struct Token {
  bool service = false;
  bool revoked = false;
  bool ended = false;  // was seen expired or used up
  Strings grants;      // scopes or permissions
  Strings sources;     // that its observations may claim; none: any
  Moment issued;
  Moment expires{INT64_MAX, INT64_MAX};
  std::optional<int64_t> max_usage;
  int64_t uses = 0;  // of a token with a limit
  bool operator==(const Token&) const = default;
};

// What an idempotency key remembers.
struct Done {
  std::string body, answer;
  int status = 0;
  Moment at;
  bool operator==(const Done&) const = default;
};

struct Subject {
  std::string status;  // empty: there is none
  std::string type;
  Strings scopes, networks;
  std::optional<std::pair<int64_t, int64_t>> hours;
  bool hours_unclear = false;
  int64_t lifetime_s = 0;
  bool attestation = false, continuous = false;
  bool shaky = false;  // detection may strike it at any time
  std::map<std::string, Token> tokens;
  std::map<std::string, Done> keys;
  bool operator==(const Subject&) const = default;
};

// An answer that would be right. In `members`, {"from":a,"to":b} is any time within, {"most":n} any number up to n, and a
// name with "Watchword-" a header.
struct Answer {
  int status = 0;
  std::string code;  // part of the problem's code
  boost::json::object members;
  bool exact = false;  // no other members
};

// The answer and the subject after it.
struct Branch {
  Answer answer;
  Subject next;
};

struct Rules {
  bool detection = true;  // signals are on: responses may revoke and suspend
  std::map<std::string, int64_t> lifetime_s{{"ServiceAccount", 3600}, {"AIAgent", 300}, {"ApiKey", 1800}};
};

// Who asks; no token at all is a dead one.
struct Caller {
  bool may_live = false, may_be_dead = true;
  std::string subject, id;
  Token token;
  bool may(std::string_view permission) const;
};

// A request, and all that its answer depends on.
struct Turn {
  const Request& request;
  const Rules& rules;
  const Subject& world;  // whom it is about
  Moment at;             // when it is decided
  Caller caller;
  std::string subject, token;   // ids of whom and of which token it is about
  std::pair<bool, bool> taken;  // whether its unique name is: surely, perhaps
  std::string id{};             // the path's
  boost::json::object body{};
};

// Every right answer, with the subject after it. What is minted bears the id "?" with the idempotency key until its real
// one is known.
std::vector<Branch> decide(Turn turn);

// The id that the path names, empty when there is none.
std::string path_id(const Request& request);
bool may_live(const Token& token, Moment at);
bool may_be_dead(const Token& token, Moment at);
void kill_tokens(Subject& subject);
// Takes what a registration or a change says.
void set_limits(Subject& subject, const boost::json::object& body);
std::string key_of(const Request& request);

}  // namespace watchword::simulation
