#include "events/domain/alert.h"

#include <algorithm>
#include <utility>

#include "events/domain/text.h"

namespace watchword::domain::alert {
namespace {

using Responses = google::protobuf::RepeatedPtrField<v1::AlertResponse>;
using Signals = google::protobuf::RepeatedPtrField<v1::AlertSignal>;

// Fields that AlertRaised and AlertJoined share.
template <class Fact>
void describe(Fact& fact, Report& report) {
  fact.set_severity(report.severity);
  fact.set_risk(report.risk);
  for (auto& signal : report.signals) *fact.add_signals() = std::move(signal);
  for (auto& response : report.responses) *fact.add_responses() = std::move(response);
  fact.set_event_at_ms(report.event_at_ms);
  fact.set_evidence(std::move(report.evidence));
  fact.set_count(std::max(report.count, 1u));
}

Event joined(const Id& open, Report report) {
  Event event;
  event.mutable_joined()->set_alert_id(std::string(open.view()));
  describe(*event.mutable_joined(), report);
  return event;
}

Event raised(Report report) {
  Event event;
  auto& fact = *event.mutable_raised();
  fact.set_alert_id(std::string(report.alert_id.view()));
  fact.set_title(std::move(report.title));
  fact.set_group(std::move(report.group));
  describe(fact, report);
  return event;
}

Result<> check_verdict(const Triage& command) {
  const bool closes = command.status == v1::CLOSED;
  if (closes && !command.verdict) {
    return Error{Errc::invalid, "alert.triage.verdict_missing", "closing needs a verdict"};
  }
  if (!command.verdict) return {};
  if (!closes) {
    return Error{Errc::invalid, "alert.triage.verdict_without_close", "a verdict closes"};
  }
  if (!v1::Verdict_IsValid(*command.verdict) || *command.verdict == v1::VERDICT_UNSPECIFIED) {
    return Error{Errc::invalid, "alert.triage.verdict_unknown", {}};
  }
  return {};
}

Result<> check_words(const Triage& command) {
  if (command.assignee && !command.assignee->empty() && !is_name(*command.assignee)) {
    return Error{Errc::invalid, "alert.triage.assignee_malformed",
                 "at most 128 printable characters"};
  }
  const auto length = printable_length(command.note, Lines::many);
  if (!length) return Error{Errc::invalid, "alert.triage.note_malformed", "printable text"};
  if (*length > kMaxNoteCharacters) {
    return Error{Errc::unprocessable, "alert.triage.note_too_long", "at most 2048 characters"};
  }
  return {};
}

Result<> check_shape(const Triage& command) {
  if (!command.status && !command.assignee && !command.verdict && command.note.empty()) {
    return Error{Errc::invalid, "alert.triage.empty", "nothing to change"};
  }
  if (command.status && (!v1::AlertStatus_IsValid(*command.status) ||
                         *command.status == v1::ALERT_STATUS_UNSPECIFIED)) {
    return Error{Errc::invalid, "alert.triage.status_unknown", {}};
  }
  if (const auto good = check_verdict(command); !good) return good.error();
  return check_words(command);
}

Result<> check_still_closed(const State& alert, const Triage& command) {
  if (command.status && *command.status != v1::CLOSED) {
    return Error{Errc::conflict, "alert.triage.reopen", "a closed alert stays closed"};
  }
  if (command.verdict && *command.verdict != alert.verdict()) {
    return Error{Errc::conflict, "alert.triage.verdict_differs", "closed with another verdict"};
  }
  if (command.assignee && *command.assignee != alert.assignee()) {
    return Error{Errc::conflict, "alert.triage.closed", "a closed alert takes notes only"};
  }
  return {};
}

Result<> check_transition(const State& alert, const Triage& command) {
  if (!command.note.empty() && alert.notes_size() >= kMaxNotes) {
    return Error{Errc::unprocessable, "alert.triage.too_many_notes", "at most 100 notes"};
  }
  if (alert.status() == v1::CLOSED) return check_still_closed(alert, command);
  if (command.status == v1::OPEN && alert.status() != v1::OPEN) {
    return Error{Errc::conflict, "alert.triage.reopen", "an acknowledged alert stays so"};
  }
  return {};
}

v1::AlertTriaged outcome_of(const State& alert, const Triage& command) {
  v1::AlertTriaged fact;
  fact.set_alert_id(alert.id());
  fact.set_status(command.status.value_or(alert.status()));
  fact.set_assignee(command.assignee.value_or(alert.assignee()));
  fact.set_verdict(command.verdict.value_or(alert.verdict()));
  fact.set_note(command.note);
  return fact;
}

bool changes(const State& alert, const v1::AlertTriaged& fact) {
  return fact.status() != alert.status() || fact.assignee() != alert.assignee() ||
         fact.verdict() != alert.verdict() || !fact.note().empty();
}

void add_evidence(State& alert, const std::string& evidence) {
  if (!evidence.empty() && alert.evidence_size() < kMaxEvidence) alert.add_evidence(evidence);
}

// Each action stands once while it holds; one that was undone may be taken again.
void add_responses(Responses& to, const Responses& more) {
  for (const auto& response : more) {
    const bool stands = std::any_of(to.begin(), to.end(), [&](const v1::AlertResponse& known) {
      return known.action() == response.action() && !known.undone();
    });
    if (!stands) *to.Add() = response;
  }
}

State with_raise(const v1::Envelope& envelope, const v1::AlertRaised& fact) {
  State alert;
  alert.set_id(fact.alert_id());
  alert.set_principal(envelope.subject());
  alert.set_severity(fact.severity());
  alert.set_title(fact.title());
  alert.set_risk(fact.risk());
  alert.set_group(fact.group());
  *alert.mutable_signals() = fact.signals();
  alert.set_status(v1::OPEN);
  *alert.mutable_responses() = fact.responses();
  alert.set_raised_at_ms(envelope.at_ms());
  alert.set_first_at_ms(fact.event_at_ms());
  alert.set_last_at_ms(fact.event_at_ms());
  alert.set_event_count(std::max(fact.count(), 1u));
  add_evidence(alert, fact.evidence());
  return alert;
}

State with_join(State alert, const v1::AlertJoined& fact) {
  if (fact.risk() > alert.risk()) {
    alert.set_risk(fact.risk());
    *alert.mutable_signals() = fact.signals();
  }
  alert.set_severity(std::max(alert.severity(), fact.severity()));
  alert.set_first_at_ms(std::min(alert.first_at_ms(), fact.event_at_ms()));
  alert.set_last_at_ms(std::max(alert.last_at_ms(), fact.event_at_ms()));
  alert.set_event_count(alert.event_count() + std::max(fact.count(), 1u));
  add_responses(*alert.mutable_responses(), fact.responses());
  add_evidence(alert, fact.evidence());
  return alert;
}

State with_triage(State alert, const v1::AlertTriaged& fact) {
  alert.set_status(fact.status());
  alert.set_assignee(fact.assignee());
  alert.set_verdict(fact.verdict());
  if (!fact.note().empty()) alert.add_notes(fact.note());
  return alert;
}

template <class Fits>
v1::OpenAlerts without(v1::OpenAlerts open, Fits fits) {
  auto& entries = *open.mutable_open();
  entries.erase(std::remove_if(entries.begin(), entries.end(), fits), entries.end());
  return open;
}

v1::OpenAlerts with_open(v1::OpenAlerts open, const v1::AlertRaised& fact) {
  open = without(std::move(open), [&](const auto& entry) { return entry.group() == fact.group(); });
  auto& entry = *open.add_open();
  entry.set_group(fact.group());
  entry.set_alert_id(fact.alert_id());
  return open;
}

}  // namespace

std::optional<Id> open_alert(const v1::OpenAlerts* open, std::string_view group) {
  if (open == nullptr) return std::nullopt;
  for (const auto& entry : open->open()) {
    if (entry.group() == group) return Id::from_view(entry.alert_id());
  }
  return std::nullopt;
}

Event decide(const v1::OpenAlerts* open, Report report) {
  const auto known = open_alert(open, report.group);
  return known ? joined(*known, std::move(report)) : raised(std::move(report));
}

Result<Events> decide(const State* alert, const Triage& command) {
  if (alert == nullptr) return Error{Errc::not_found, "alert.unknown", {}};
  if (const auto good = check_shape(command); !good) return good.error();
  if (const auto good = check_transition(*alert, command); !good) return good.error();
  auto fact = outcome_of(*alert, command);
  if (!changes(*alert, fact)) return Events{};
  Events events(1);
  *events[0].mutable_triaged() = std::move(fact);
  return events;
}

State evolve(State alert, const v1::Envelope& envelope, const Event& event) {
  switch (event.fact_case()) {
    case Event::kRaised: return with_raise(envelope, event.raised());
    case Event::kJoined: return with_join(std::move(alert), event.joined());
    case Event::kTriaged: return with_triage(std::move(alert), event.triaged());
    case Event::FACT_NOT_SET: break;
  }
  return alert;
}

v1::OpenAlerts evolve(v1::OpenAlerts open, const v1::Envelope&, const Event& event) {
  switch (event.fact_case()) {
    case Event::kRaised: return with_open(std::move(open), event.raised());
    case Event::kTriaged:
      if (event.triaged().status() != v1::CLOSED) break;
      return without(std::move(open), [&](const auto& entry) {
        return entry.alert_id() == event.triaged().alert_id();
      });
    case Event::kJoined:
    case Event::FACT_NOT_SET: break;
  }
  return open;
}

}  // namespace watchword::domain::alert
