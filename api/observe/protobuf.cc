#include <protozero/pbf_reader.hpp>

#include "api/observe/reading.h"

namespace watchword::observe {
namespace {

using O = v1::Observation;
using protozero::pbf_wire_type;

std::string_view view_of(protozero::data_view data) { return {data.data(), data.size()}; }

// Which field of the table a tag speaks of, and how it is written. Fields 24 to 28 are concluded
// here, never sent.
struct Tag {
  uint32_t number;
  Field field;
  pbf_wire_type wire;
  bool raw;  // bytes of an id, an address or a hash instead of the table's text
};
constexpr auto kLength = pbf_wire_type::length_delimited;
constexpr Tag kTags[] = {
    {O::kIdFieldNumber, Field::id, kLength, false},
    {O::kTimeMsFieldNumber, Field::time, pbf_wire_type::fixed64, true},
    {O::kSourceFieldNumber, Field::source, kLength, false},
    {O::kPrincipalFieldNumber, Field::identity_id, kLength, true},
    {O::kTokenIdFieldNumber, Field::token_id, kLength, true},
    {O::kSessionIdFieldNumber, Field::session_id, kLength, true},
    {O::kActionFieldNumber, Field::action, kLength, false},
    {O::kOutcomeFieldNumber, Field::outcome, pbf_wire_type::varint, true},
    {O::kNetworkFieldNumber, Field::source_ip, kLength, true},
    {O::kUserAgentFieldNumber, Field::user_agent, kLength, false},
    {O::kDeviceFieldNumber, Field::device_id, pbf_wire_type::fixed64, true},
    {O::kClientIdFieldNumber, Field::client_id, kLength, false},
    {O::kEndpointFieldNumber, Field::endpoint, kLength, false},
    {O::kResourceFieldNumber, Field::resource, kLength, false},
    {O::kScopeFieldNumber, Field::scope, kLength, false},
    {O::kResponseCodeFieldNumber, Field::response_code, pbf_wire_type::varint, false},
    {O::kRequestSizeFieldNumber, Field::request_size, pbf_wire_type::varint, false},
    {O::kResponseSizeFieldNumber, Field::response_size, pbf_wire_type::varint, false},
    {O::kRecordsFieldNumber, Field::records, pbf_wire_type::varint, false},
    {O::kLatencyMsFieldNumber, Field::latency_ms, pbf_wire_type::varint, false},
    {O::kActorFieldNumber, Field::actor, kLength, true},
    {O::kAttributesFieldNumber, Field::attributes, kLength, true},
    {O::kCountFieldNumber, Field::count, pbf_wire_type::varint, false},
    {O::kSubjectFieldNumber, Field::subject, kLength, false},
};

const Tag* find_tag(uint32_t number) {
  for (const Tag& tag : kTags)
    if (tag.number == number) return &tag;
  return nullptr;
}

// Text of a sender, checked as JSON's would be.
bool is_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && is_utf8(text);
}

void set_id(Reading& reading, Field field, std::string_view raw) {
  Draft& draft = reading.draft();
  const FieldRule& rule = rule_of(field);
  const Id id = Id::from_view(raw);
  const bool foreign = raw.size() != 16;
  switch (field) {
    case Field::identity_id:
      if (foreign || id.is_nil())
        return reading.reject_field("invalid_value", "principal", "must have 16 bytes");
      draft.principal = id;
      return;
    case Field::token_id:
    case Field::session_id:
      if (!foreign)
        return void((field == Field::token_id ? draft.token_id : draft.session_id) = id);
      break;
    case Field::actor:
      if (!foreign) return void(draft.actor = id);
      break;
    case Field::id:
    case Field::time:
    case Field::source:
    case Field::subject:
    case Field::action:
    case Field::outcome:
    case Field::source_ip:
    case Field::user_agent:
    case Field::device_id:
    case Field::client_id:
    case Field::endpoint:
    case Field::resource:
    case Field::scope:
    case Field::response_code:
    case Field::request_size:
    case Field::response_size:
    case Field::records:
    case Field::latency_ms:
    case Field::attributes:
    case Field::count:
      return;
  }
  if (!is_text(raw))
    return reading.reject_field("invalid_value", rule.name, "must be 16 bytes or a text");
  reading.set_text(rule, raw);
}

void set_address(Reading& reading, std::string_view raw) {
  reading.draft().source_ip = Address::from_view(raw);
  if (!raw.empty() && !reading.draft().source_ip.known())
    reading.reject_field("invalid_value", "network", "must have 4 or 16 bytes");
}

void set_outcome(Reading& reading, uint64_t value) {
  if (value > static_cast<uint64_t>(v1::Outcome_MAX))
    return reading.reject_field("invalid_value", "outcome", "must be SUCCESS, FAILURE or DENIED");
  reading.draft().outcome = static_cast<v1::Outcome>(value);
}

void set_time(Reading& reading, uint64_t value) {
  const auto time_ms = static_cast<int64_t>(value);
  if (time_ms < 0) return reading.reject_field("invalid_value", "time_ms", "must not be negative");
  reading.set_time_ms(time_ms);
}

void add_attribute(Reading& reading, std::string_view bytes) {
  protozero::pbf_reader entry(bytes.data(), bytes.size());
  std::string_view key, value;
  while (entry.next()) {
    const bool text = entry.wire_type() == kLength;
    if (text && entry.tag() == v1::KeyValue::kKeyFieldNumber)
      key = view_of(entry.get_view());
    else if (text && entry.tag() == v1::KeyValue::kValueFieldNumber)
      value = view_of(entry.get_view());
    else
      return reading.reject_field("unknown_field", "attributes", "has a field that is not known");
  }
  if (!is_text(key) || !is_text(value))
    return reading.reject_field("invalid_value", "attributes", "must be UTF-8 without NUL");
  reading.add_attribute(key, value);
}

void set_raw(Reading& reading, const Tag& tag, protozero::pbf_reader& field) {
  if (tag.field == Field::time)
    set_time(reading, field.get_fixed64());
  else if (tag.field == Field::device_id)
    reading.draft().device = field.get_fixed64();
  else if (tag.field == Field::outcome)
    set_outcome(reading, field.get_uint64());
  else if (tag.field == Field::source_ip)
    set_address(reading, view_of(field.get_view()));
  else if (tag.field == Field::attributes)
    add_attribute(reading, view_of(field.get_view()));
  else
    set_id(reading, tag.field, view_of(field.get_view()));
}

void set_field(Reading& reading, protozero::pbf_reader& field) {
  const Tag* tag = find_tag(field.tag());
  if (!tag || field.wire_type() != tag->wire) {
    const std::string name = "field " + std::to_string(field.tag());
    reading.reject_field(tag ? "wrong_type" : "unknown_field", name,
                         tag ? "has another type" : "is not a sender's");
    return field.skip();
  }
  const FieldRule& rule = rule_of(tag->field);
  if (tag->field != Field::attributes && !reading.first_sight(rule)) return field.skip();
  if (tag->raw) return set_raw(reading, *tag, field);
  if (rule.takes == Takes::number) return reading.set_number(rule, field.get_uint64());
  const std::string_view text = view_of(field.get_view());
  if (!is_text(text))
    return reading.reject_field("invalid_value", rule.name, "must be UTF-8 without NUL");
  reading.set_text(rule, text);
}

void read_one(Reading& reading, size_t index, std::string_view bytes) {
  reading.begin(index);
  try {
    protozero::pbf_reader field(bytes.data(), bytes.size());
    while (field.next()) set_field(reading, field);
  } catch (const protozero::exception& broken) {
    reading.reject("unreadable", std::string("observation is not Protobuf: ") + broken.what());
  }
  reading.end();
}

}  // namespace

Result<Batch> read_protobuf(std::string_view body, int64_t now_ms) {
  Batch batch;
  batch.arena = std::make_unique<std::pmr::monotonic_buffer_resource>();
  Reading reading(batch, now_ms);
  size_t index = 0;
  try {
    protozero::pbf_reader list(body.data(), body.size());
    while (list.next()) {
      if (list.tag() != v1::ObservationBatch::kObservationsFieldNumber ||
          list.wire_type() != kLength)
        return Error{Errc::invalid, "observe.protobuf.syntax",
                     "not an ObservationBatch: field " + std::to_string(list.tag())};
      read_one(reading, index++, view_of(list.get_view()));
    }
  } catch (const protozero::exception& broken) {
    return Error{Errc::invalid, "observe.protobuf.syntax",
                 "observation " + std::to_string(index) + ": " + broken.what()};
  }
  return batch;
}

}  // namespace watchword::observe
