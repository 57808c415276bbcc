// Tests of aggregates that read like the rule: given(history).when(command).then(events), or
// .then(refused("reason")).
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "events/base/result.h"
#include "schemas/envelope.pb.h"

namespace watchword::testing {

struct Refused {
  std::string_view reason;
};
inline Refused refused(std::string_view reason) { return {reason}; }

template <class Event>
class Then {
 public:
  explicit Then(Result<std::vector<Event>> outcome) : outcome_(std::move(outcome)) {}

  void then(const std::vector<Event>& expected) const {
    ASSERT_TRUE(outcome_.ok()) << "refused: " << outcome_.error().reason << " "
                               << outcome_.error().detail;
    ASSERT_EQ(text(outcome_.value()), text(expected));
  }
  void then(const Refused& expected) const {
    ASSERT_FALSE(outcome_.ok()) << "decided: " << text(outcome_.value());
    EXPECT_EQ(outcome_.error().reason, expected.reason) << outcome_.error().detail;
  }
  void then_nothing() const { then(std::vector<Event>{}); }
  // Of a refusal: what the caller may branch on.
  void then(Errc code, std::string_view reason) const {
    then(refused(reason));
    ASSERT_FALSE(outcome_.ok());
    EXPECT_EQ(outcome_.error().code, code);
  }
  const Result<std::vector<Event>>& outcome() const { return outcome_; }

 private:
  static std::string text(const std::vector<Event>& events) {
    std::string all;
    for (const Event& event : events) all += event.DebugString() + "--\n";
    return all;
  }
  Result<std::vector<Event>> outcome_;
};

// `Spec` names State and Event, makes envelopes, and knows what decide is told besides the state:
//   v1::Envelope envelope() const;
//   template <class Command> Result<std::vector<Event>> decide(const State*, const Command&) const;
//   State evolve(State, const v1::Envelope&, const Event&) const;
template <class Spec>
class Given {
 public:
  using State = typename Spec::State;
  using Event = typename Spec::Event;

  Given(Spec spec, const std::vector<Event>& history) : spec_(std::move(spec)) {
    for (const Event& event : history) {
      state_ = spec_.evolve(std::move(state_), spec_.envelope(), event);
      exists_ = true;
    }
  }
  template <class Command>
  Then<Event> when(const Command& command) const {
    return Then<Event>(spec_.decide(exists_ ? &state_ : nullptr, command));
  }
  const State& state() const { return state_; }

 private:
  Spec spec_;
  State state_;
  bool exists_ = false;
};

}  // namespace watchword::testing
