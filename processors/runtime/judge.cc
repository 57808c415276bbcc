#include "processors/runtime/judge.h"

#include "events/domain/identity.h"
#include "events/domain/jit_token.h"
#include "events/domain/service_token.h"
#include "processors/fold/fold.h"

namespace watchword::runtime {
namespace {

constexpr uint8_t kAlertLevel = 2, kSuspendLevel = 3;
const auto kNewNetwork = detectors::row_named("new-network");

// One bit a row of the table of detectors, for the names that an identity has switched off.
uint64_t rows_off(const v1::Limits& limits) {
  uint64_t off = 0;
  for (const auto& name : limits.signals_off())
    if (const auto row = detectors::row_named(name)) off |= uint64_t{1} << *row;
  return off;
}

v1::Envelope about(const detectors::Seen& seen) {
  v1::Envelope envelope;
  envelope.set_subject(std::string(seen.principal.view()));
  if (!seen.token_id.is_nil()) envelope.set_token(std::string(seen.token_id.view()));
  if (!seen.session_id.is_nil()) envelope.set_session(std::string(seen.session_id.view()));
  envelope.set_network(std::string(seen.network));
  envelope.set_device(seen.device);
  envelope.set_correlation(std::string(seen.id));
  return envelope;
}

// Made from where it is raised, not by chance: a decision draws nothing.
Id alert_id(const Id& principal, const Moment& moment, uint32_t index) {
  return mint_id_from(moment.now_ms, principal.slot(), moment.position.seq << 16 ^ index);
}

std::vector<v1::AlertSignal> signals_of(const std::vector<detectors::Reason>& reasons) {
  std::vector<v1::AlertSignal> out;
  for (const auto& reason : reasons) {
    auto& signal = out.emplace_back();
    signal.set_name(std::string(reason.name));
    signal.set_attack_id(std::string(reason.attack_id));
    signal.set_share(reason.share);
    signal.set_expected(reason.expected);
    signal.set_seen(reason.seen);
  }
  return out;
}

}  // namespace

void Judge::take(std::string_view observation, std::string_view subject, const Moment& moment,
                 uint32_t index, Judgement& out) {
  out.events.clear();
  const auto seen = detectors::read_observation(observation);
  if (!seen) {
    out.taken = Taken::unreadable;
    return;
  }
  out.principal = seen->principal;
  // Only looked at: a duplicate must not mark the row as changed, or a digest would cover it that no replay can make.
  static const detectors::Baseline kNothing{};
  const auto* known = state_.find<detectors::Baseline>(seen->principal);
  const detectors::Baseline& usual = known != nullptr ? *known : kNothing;
  if (detectors::is_duplicate(usual, seen->event_hash)) {
    out.taken = Taken::duplicate;
    return;
  }
  out.taken = Taken::accepted;
  if (!subject.empty() && ahead_.find<v1::IdentityState>(seen->principal) == nullptr) {
    v1::Event& event = out.events.emplace_back();
    *event.mutable_envelope() = about(*seen);
    event.mutable_identity()->mutable_subject_seen()->mutable_subject()->ParseFromArray(
        subject.data(), static_cast<int>(subject.size()));
  }
  detectors::Situation situation;
  const v1::JitTokenState* token = nullptr;
  if (!seen->token_id.is_nil()) {
    token = ahead_.find<v1::JitTokenState>(seen->token_id);
    look_at_token(*seen, token, moment.now_ms, situation);
  }
  if (seen->kind != v1::FOREIGN)
    if (const auto* identity = ahead_.find<v1::IdentityState>(seen->principal)) {
      situation.identity_active = identity->status() == v1::IDENTITY_ACTIVE;
      situation.signals_off = rows_off(identity->limits());
    }
  detectors::Verdict verdict;
  verdict.learning = detectors::Learning::learn;
  if (settings_.monitoring_enabled)
    verdict = detectors::judge(*seen, usual, situation, settings_.tuning);
  out.conclusion = verdict.conclusion();
  out.kind = static_cast<v1::IdentityKind>(seen->kind);
  out.new_network = false;
  out.signal_count = verdict.signal_count;
  for (size_t i = 0; i < verdict.signal_count; ++i) {
    out.signals[i] = verdict.signals[i].row;
    out.new_network = out.new_network || out.signals[i] == kNewNetwork;
  }
  if (verdict.level >= kAlertLevel) raise(*seen, usual, verdict, moment, index, out);
  fold::fold_in_place(state_, *seen, verdict.learning, token, moment.now_ms);
}

// Only a token of the principal itself: of another's, whoever reports this has no part in it.
void Judge::look_at_token(const detectors::Seen& seen, const v1::JitTokenState* token,
                          int64_t now_ms, detectors::Situation& situation) {
  const auto* identity = ahead_.find<v1::IdentityState>(seen.principal);
  const auto judge = [&](const auto& row, v1::TokenStatus status) {
    if (row.identity_id() != seen.principal.view()) return;
    situation.token_over = status != v1::TOKEN_ACTIVE;
    situation.first_misuse = situation.token_over && !row.misuse_alerted();
  };
  if (token != nullptr)
    judge(*token, domain::jit_token::status_of(*token, identity, now_ms));
  else if (const auto* service = ahead_.find<v1::ServiceTokenState>(seen.token_id))
    judge(*service, domain::service_token::status_of(*service, identity, now_ms));
}

// One open alert a principal and group: what comes later joins it.
void Judge::raise(const detectors::Seen& seen, const detectors::Baseline& usual,
                  const detectors::Verdict& verdict, const Moment& moment, uint32_t index,
                  Judgement& out) {
  const auto reasons = detectors::explain(seen, usual, verdict);
  const auto* open = ahead_.find<v1::OpenAlerts>(seen.principal);
  domain::alert::Report report;
  report.group = detectors::group_name(reasons.front().group);
  const auto joins = domain::alert::open_alert(open, report.group);
  report.alert_id = joins ? *joins : alert_id(seen.principal, moment, index);
  report.severity = static_cast<v1::Severity>(verdict.severity);
  report.title = detectors::title(seen, reasons);
  report.risk = verdict.risk;
  report.signals = signals_of(reasons);
  report.event_at_ms = seen.time_ms;
  report.evidence = moment.position.text() + ":" + std::to_string(index);
  report.count = seen.count;
  std::optional<v1::Event> response;
  if (verdict.level >= kSuspendLevel) response = respond(seen, report);
  if (response) {
    auto& told = report.responses.emplace_back();
    told.set_action("suspend_identity");
    told.set_at_ms(moment.now_ms);
  }
  v1::Event& event = out.events.emplace_back();
  *event.mutable_envelope() = about(seen);
  *event.mutable_alert() = domain::alert::decide(open, std::move(report));
  if (response) out.events.push_back(std::move(*response));
}

// Only authenticated evidence counts against a principal, and history never does.
std::optional<v1::Event> Judge::respond(const detectors::Seen& seen,
                                        const domain::alert::Report& report) {
  if (!settings_.auto_suspend_critical || !seen.authenticated || seen.imported) return std::nullopt;
  const auto* identity = ahead_.find<v1::IdentityState>(seen.principal);
  auto decided = domain::identity::decide(identity, domain::identity::Suspend{report.title});
  if (!decided || decided->empty()) return std::nullopt;  // not ours, or it is suspended already
  v1::Event event;
  *event.mutable_envelope() = about(seen);
  event.mutable_envelope()->set_cause(report.alert_id.text());
  *event.mutable_identity() = std::move(decided->front());
  return event;
}

}  // namespace watchword::runtime
