#include "processors/publisher/topics.h"

#include <charconv>

#include "events/base/time.h"
#include "stores/journal/frame.h"

namespace watchword::publisher {
namespace {

std::optional<Topic> topic_of(const v1::Event& event) {
  switch (event.fact_case()) {
    case v1::Event::kIdentity: return Topic::identity;
    case v1::Event::kJitToken:
    case v1::Event::kServiceToken: return Topic::token;
    case v1::Event::kAlert: return Topic::alert;
    case v1::Event::kControl:
      if (event.control().has_dead_lettered()) return Topic::dead_letter;
      return std::nullopt;
    case v1::Event::FACT_NOT_SET: break;
  }
  return std::nullopt;
}

Record record_of(const v1::Event& event, const Position& position, uint32_t index) {
  Record record;
  record.position = position;
  record.index = index;
  record.type = "watchword." + type_of(event);
  record.time_ms = event.envelope().at_ms();
  const Id subject = Id::from_view(event.envelope().subject());
  if (!subject.is_nil()) record.key = record.subject = subject.text();
  record.data = render(event, position, index);
  return record;
}

}  // namespace

std::optional<Topic> topic_named(std::string_view name) {
  if (name == "identity") return Topic::identity;
  if (name == "token") return Topic::token;
  if (name == "session") return Topic::session;
  if (name == "alert") return Topic::alert;
  if (name == "dead-letter") return Topic::dead_letter;
  return std::nullopt;
}

boost::json::object Record::envelope() const {
  boost::json::object out{{"specversion", "1.0"},
                          {"id", event_id(position, index)},
                          {"source", "/watchword"},
                          {"type", type},
                          {"time", rfc3339(time_ms)},
                          {"datacontenttype", "application/json"}};
  if (!subject.empty()) out["subject"] = subject;
  out["sequence"] = std::to_string(position.seq);
  out["data"] = data;
  return out;
}

Result<std::vector<Record>> records_of(std::string_view frame, uint32_t partition, Topic topic) {
  const auto view = journal::FrameView::open(frame);
  if (!view) return view.error();
  std::vector<Record> out;
  const auto read = view->each(
      [&](uint32_t index, const v1::Event& event) -> Result<> {
        if (topic_of(event) == topic)
          out.push_back(record_of(event, {partition, view->header().seq}, index));
        return {};
      },
      [](uint32_t, const journal::Judged&) -> Result<> { return {}; });
  if (!read) return read.error();
  return out;
}

std::optional<Place> parse_event_id(std::string_view id) {
  Place place;
  const char* at = id.data();
  const char* end = at + id.size();
  const auto number = [&](auto& into, bool last) {
    const auto read = std::from_chars(at, end, into);
    if (read.ec != std::errc{} || (last ? read.ptr != end : read.ptr == end || *read.ptr != '-'))
      return false;
    at = read.ptr + !last;
    return true;
  };
  if (!number(place.position.partition, false) || !number(place.position.seq, false) ||
      !number(place.index, true))
    return std::nullopt;
  if (event_id(place.position, place.index) != id) return std::nullopt;  // one text for one event
  return place;
}

}  // namespace watchword::publisher
