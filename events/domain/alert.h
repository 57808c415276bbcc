// What the security team works on: raised once per principal and group, joined by later events, triaged to a verdict.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "schemas/alert.pb.h"
#include "schemas/envelope.pb.h"

namespace watchword::domain::alert {

using State = v1::AlertState;
using Event = v1::AlertEvent;
using Events = std::vector<Event>;

inline constexpr int kMaxEvidence = 32;  // positions kept in the row; the journal has all
inline constexpr int kMaxNotes = 100;
inline constexpr size_t kMaxNoteCharacters = 2048;

// What detection found. Risk and shares in 1/65536.
struct Report {
  Id alert_id;  // used if it raises one
  v1::Severity severity = v1::LOW;
  std::string title;
  uint32_t risk = 0;
  std::string group;
  std::vector<v1::AlertSignal> signals;  // their shares sum to 65536
  std::vector<v1::AlertResponse> responses;
  int64_t event_at_ms = 0;
  std::string evidence;
  uint32_t count = 1;
};
// Any subset. A verdict closes only together with status CLOSED.
struct Triage {
  std::optional<v1::AlertStatus> status;
  std::optional<std::string> assignee;  // empty: nobody
  std::optional<v1::Verdict> verdict;
  std::string note;
};

// The alert of the principal that an event of `group` would join.
std::optional<Id> open_alert(const v1::OpenAlerts* open, std::string_view group);

// Joins the principal's open alert of the group, else raises one; never refused. The event goes into both rows below.
Event decide(const v1::OpenAlerts* open, Report report);

// `alert` is null when there is none of that id. An alert is never reopened: neither closed nor acknowledged ones
// become open. A closed one takes notes only; closing it again with the same verdict changes nothing. Errors: not_found
// "alert.unknown"; invalid "alert.triage.empty", "….status_unknown", "….verdict_missing", "….verdict_without_close",
// "….verdict_unknown", "….assignee_malformed", "….note_malformed"; unprocessable "….note_too_long", "….too_many_notes";
// conflict "alert.triage.reopen", "….closed", "….verdict_differs".
Result<Events> decide(const State* alert, const Triage& command);

// Start from empty rows. An alert's signals are those of its riskiest event, so that their shares still sum to the
// whole; severity and risk only grow.
State evolve(State alert, const v1::Envelope& envelope, const Event& event);
v1::OpenAlerts evolve(v1::OpenAlerts open, const v1::Envelope& envelope, const Event& event);

}  // namespace watchword::domain::alert
