// Invariants that answers alone can break, each a rule with a name; what must hold of the journal and rows is in standing.h.
// They know less than the model and so make fewer mistakes: races, crashes and lost answers do not soften them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/request.h"
#include "tests/simulation/world.h"

namespace watchword::simulation {

class Checkers {
 public:
  explicit Checkers(World& world) : world_(world) {}

  // Numbers sendings and answers in their order.
  uint64_t tick() { return ++tick_; }

  // Throws a Violation. `sent`: tick() at the sending; `now_ms`: by the latest of all clocks.
  void answered(const Request& request, const Reply& reply, uint64_t sent, int64_t now_ms);

  // When nothing is under way: what the journal and all files hold of what was told and shown.
  void at_rest(const std::vector<std::string>& secrets);

 private:
  struct Token {
    std::string owner, text;
    uint64_t issued = 0;      // tick of the answer
    uint64_t ended = 0;       // tick of the answer that said so; 0: none did
    int64_t max_usage = 0, passed = 0, expires_ms = 0;
  };
  struct Keyed {
    std::string made;
    int64_t at_ms = 0;
  };
  struct Counter {
    uint64_t read = 0;  // tick
    int64_t value = 0;
  };
  void learns(const Request& request, const Reply& reply, const boost::json::object& body);
  void ends(const Request& request, const Reply& reply, uint64_t sent);
  void end(const std::string& id);
  void monotone_revocation(const std::string& id, uint64_t sent, const std::string& where) const;
  void monotone_lists(const boost::json::object& body, uint64_t sent) const;
  void at_most_one_winner(const Request& request, const boost::json::object& body);
  void one_effect_per_key(const Request& request, const boost::json::object& body, int64_t now_ms);
  void counters_grow(const Request& request, const boost::json::object& body, uint64_t sent);
  void fails_closed(const Request& request, const Reply& reply, const boost::json::object& body) const;
  void well_formed(const Request& request, const Reply& reply) const;
  void shows_no_secret(const Request& request, const Reply& reply) const;
  void changes_name_their_position(const Request& request, const Reply& reply) const;
  void remembers_observations(const Request& request, const boost::json::object& body);
  void observations_kept_once(uint32_t partition);
  void no_secret_in_files(const std::vector<std::string>& secrets) const;

  World& world_;
  uint64_t tick_ = 0;
  std::map<std::string, Token> tokens_;          // by id
  std::map<std::string, std::string> id_of_;     // text -> id
  std::map<std::string, std::string> names_;     // of service tokens -> id
  std::map<std::string, Keyed> keyed_;           // by caller, route and key
  std::map<std::string, Counter> observations_;  // of each identity
  std::set<std::string> accepted_, letters_;     // source and id: surely in the journal; surely dead letters
};

}  // namespace watchword::simulation
