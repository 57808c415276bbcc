#include "replay/past.h"

#include <algorithm>

#include "events/base/time.h"
#include "events/domain/jit_token.h"
#include "events/domain/service_token.h"
#include "processors/fold/fold.h"
#include "stores/journal/frame.h"

namespace watchword::replay {
namespace {

namespace json = boost::json;

template <class Row, class Keep>
std::vector<const Row*> sorted_rows(const fold::State& rows, Keep keep) {
  std::vector<const Row*> out;
  rows.each_in_memory<Row>([&](const Id&, const Row& row) {
    if (keep(row)) out.push_back(&row);
  });
  std::sort(out.begin(), out.end(), [](auto* a, auto* b) { return a->id() < b->id(); });
  return out;
}

uint32_t risk_of_open_alerts(const Past& past) {
  uint32_t risk = 0;
  for (const auto* alert : past.alerts())
    if (alert->status() != v1::CLOSED) risk = std::max(risk, alert->risk());
  return risk;
}

void fold_seen(fold::State& rows, const detectors::Seen& seen, uint32_t conclusion,
               int64_t frame_time_ms) {
  const v1::JitTokenState* token =
      seen.token_id.is_nil() ? nullptr : rows.find<v1::JitTokenState>(seen.token_id);
  fold::fold_in_place(rows, seen, static_cast<detectors::Learning>(conclusion & 3), token,
                      frame_time_ms);
}

}  // namespace

const detectors::Baseline* Past::baseline() const {
  return rows->find<detectors::Baseline>(principal);
}

std::vector<const v1::JitTokenState*> Past::jit_tokens() const {
  return sorted_rows<v1::JitTokenState>(*rows, [&](const auto& row) {
    return row.identity_id() == principal.view() && row.forget_at_ms() > now_ms;
  });
}

std::vector<const v1::ServiceTokenState*> Past::service_tokens() const {
  return sorted_rows<v1::ServiceTokenState>(
      *rows, [&](const auto& row) { return row.identity_id() == principal.view(); });
}

std::vector<const v1::AlertState*> Past::alerts() const {
  return sorted_rows<v1::AlertState>(
      *rows, [&](const auto& row) { return row.principal() == principal.view(); });
}

void sweep_all(fold::State& rows, int64_t time_ms) {
  const auto is_due = [&](const auto& timers) {
    return !timers.empty() && timers.begin()->at_ms <= time_ms;
  };
  while (is_due(rows.due_in_place())) fold::sweep_in_place(rows, time_ms);
  while (is_due(rows.due())) fold::sweep(rows, time_ms);
}

Result<> fold_named(fold::State& rows, const Id& principal, std::string_view frame) {
  const auto view = journal::FrameView::open(frame);
  if (!view) return view.error();
  const auto& header = view->header();
  sweep_all(rows, header.time_ms);
  auto folded = view->each(
      [&](uint32_t, const v1::Event& event) -> Result<> {
        if (event.envelope().subject() != principal.view()) return {};
        fold::fold_event(rows, event, header.seq);
        fold::fold_in_place(rows, event);
        return {};
      },
      [&](uint32_t, const journal::Judged& judged) -> Result<> {
        if (judged.observation.find(principal.view()) == std::string_view::npos) return {};
        const auto seen = detectors::read_observation(judged.observation);
        if (!seen) return seen.error();
        if (seen->principal == principal)
          fold_seen(rows, *seen, judged.conclusion, header.time_ms);
        return {};
      });
  rows.advance(header.seq, header.time_ms);
  return folded;
}

json::object render_identity(const Past& past, const publisher::Opener& open) {
  // The journal holds no settings: whether it had learned enough is told by the default ones.
  const publisher::IdentityMore more{
      risk_of_open_alerts(past),
      past.baseline() != nullptr && detectors::learned(*past.baseline(), detectors::Tuning{})};
  return publisher::render(*past.identity(), more, open);
}

json::object render_token(const Past& past, const v1::JitTokenState& token) {
  return publisher::render(token, domain::jit_token::status_of(token, past.identity(), past.now_ms),
                           past.rows->find<fold::Usage>(Id::from_view(token.id())));
}

json::object render_token(const Past& past, const v1::ServiceTokenState& token) {
  return publisher::render(
      token, domain::service_token::status_of(token, past.identity(), past.now_ms));
}

json::object render_baseline(const detectors::Baseline& baseline, const detectors::Tuning& tuning) {
  const auto usual = detectors::describe(baseline);
  json::array networks;
  for (const auto& habit : usual.networks)
    networks.push_back(json::object{{"network", habit.value},
                                    {"share_percent", habit.share_percent},
                                    {"last_used", publisher::time_or_null(habit.last_used_ms)}});
  return {{"established", detectors::learned(baseline, tuning)},
          {"first_seen", publisher::time_or_null(usual.first_seen_ms)},
          {"last_seen", publisher::time_or_null(usual.last_seen_ms)},
          {"last_success", publisher::time_or_null(usual.last_success_ms)},
          {"successes", usual.successes},
          {"failures", usual.failures},
          {"active_days", usual.active_days},
          {"active_hours", usual.active_hours},
          {"per_minute", usual.per_minute},
          {"per_hour", usual.per_hour},
          {"per_day", usual.per_day},
          {"networks", std::move(networks)},
          {"top_agent", usual.top_agent},
          {"top_endpoint", usual.top_endpoint}};
}

json::object render(const Past& past, const publisher::Opener& open) {
  json::object out{{"subject", past.principal.text()},
                   {"at", rfc3339(past.now_ms)},
                   {"position", past.position.text()},
                   {"identity", nullptr},
                   {"baseline", nullptr}};
  if (past.identity() != nullptr) out["identity"] = render_identity(past, open);
  json::array jit_tokens, service_tokens, alerts;
  for (const auto* token : past.jit_tokens()) jit_tokens.push_back(render_token(past, *token));
  for (const auto* token : past.service_tokens())
    service_tokens.push_back(render_token(past, *token));
  for (const auto* alert : past.alerts())
    if (alert->status() != v1::CLOSED) alerts.push_back(publisher::render(*alert));
  out["jit_tokens"] = std::move(jit_tokens);
  out["service_tokens"] = std::move(service_tokens);
  out["alerts"] = std::move(alerts);
  if (past.baseline() != nullptr) out["baseline"] = render_baseline(*past.baseline(), past.tuning);
  return out;
}

}  // namespace watchword::replay
