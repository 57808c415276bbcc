// Pages of what happened to one principal, newest first.
#include <algorithm>
#include <charconv>

#include "events/base/time.h"
#include "processors/detectors/detector.h"
#include "processors/detectors/observation.h"
#include "replay/history.h"

namespace watchword::replay {
namespace {

namespace json = boost::json;
using journal::Judged;

constexpr size_t kSeqsAtOnce = 64;
constexpr std::string_view kObservation = "observation";

bool wanted(const std::vector<std::string>& types, std::string_view type) {
  if (types.empty()) return true;
  for (const auto& one : types)
    if (type == one || (type.starts_with(one) && type[one.size()] == '.')) return true;
  return false;
}

json::object entry(const Position& position, uint32_t index, std::string_view type, int64_t at_ms,
                   uint32_t risk) {
  return {{"id", publisher::event_id(position, index)},
          {"type", type},
          {"time", rfc3339(at_ms)},
          {"risk", publisher::risk_of(risk)}};
}

template <class Told>
json::object show_alert(json::object out, const Told& told) {
  json::array signals;
  for (const auto& signal : told.signals())
    signals.push_back(json::object{{"name", signal.name()},
                                   {"attack_id", signal.attack_id()},
                                   {"share", publisher::risk_of(signal.share())},
                                   {"expected", signal.expected()},
                                   {"seen", signal.seen()}});
  out["alert_id"] = Id::from_view(told.alert_id()).text();
  out["severity"] = publisher::name_of(told.severity());
  out["signals"] = std::move(signals);
  return out;
}

std::optional<json::object> show_risk(const v1::Event& event, const Position& position,
                                      uint32_t index) {
  const auto shown = [&](const auto& told) {
    return show_alert(entry(position, index, publisher::type_of(event), event.envelope().at_ms(),
                            told.risk()),
                      told);
  };
  if (event.alert().has_raised()) return shown(event.alert().raised());
  if (event.alert().has_joined()) return shown(event.alert().joined());
  return std::nullopt;
}

std::optional<json::object> show_risk(const Judged& judged, const Position& position,
                                      uint32_t index) {
  const uint32_t risk = judged.conclusion >> 16;
  const auto seen = detectors::read_observation(judged.observation);
  if (risk == 0 || !seen) return std::nullopt;
  json::object out = entry(position, index, kObservation, seen->time_ms, risk);
  json::array signals;
  for (const char row : judged.signals)
    if (static_cast<uint8_t>(row) < detectors::kDetectors.size())
      signals.push_back(
          json::object{{"name", detectors::kDetectors[static_cast<uint8_t>(row)].name}});
  out["signals"] = std::move(signals);
  return out;
}

template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take_colon(std::string_view& text) {
  if (!text.starts_with(':')) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string Cursor::text() const {
  return Position{partition, seq}.text() + ":" + std::to_string(index);
}

std::optional<Cursor> Cursor::parse(std::string_view text) {
  Cursor cursor;
  const bool whole = take_number(text, cursor.partition) && take_colon(text) &&
                     take_number(text, cursor.seq) && take_colon(text) &&
                     take_number(text, cursor.index) && text.empty();
  return whole ? std::optional(cursor) : std::nullopt;
}

Result<Page> History::timeline(const Id& principal, const TimelineQuery& query) const {
  return walk(principal, query.before, query.limit,
              [&](const Found& found, const Position& at) -> std::optional<json::object> {
                if (found.event != nullptr) {
                  if (!wanted(query.types, publisher::type_of(*found.event))) return std::nullopt;
                  return publisher::render(*found.event, at, found.index);
                }
                if (!wanted(query.types, kObservation)) return std::nullopt;
                return publisher::render_observation(found.judged->observation,
                                                     found.judged->conclusion,
                                                     found.judged->signals, at, found.index);
              });
}

Result<Page> History::risk(const Id& principal, const std::optional<Cursor>& before,
                           size_t limit) const {
  return walk(principal, before, limit, [](const Found& found, const Position& at) {
    return found.event != nullptr ? show_risk(*found.event, at, found.index)
                                  : show_risk(*found.judged, at, found.index);
  });
}

// What a frame's entries below `below` show of the principal, in their order.
Result<std::vector<std::pair<uint32_t, json::object>>> History::show_frame(
    const Id& principal, uint64_t seq, uint32_t below, const Show& show) const {
  std::vector<std::pair<uint32_t, json::object>> shown;
  const auto frame = journal_.frame(seq);
  if (!frame) return frame.error();
  const auto view = journal::FrameView::open(*frame);
  if (!view) return view.error();
  const auto take = [&](const Found& found) -> Result<> {
    if (found.index >= below) return {};
    if (auto object = show(found, {partition_, seq}))
      shown.emplace_back(found.index, std::move(*object));
    return {};
  };
  const auto read = view->each(
      [&](uint32_t index, const v1::Event& event) -> Result<> {
        if (event.envelope().subject() != principal.view()) return {};
        return take({index, &event, nullptr});
      },
      [&](uint32_t index, const Judged& judged) -> Result<> {
        if (judged.observation.find(principal.view()) == std::string_view::npos) return {};
        const auto seen = detectors::read_observation(judged.observation);
        if (!seen || seen->principal != principal) return {};
        return take({index, nullptr, &judged});
      });
  if (!read) return read.error();
  return shown;
}

Result<Page> History::walk(const Id& principal, const std::optional<Cursor>& before, size_t limit,
                           const Show& show) const {
  if (before && before->partition != partition_)
    return Error{Errc::invalid, "history.cursor", "this cursor is of another partition"};
  Page page;
  Cursor last = before.value_or(Cursor{partition_, journal_.tail().seq + 1, 0});
  size_t frames = 0;
  for (bool more = true; more;) {
    const uint64_t to = last.index > 0 ? last.seq : last.seq - std::min<uint64_t>(last.seq, 1);
    const auto seqs = index_.frames_of(principal, 1, to, kSeqsAtOnce);
    if (!seqs) return seqs.error();
    more = seqs->size() == kSeqsAtOnce;
    for (const uint64_t seq : *seqs) {
      auto shown = show_frame(principal, seq, seq == last.seq ? last.index : ~0u, show);
      if (!shown) return shown.error();
      for (; !shown->empty(); shown->pop_back()) {
        if (page.items.size() == limit) return page.next = last, page;
        last = {partition_, seq, shown->back().first};
        page.items.push_back(std::move(shown->back().second));
      }
      last = {partition_, seq, 0};
      if (++frames == kMaxFramesRead) return page.next = last, page;
    }
  }
  return page;
}

}  // namespace watchword::replay
