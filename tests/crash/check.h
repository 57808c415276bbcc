// After a restart: does the node agree with what its clients were told?
#pragma once
#include <functional>
#include <random>

#include "tests/crash/record.h"
#include "tests/support/node.h"

namespace watchword::testing {

// What of a record has been looked at since it last changed.
struct Looked {
  size_t identities = 0, tokens = 0, service_tokens = 0, alerts = 0, watched = 0, calls = 0;
};

class Checker {
 public:
  // `everything`: also what was checked before; else that, and some older ones.
  Checker(Record& record, Looked& looked, Caller caller, Findings& findings, uint64_t seed,
          bool everything);

  // The first reads after a restart: whatever was acknowledged as ended is refused.
  void ended_stays_ended();
  // Then what was asked for and not answered: it happened or it did not; the record says which from
  // now on.
  void settle_pending();
  void all_else();

 private:
  void settle_creation(Pending& pending);
  void settle_change(Pending& pending);
  void settle_observation(Pending& pending);
  bool settled_status(const Pending& pending, const std::string& target, const std::string& from);
  void identity(const KnownIdentity& known);
  void token(const KnownToken& known);
  void service_token(const KnownServiceToken& known);
  void alert(const KnownAlert& known);
  void watched(const KnownWatched& known);
  void call(const KnownCall& known);
  void batch(const KnownCall& known);
  void positions();
  void refused(const std::string& secret, const std::string& what);
  Answer get(const std::string& target);
  Answer repeat(const KnownCall& call, std::string_view before_body = {});
  void expect(bool holds, const std::string& what) {
    if (!holds) findings_.add("after the restart: " + what);
  }
  template <class Item>
  void each(const std::vector<Item>& items, size_t from,
            const std::function<void(const Item&)>& look);

  Record& record_;
  Looked& looked_;
  Caller caller_;
  Findings& findings_;
  std::mt19937_64 random_;
  const bool everything_;
};

// Granted uses are counted, none too many; through any client.
void check_shared(const SharedToken& token, Caller caller, Findings& findings);

}  // namespace watchword::testing
