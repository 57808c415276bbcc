#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <functional>

#include "api/observe/reading.h"

namespace watchword::observe {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 32;

// Attributes of CloudEvents 1.0 that have a meaning here; others are extensions and pass.
enum class EventField : uint8_t { other, id, source, time, specversion, type, data, data_base64 };

EventField event_field(std::string_view name) {
  if (name == "id") return EventField::id;
  if (name == "source") return EventField::source;
  if (name == "time") return EventField::time;
  if (name == "specversion") return EventField::specversion;
  if (name == "type") return EventField::type;
  if (name == "data") return EventField::data;
  if (name == "data_base64") return EventField::data_base64;
  return EventField::other;
}

struct Event {
  std::string_view id, source, time, specversion, type;
  uint32_t seen = 0;
  bool has_data = false;
};

// One pass from text to drafts, without a tree in between: the parser calls, the place says what a
// value means.
class Handler {
 public:
  static constexpr size_t max_array_size = static_cast<size_t>(-1);
  static constexpr size_t max_object_size = static_cast<size_t>(-1);
  static constexpr size_t max_string_size = static_cast<size_t>(-1);
  static constexpr size_t max_key_size = static_cast<size_t>(-1);

  Handler(Reading& reading, Batch& batch, bool events)
      : reading_(reading), batch_(batch), events_(events) {}

  // The next document; where its items are numbered from; a list is allowed or not.
  void start(std::string_view text, size_t first_index, bool list_allowed) {
    text_ = text;
    index_ = first_index;
    list_allowed_ = list_allowed;
    place_ = Place::top;
    skipped_ = 0;
    wrong_shape_ = false;
    parts_.clear();
  }
  bool wrong_shape() const { return wrong_shape_; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }

  bool on_array_begin(json::error_code& error) {
    if (skipped_ > 0) return ++skipped_, true;
    if (place_ != Place::top) return other_value("must not be a list"), ++skipped_, true;
    if (!list_allowed_) return shape_error(error);
    place_ = Place::list;
    return true;
  }
  bool on_array_end(size_t, json::error_code&) {
    if (skipped_ > 0) return --skipped_, true;
    place_ = Place::top;
    return true;
  }

  bool on_object_begin(json::error_code&) {
    if (skipped_ > 0) return ++skipped_, true;
    switch (place_) {
      case Place::top:
        batch_.single = list_allowed_;
        begin_item();
        break;
      case Place::list:
        begin_item();
        break;
      case Place::event:
        begin_data();
        break;
      case Place::observation:
        begin_attributes();
        break;
      case Place::attributes:
        other_value("must be flat"), ++skipped_;
        break;
    }
    return true;
  }
  bool on_object_end(size_t, json::error_code&) {
    if (skipped_ > 0) return --skipped_, true;
    switch (place_) {
      case Place::attributes:
        place_ = Place::observation;
        break;
      case Place::observation:
        events_ ? void(place_ = Place::event) : end_item();
        break;
      case Place::event:
        end_item();
        break;
      case Place::top:
      case Place::list:
        break;
    }
    return true;
  }

  bool on_key_part(json::string_view part, size_t, json::error_code&) {
    parts_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view last, size_t, json::error_code&) {
    key_ = whole(last);
    if (skipped_ > 0) return true;
    if (place_ == Place::observation) take_field();
    if (place_ == Place::event) take_event_field();
    return true;
  }

  bool on_string_part(json::string_view part, size_t, json::error_code&) {
    parts_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view last, size_t, json::error_code& error) {
    const bool escaped = !stands_in_text(last);
    const std::string_view text = whole(last);
    if (skipped_ > 0) return true;
    if (escaped && text.find('\0') != text.npos) return other_value("must not hold a NUL"), true;
    return set_text(text, error);
  }

  bool on_int64(int64_t number, json::string_view, json::error_code& error) {
    if (number >= 0) return on_uint64(static_cast<uint64_t>(number), {}, error);
    return value("must not be negative", error);
  }
  bool on_uint64(uint64_t number, json::string_view, json::error_code& error) {
    if (skipped_ == 0 && place_ == Place::observation && rule_)
      return reading_.set_number(*rule_, number), true;
    return value("must not be a number", error);
  }
  bool on_double(double, json::string_view, json::error_code& error) {
    return value("must be a whole number below 2^63", error);
  }
  bool on_bool(bool, json::error_code& error) { return value("must not be true or false", error); }
  bool on_null(json::error_code& error) {
    const bool absent =
        place_ == Place::observation || place_ == Place::event || place_ == Place::attributes;
    return skipped_ > 0 || absent ? true : value("must not be null", error);
  }

 private:
  enum class Place : uint8_t { top, list, event, observation, attributes };

  // Without escapes and in one part. Any other comes from a buffer of the parser's, gone once the
  // call returns, also when it comes in one part: a text that begins with an escape.
  bool stands_in_text(json::string_view last) const {
    const std::less<const char*> before;
    return parts_.empty() && !before(last.data(), text_.data()) &&
           !before(text_.data() + text_.size(), last.data() + last.size());
  }

  // The parts of a text with escapes are put together and kept; a text without any is a view into
  // the body.
  std::string_view whole(json::string_view last) {
    if (stands_in_text(last)) return {last.data(), last.size()};
    parts_.append(last.data(), last.size());
    const std::string_view kept = reading_.keep(parts_);
    parts_.clear();
    return kept;
  }

  bool shape_error(json::error_code& error) {
    wrong_shape_ = true;
    error = json::error::syntax;
    return false;
  }

  void begin_item() {
    event_ = {};
    reading_.begin(index_++);
    place_ = events_ ? Place::event : Place::observation;
  }

  void begin_data() {
    if (event_field_ == EventField::data) {
      place_ = Place::observation;
      event_.has_data = true;
      return;
    }
    if (event_field_ != EventField::other) other_value("must be a text");
    ++skipped_;
  }

  void begin_attributes() {
    if (rule_ && rule_->field == Field::attributes) return void(place_ = Place::attributes);
    other_value("must not be an object");
    ++skipped_;
  }

  void end_item() {
    place_ = list_allowed_ && !batch_.single ? Place::list : Place::top;
    if (!events_) return reading_.end();
    if (event_.specversion != "1.0") reading_.reject("invalid_value", "specversion must be 1.0");
    if (event_.id.empty()) reading_.reject("missing_field", "id of the event is missing");
    if (event_.source.empty()) reading_.reject("missing_field", "source of the event is missing");
    if (event_.type.empty()) reading_.reject("missing_field", "type of the event is missing");
    if (!event_.has_data) reading_.reject("missing_field", "data is missing");
    reading_.end(event_.id, event_.source, event_.time);
  }

  void take_field() {
    rule_ = find_field(key_);
    if (!rule_)
      return reading_.reject_field("unknown_field", key_, "is no field of an observation");
    reading_.first_sight(*rule_);
  }

  void take_event_field() {
    event_field_ = event_field(key_);
    const uint32_t bit = 1u << static_cast<unsigned>(event_field_);
    if (event_field_ == EventField::other) return;
    if (event_.seen & bit) reading_.reject_field("duplicate_field", key_, "stands twice");
    event_.seen |= bit;
  }

  bool set_text(std::string_view text, json::error_code& error) {
    if (place_ == Place::observation && rule_) return reading_.set_text(*rule_, text), true;
    if (place_ == Place::attributes) return reading_.add_attribute(key_, text), true;
    if (place_ == Place::event) return set_event_text(text), true;
    return value("must not be a text", error);
  }

  void set_event_text(std::string_view text) {
    switch (event_field_) {
      case EventField::id:
        event_.id = text;
        break;
      case EventField::source:
        event_.source = text;
        break;
      case EventField::time:
        event_.time = text;
        break;
      case EventField::specversion:
        event_.specversion = text;
        break;
      case EventField::type:
        event_.type = text;
        break;
      case EventField::data:
        reading_.reject_field("wrong_type", "data", "must be an object");
        break;
      case EventField::data_base64:
        reading_.reject_field("invalid_value", "data_base64", "is not taken; send data as JSON");
        break;
      case EventField::other:
        break;
    }
  }

  // A value that cannot stand where it stands: inside an item it rejects that item, outside it is
  // the body's fault.
  bool value(std::string_view problem, json::error_code& error) {
    if (skipped_ > 0) return true;
    if (place_ == Place::top) return shape_error(error);
    if (place_ != Place::list) return other_value(problem), true;
    reading_.begin(index_++);
    reading_.reject("not_an_object", "observation must be an object");
    reading_.end();
    return true;
  }

  void other_value(std::string_view problem) {
    if (place_ == Place::list) {
      reading_.begin(index_++);
      reading_.reject("not_an_object", "observation must be an object");
      return reading_.end();
    }
    if (place_ == Place::event && event_field_ == EventField::other) return;
    reading_.reject_field("wrong_type", place_ == Place::attributes ? "attributes" : key_, problem);
  }

  Reading& reading_;
  Batch& batch_;
  const bool events_;
  std::string_view text_;
  bool list_allowed_ = false;
  bool wrong_shape_ = false;
  Place place_ = Place::top;
  size_t index_ = 0;
  size_t skipped_ = 0;  // depth inside a value that is passed over
  std::string parts_;
  std::string_view key_;
  const FieldRule* rule_ = nullptr;
  EventField event_field_ = EventField::other;
  Event event_;
};

json::parse_options options() {
  json::parse_options strict;
  strict.max_depth = kMaxDepth;
  return strict;
}

constexpr std::string_view kSpace = " \t\r\n";

std::string place_of(std::string_view body, size_t at) {
  at = std::min(at, body.size());
  const auto lines = std::count(body.begin(), body.begin() + static_cast<ptrdiff_t>(at), '\n');
  const size_t line_start = body.substr(0, at).rfind('\n') + 1;  // npos + 1 is 0
  return "line " + std::to_string(lines + 1) + " column " + std::to_string(at - line_start + 1);
}

// A document that is whole and alone; else the error that a caller sees, with its place.
Result<> parse_all(json::basic_parser<Handler>& parser, std::string_view text) {
  json::error_code error;
  parser.reset();
  const size_t end = parser.write_some(false, text.data(), text.size(), error);
  if (parser.handler().wrong_shape())
    return Error{Errc::invalid, "observe.json.shape",
                 "an observation must be an object, several a list of objects"};
  if (error)
    return Error{Errc::invalid, "observe.json.syntax",
                 error.message() + " at " + place_of(text, end)};
  const size_t extra = text.find_first_not_of(kSpace, end);
  if (extra != text.npos)
    return Error{Errc::invalid, "observe.json.syntax",
                 "text after the end at " + place_of(text, extra)};
  return Nothing{};
}

// Every line stands for itself, also a broken one: what was read of it before it broke is taken
// back.
void read_line(json::basic_parser<Handler>& parser, Batch& batch, size_t index,
               std::string_view line) {
  const size_t drafts = batch.drafts.size(), rejections = batch.rejections.size();
  parser.handler().start(line, index, false);
  const auto parsed = parse_all(parser, line);
  if (parsed) return;
  batch.drafts.resize(drafts);
  batch.rejections.resize(rejections);
  batch.rejections.push_back({index, "unreadable", parsed.error().detail, {}, {}, {}});
}

void read_lines(json::basic_parser<Handler>& parser, Batch& batch, std::string_view body) {
  size_t index = 0;
  while (!body.empty()) {
    const size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line.find_first_not_of(kSpace) == line.npos) continue;
    read_line(parser, batch, index++, line);
  }
}

}  // namespace

Result<Batch> read_json(Form form, std::string_view body, int64_t now_ms) {
  Batch batch;
  batch.arena = std::make_unique<std::pmr::monotonic_buffer_resource>(4096);
  batch.drafts.reserve(std::min<size_t>(body.size() / 200 + 1, 1000));
  Reading reading(batch, now_ms);
  const bool events = form == Form::cloud_event || form == Form::cloud_events;
  json::basic_parser<Handler> parser(options(), reading, batch, events);
  if (form == Form::ndjson) {
    read_lines(parser, batch, body);
    return batch;
  }
  parser.handler().start(body, 0, form != Form::cloud_event);
  if (const auto parsed = parse_all(parser, body); !parsed) return parsed.error();
  batch.single |= form == Form::cloud_event;
  return batch;
}

Result<Batch> read(Form form, std::string_view body, int64_t now_ms) {
  return form == Form::protobuf ? read_protobuf(body, now_ms) : read_json(form, body, now_ms);
}

std::optional<Form> form_of(std::string_view content_type) {
  std::string type(content_type.substr(0, std::min(content_type.find(';'), content_type.size())));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  for (char& letter : type)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + 32);
  if (type.empty() || type == "application/json" || type == "application/x-www-form-urlencoded")
    return Form::json;
  if (type == "application/x-ndjson" || type == "application/ndjson" || type == "application/jsonl")
    return Form::ndjson;
  if (type == "application/cloudevents+json") return Form::cloud_event;
  if (type == "application/cloudevents-batch+json") return Form::cloud_events;
  if (type == "application/x-protobuf" || type == "application/protobuf") return Form::protobuf;
  return std::nullopt;
}

}  // namespace watchword::observe
