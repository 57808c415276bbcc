// One client under a node that may die at any moment: it asks for one thing after another and
// writes down what it was told.
#pragma once
#include <functional>
#include <random>
#include <string>

#include "tests/crash/record.h"
#include "tests/support/node.h"

namespace watchword::testing {

// What a cycle wants more of, so that its crash point comes soon.
enum class Emphasis : uint8_t { mixed, bulk, people };

class Client {
 public:
  // `name` is unique over a whole run: names, keys and event ids are made of it.
  Client(Record& record, SharedToken& shared, Caller caller, Findings& findings, std::string name,
         uint64_t seed, Emphasis emphasis);

  // Until the node does not answer, or `over`.
  void run(const std::function<bool()>& over);
  // One of them; false: it was not answered.
  bool watch_one();
  bool register_one();
  bool issue_one();
  bool use_one();
  bool use_shared();
  bool end_one();     // revokes, and presents what was revoked
  bool change_one();  // suspends, reactivates, retires
  bool triage_one();
  bool create_service_token();
  bool revoke_service_token();
  bool observe_one();
  bool observe_strangers();
  bool repeat_one();

 private:
  bool act();
  std::optional<Answer> ask(Pending pending, std::string_view verb, int expected);
  std::string fresh(std::string_view kind);
  uint64_t draw(uint64_t below) { return random_() % below; }
  std::string maybe_key();
  // One of the last few; nothing when there is none.
  template <class Item>
  std::optional<size_t> recent(const std::vector<Item>& items);
  void keep_call(const KnownCall& call, const Answer& answer, std::string_view pointer);

  Record& record_;
  SharedToken& shared_;
  Caller caller_;
  Findings& findings_;
  const std::string name_;
  std::mt19937_64 random_;
  const Emphasis emphasis_;
  uint64_t made_ = 0;
};

// "is new" or an inactive one, when it is not exactly the answer that RFC 7662 gives of a bad
// token.
inline constexpr std::string_view kDead = R"({"active":false})";
// How many of the last made a client may still change.
inline constexpr size_t kRecent = 12;

std::string describe(const KnownCall& call, const Answer& answer);

}  // namespace watchword::testing
