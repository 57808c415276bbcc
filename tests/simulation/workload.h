// Clients of a simulated world: they send, they compare each answer with what the model says and the checkers demand, and
// they send again what was lost. Never more than one request about a subject is under way, but for races, whose answers must
// have an order that explains them.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/checkers.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/requests.h"
#include "tests/simulation/violation.h"
#include "tests/simulation/world.h"

namespace watchword::simulation {

class Workload {
 public:
  explicit Workload(World& world);

  // Before each step: perhaps sends. Throws the Violation that an answer since the last call was.
  void act();
  bool idle() const { return under_way_ == 0; }

  // When faults have stopped and the world is quiet: everything that was asked is answered, and everything known about
  // tokens and identities is asked once more. Drives the world.
  void at_rest();

  // Of every answer that names one.
  std::function<void(const Position&)> on_position;

 private:
  struct Race {
    std::vector<std::pair<Request, Reply>> answers;
    size_t missing = 0;
    std::string subject;
    int64_t from_ms = 0;
  };
  std::vector<std::string> locks_of(const Request& request) const;
  bool lock(const std::vector<std::string>& names);
  void unlock(const std::vector<std::string>& names);
  Request probe_first(Request request) const;
  void send(Request request);
  void send_race();
  void transmit(const Request& request, std::function<void(const Reply&)> answered);
  void judge(const Request& request, const Reply& reply, int64_t from_ms);
  void judge_race(const Race& race);
  bool explains(const Race& race, Moment at);
  void accept_clock();
  void ask_everything();
  void run_until_idle();
  int64_t earliest_ms() const;
  int64_t latest_ms() const;
  void watch_the_clock();
  static bool is_doubt(const Reply& reply);

  World& world_;
  Oracle oracle_;
  Checkers checkers_;
  Chance chance_;
  Requests requests_;
  std::set<std::string> locked_;
  std::vector<Request> again_;
  std::optional<Violation> failed_;
  size_t under_way_ = 0;
  std::list<int64_t> under_way_since_ms_;  // by the earliest clock that may decide them
  uint64_t restarts_ = 0;
  bool clock_is_true_ = true;  // of this life, from its beginning
};

}  // namespace watchword::simulation
