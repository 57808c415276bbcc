#include "events/domain/alert.h"

#include <gtest/gtest.h>

#include "tests/support/given.h"

namespace watchword::domain::alert {
namespace {

using watchword::testing::Given;
using watchword::testing::refused;

constexpr int64_t kNow = 1'754'654'400'000;
const std::string kPrincipal = "0123456789abcdef";
const std::string kAlert = "alertalertalert1", kOther = "alertalertalert2";

struct Spec {
  using State = v1::AlertState;
  using Event = v1::AlertEvent;

  v1::Envelope envelope() const {
    v1::Envelope made;
    made.set_subject(kPrincipal);
    made.set_at_ms(kNow);
    return made;
  }
  State evolve(State state, const v1::Envelope& envelope, const Event& event) const {
    return alert::evolve(std::move(state), envelope, event);
  }
  Result<Events> decide(const State* state, const Triage& command) const {
    return alert::decide(state, command);
  }
};
Given<Spec> given(const Events& history) { return {Spec{}, history}; }

v1::OpenAlerts open_after(const Events& history) {
  v1::OpenAlerts open;
  for (const auto& event : history) open = evolve(std::move(open), Spec{}.envelope(), event);
  return open;
}

v1::AlertSignal signal(std::string name) {
  v1::AlertSignal made;
  made.set_name(std::move(name));
  made.set_share(65536);
  return made;
}
v1::AlertResponse response(std::string action, bool undone = false) {
  v1::AlertResponse made;
  made.set_action(std::move(action));
  made.set_undone(undone);
  return made;
}
Report report(std::string id = kAlert, std::string group = "GEO") {
  return {.alert_id = Id::from_view(id),
          .severity = v1::HIGH,
          .title = "A token was used from a network never seen before",
          .risk = 60000,
          .group = std::move(group),
          .signals = {signal("new-network")},
          .responses = {response("notify")},
          .event_at_ms = kNow - 5,
          .evidence = "3:7:0"};
}
Event raised(std::string id = kAlert, std::string group = "GEO") {
  Event event;
  auto& fact = *event.mutable_raised();
  fact.set_alert_id(std::move(id));
  fact.set_severity(v1::HIGH);
  fact.set_title("A token was used from a network never seen before");
  fact.set_risk(60000);
  fact.set_group(std::move(group));
  *fact.add_signals() = signal("new-network");
  *fact.add_responses() = response("notify");
  fact.set_event_at_ms(kNow - 5);
  fact.set_evidence("3:7:0");
  fact.set_count(1);
  return event;
}
Event joined(uint32_t risk = 60000, v1::Severity severity = v1::HIGH) {
  Event event;
  auto& fact = *event.mutable_joined();
  fact.set_alert_id(kAlert);
  fact.set_severity(severity);
  fact.set_risk(risk);
  *fact.add_signals() = signal("new-network");
  *fact.add_responses() = response("notify");
  fact.set_event_at_ms(kNow - 5);
  fact.set_evidence("3:7:0");
  fact.set_count(1);
  return event;
}
Event triaged(v1::AlertStatus status, std::string assignee = "",
              v1::Verdict verdict = v1::VERDICT_UNSPECIFIED, std::string note = "") {
  Event event;
  auto& fact = *event.mutable_triaged();
  fact.set_alert_id(kAlert);
  fact.set_status(status);
  fact.set_assignee(std::move(assignee));
  fact.set_verdict(verdict);
  fact.set_note(std::move(note));
  return event;
}
Event closed(v1::Verdict verdict = v1::BENIGN) { return triaged(v1::CLOSED, "", verdict); }

std::string text(const Event& event) { return event.DebugString(); }

// Raise and join

TEST(Report, RaisesAnAlertWhereNoneIsOpen) {
  EXPECT_EQ(text(decide(nullptr, report())), text(raised()));
  const v1::OpenAlerts none;
  EXPECT_EQ(text(decide(&none, report())), text(raised()));
}

TEST(Report, JoinsTheOpenAlertOfItsGroup) {
  const auto open = open_after({raised()});
  EXPECT_EQ(text(decide(&open, report(kOther))), text(joined()));
}

TEST(Report, OfAnotherGroupRaisesAnAlertOfItsOwn) {
  const auto open = open_after({raised()});
  EXPECT_EQ(text(decide(&open, report(kOther, "TIME"))), text(raised(kOther, "TIME")));
  const auto both = open_after({raised(), raised(kOther, "TIME")});
  EXPECT_EQ(open_alert(&both, "GEO"), Id::from_view(kAlert));
  EXPECT_EQ(open_alert(&both, "TIME"), Id::from_view(kOther));
  EXPECT_EQ(open_alert(&both, "VOLUME"), std::nullopt);
}

TEST(Report, JoinsAnAcknowledgedAlertButNotAClosedOne) {
  const auto acknowledged = open_after({raised(), joined(), triaged(v1::ACKNOWLEDGED)});
  EXPECT_TRUE(decide(&acknowledged, report(kOther)).has_joined());
  const auto after_closing = open_after({raised(), raised(kOther, "TIME"), closed()});
  EXPECT_TRUE(decide(&after_closing, report(kOther)).has_raised());
  EXPECT_TRUE(decide(&after_closing, report(kOther, "TIME")).has_joined());
}

TEST(Report, CountsCoalescedEvents) {
  auto many = report();
  many.count = 40;
  EXPECT_EQ(decide(nullptr, many).raised().count(), 40u);
  many.count = 0;
  EXPECT_EQ(decide(nullptr, many).raised().count(), 1u);
}

TEST(Alert, IsOpenAndTellsItsReasonsOnceRaised) {
  const auto alert = given({raised()}).state();
  EXPECT_EQ(alert.id(), kAlert);
  EXPECT_EQ(alert.principal(), kPrincipal);
  EXPECT_EQ(alert.status(), v1::OPEN);
  EXPECT_EQ(alert.severity(), v1::HIGH);
  EXPECT_EQ(alert.raised_at_ms(), kNow);
  EXPECT_EQ(alert.first_at_ms(), kNow - 5);
  EXPECT_EQ(alert.last_at_ms(), kNow - 5);
  EXPECT_EQ(alert.event_count(), 1u);
  EXPECT_EQ(alert.evidence(0), "3:7:0");
  EXPECT_EQ(alert.signals(0).name(), "new-network");
}

TEST(Alert, GrowsWithARiskierEventAndTakesItsReasons) {
  auto worse = joined(65000, v1::CRITICAL);
  *worse.mutable_joined()->mutable_signals(0) = signal("rate");
  worse.mutable_joined()->set_event_at_ms(kNow + 9);
  const auto alert = given({raised(), worse}).state();
  EXPECT_EQ(alert.severity(), v1::CRITICAL);
  EXPECT_EQ(alert.risk(), 65000u);
  ASSERT_EQ(alert.signals_size(), 1);
  EXPECT_EQ(alert.signals(0).name(), "rate");
  EXPECT_EQ(alert.last_at_ms(), kNow + 9);
  EXPECT_EQ(alert.event_count(), 2u);
}

TEST(Alert, NeverShrinksWithAMilderOrEarlierEvent) {
  auto milder = joined(1, v1::LOW);
  *milder.mutable_joined()->mutable_signals(0) = signal("rate");
  milder.mutable_joined()->set_event_at_ms(kNow - 100);
  milder.mutable_joined()->set_count(7);
  const auto alert = given({raised(), milder}).state();
  EXPECT_EQ(alert.severity(), v1::HIGH);
  EXPECT_EQ(alert.risk(), 60000u);
  EXPECT_EQ(alert.signals(0).name(), "new-network");
  EXPECT_EQ(alert.first_at_ms(), kNow - 100);
  EXPECT_EQ(alert.last_at_ms(), kNow - 5);
  EXPECT_EQ(alert.event_count(), 8u);
}

TEST(Alert, KeepsTheFirst32PositionsAndCountsTheRest) {
  Events history{raised()};
  for (int i = 0; i < 50; ++i) history.push_back(joined());
  EXPECT_EQ(given(history).state().evidence_size(), kMaxEvidence);
  EXPECT_EQ(given(history).state().event_count(), 51u);
}

TEST(Alert, ListsEachResponseOnceUnlessItWasUndone) {
  auto suspending = joined();
  *suspending.mutable_joined()->add_responses() = response("suspend_identity", true);
  const auto alert = given({raised(), suspending, suspending}).state();
  ASSERT_EQ(alert.responses_size(), 3);
  EXPECT_EQ(alert.responses(0).action(), "notify");
  EXPECT_EQ(alert.responses(1).action(), "suspend_identity");
  EXPECT_EQ(alert.responses(2).action(), "suspend_identity");
}

// Triage

TEST(Triage, AcknowledgesAssignsAndCloses) {
  given({raised()}).when(Triage{.status = v1::ACKNOWLEDGED}).then({triaged(v1::ACKNOWLEDGED)});
  given({raised()}).when(Triage{.assignee = "sam"}).then({triaged(v1::OPEN, "sam")});
  given({raised(), triaged(v1::ACKNOWLEDGED, "sam")})
      .when(Triage{.status = v1::CLOSED, .verdict = v1::TRUE_POSITIVE, .note = "rotated"})
      .then({triaged(v1::CLOSED, "sam", v1::TRUE_POSITIVE, "rotated")});
  const auto alert = given({raised(), triaged(v1::CLOSED, "sam", v1::BENIGN, "why")}).state();
  EXPECT_EQ(alert.status(), v1::CLOSED);
  EXPECT_EQ(alert.assignee(), "sam");
  EXPECT_EQ(alert.verdict(), v1::BENIGN);
  EXPECT_EQ(alert.notes(0), "why");
}

TEST(Triage, GivesAnAlertBackToNobody) {
  given({raised(), triaged(v1::OPEN, "sam")}).when(Triage{.assignee = ""})
      .then({triaged(v1::OPEN)});
}

TEST(Triage, ThatChangesNothingIsNoFact) {
  given({raised()}).when(Triage{.status = v1::OPEN}).then_nothing();
  given({raised(), triaged(v1::ACKNOWLEDGED, "sam")})
      .when(Triage{.status = v1::ACKNOWLEDGED, .assignee = "sam"}).then_nothing();
  given({raised(), closed()}).when(Triage{.status = v1::CLOSED, .verdict = v1::BENIGN})
      .then_nothing();
}

TEST(Triage, ClosesWithAVerdictAndJudgesOnlyByClosing) {
  given({raised()}).when(Triage{.status = v1::CLOSED})
      .then(Errc::invalid, "alert.triage.verdict_missing");
  given({raised()}).when(Triage{.verdict = v1::BENIGN})
      .then(Errc::invalid, "alert.triage.verdict_without_close");
  given({raised()}).when(Triage{.status = v1::CLOSED, .verdict = v1::VERDICT_UNSPECIFIED})
      .then(Errc::invalid, "alert.triage.verdict_unknown");
  given({raised()}).when(Triage{.status = v1::CLOSED, .verdict = static_cast<v1::Verdict>(9)})
      .then(refused("alert.triage.verdict_unknown"));
}

TEST(Triage, NeverReopens) {
  given({raised(), closed()}).when(Triage{.status = v1::OPEN})
      .then(Errc::conflict, "alert.triage.reopen");
  given({raised(), closed()}).when(Triage{.status = v1::ACKNOWLEDGED})
      .then(refused("alert.triage.reopen"));
  given({raised(), triaged(v1::ACKNOWLEDGED)}).when(Triage{.status = v1::OPEN})
      .then(refused("alert.triage.reopen"));
}

TEST(Triage, AVerdictStandsAndAClosedAlertTakesNotesOnly) {
  given({raised(), closed()}).when(Triage{.status = v1::CLOSED, .verdict = v1::TRUE_POSITIVE})
      .then(Errc::conflict, "alert.triage.verdict_differs");
  given({raised(), closed()}).when(Triage{.assignee = "sam"})
      .then(Errc::conflict, "alert.triage.closed");
  given({raised(), closed()}).when(Triage{.note = "later"})
      .then({triaged(v1::CLOSED, "", v1::BENIGN, "later")});
}

TEST(Triage, NeedsAnAlertAndSomethingToDo) {
  given({}).when(Triage{.note = "x"}).then(Errc::not_found, "alert.unknown");
  given({raised()}).when(Triage{}).then(Errc::invalid, "alert.triage.empty");
  given({raised()}).when(Triage{.status = v1::ALERT_STATUS_UNSPECIFIED})
      .then(refused("alert.triage.status_unknown"));
  given({raised()}).when(Triage{.status = static_cast<v1::AlertStatus>(9)})
      .then(refused("alert.triage.status_unknown"));
}

TEST(Triage, BoundsItsWords) {
  given({raised()}).when(Triage{.assignee = "a\nb"})
      .then(refused("alert.triage.assignee_malformed"));
  given({raised()}).when(Triage{.note = "\xff"}).then(refused("alert.triage.note_malformed"));
  given({raised()}).when(Triage{.note = std::string(2049, 'x')})
      .then(Errc::unprocessable, "alert.triage.note_too_long");
  Events history{raised()};
  for (int i = 0; i < kMaxNotes; ++i) {
    history.push_back(triaged(v1::OPEN, "", v1::VERDICT_UNSPECIFIED, "n"));
  }
  given(history).when(Triage{.note = "one more"})
      .then(Errc::unprocessable, "alert.triage.too_many_notes");
  given(history).when(Triage{.assignee = "sam"}).then({triaged(v1::OPEN, "sam")});
}

TEST(EvolveAlert, AnUnknownFactChangesNothing) {
  EXPECT_EQ(given({raised(), Event{}}).state().DebugString(),
            given({raised()}).state().DebugString());
  EXPECT_EQ(open_after({raised(), Event{}}).DebugString(), open_after({raised()}).DebugString());
}

}  // namespace
}  // namespace watchword::domain::alert
