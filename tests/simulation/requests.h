// What clients ask in a simulated world: every route, every kind of observation, decent and hostile, about principals of which
// a few are busy. Clients know what they were told, and no more.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/chance.h"
#include "tests/simulation/request.h"

namespace watchword::simulation {

class Requests {
 public:
  Requests(Chance chance, std::string admin_token, std::function<int64_t()> wall_ms)
      : chance_(chance), admin_(std::move(admin_token)), wall_ms_(std::move(wall_ms)) {}

  Request next();
  // Requests about one subject, to be sent at once: who wins is anybody's guess, that one wins is not.
  std::vector<Request> race();
  // The same call once more, as after a lost answer.
  Request again(Request request);
  // Takes over ids and tokens from an answer.
  void heard(const Request& request, const Reply& reply);

  // Reads of all that is known: each identity, each token.
  std::vector<Request> everything() const;

  // Every secret that an answer showed, and names of people: what may stand nowhere.
  const std::vector<std::string>& secrets() const { return secrets_; }

 private:
  struct Known {
    std::string id, type;
  };
  struct Held {
    std::string text, id, owner;
    bool limited = false;
  };
  using Make = Request (Requests::*)();
  struct Kind {
    uint64_t weight;
    Make make;
  };
  static const std::vector<Kind>& kinds();

  Request call(std::string verb, std::string path, std::string body = {});
  Request change(std::string verb, std::string path, std::string body = {});
  Request spoilt(Request request);
  std::string hostile_text();
  std::string hostile_token();
  std::string stranger();
  std::string text(const std::string& prefix);
  const std::string& identity();
  const Held* jit();
  const Held* service();
  std::string reason();
  std::string duration();
  boost::json::object limits();
  boost::json::object observation();
  std::string event_time();
  boost::json::array batch();
  Request encoded(boost::json::array observations);
  std::string as_protobuf(const boost::json::array& observations);

  Request registering();
  Request showing();
  Request changing();
  Request suspending();
  Request reactivating();
  Request retiring();
  Request relearning();
  Request reporting();
  Request issuing();
  Request showing_token();
  Request revoking();
  Request introspecting();
  Request forwarding();
  Request surrendering();
  Request creating();
  Request showing_service_token();
  Request revoking_service_token();
  Request asking_who();
  Request listing();
  Request looking_around();
  Request triaging();
  Request observing();
  Request accepting_clock();
  Request repeating();
  Request intruding();
  Request losing_the_way();

  Chance chance_;
  std::string admin_;
  std::function<int64_t()> wall_ms_;
  std::vector<Known> identities_;
  std::vector<Held> jit_, service_;
  std::vector<std::string> alerts_, positions_, secrets_;
  std::deque<Request> keyed_;
  std::deque<boost::json::object> observed_;
  uint64_t number_ = 0;
};

}  // namespace watchword::simulation
