// Facts as JSON by reflection over their schema: a new fact is told without a line here. Bytes of 16 are ids, sealed text and
// hashes are left out, *_ms are times.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "events/base/time.h"
#include "processors/publisher/render.h"

namespace watchword::publisher {
namespace {

namespace json = boost::json;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* set_member(const Message& message, const char* oneof) {
  const auto* group = message.GetDescriptor()->FindOneofByName(oneof);
  return group == nullptr ? nullptr
                          : message.GetReflection()->GetOneofFieldDescriptor(message, group);
}

bool hidden(const FieldDescriptor& field) {
  if (field.type() == FieldDescriptor::TYPE_MESSAGE)
    return field.message_type() == v1::Sealed::descriptor();
  const auto& name = field.name();
  return name == "secret_sha256" || name == "sealed" || name == "body_hmac" || name == "jti_hash" ||
         name == "name_hash" || name == "original";
}

json::value bytes_value(const std::string& bytes) {
  if (bytes.empty()) return nullptr;
  if (bytes.size() == 16) return json::value(Id::from_view(bytes).text());
  if (bytes.size() == 4) return json::value(network_text(bytes));
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    out.push_back(kHex[static_cast<uint8_t>(byte) >> 4]);
    out.push_back(kHex[static_cast<uint8_t>(byte) & 15]);
  }
  return json::value(out);
}

json::object object_of(const Message& message);

json::value value_of(const Message& message, const FieldDescriptor& field, int index) {
  const auto& reflection = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string text = many ? reflection.GetRepeatedString(message, &field, index)
                              : reflection.GetString(message, &field);
      if (field.type() == FieldDescriptor::TYPE_BYTES) return bytes_value(text);
      return json::value(text);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return object_of(many ? reflection.GetRepeatedMessage(message, &field, index)
                            : reflection.GetMessage(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM: {
      std::string name = reflection.GetEnum(message, &field)->name();
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      return json::value(name);
    }
    case FieldDescriptor::CPPTYPE_BOOL: return reflection.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_INT64: {
      const int64_t number = reflection.GetInt64(message, &field);
      if (field.name().ends_with("_ms")) return time_or_null(number);
      return number;
    }
    case FieldDescriptor::CPPTYPE_INT32: return reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32: {
      const uint32_t number = reflection.GetUInt32(message, &field);
      if (field.name() == "risk" || field.name() == "share") return risk_of(number);
      return number;
    }
    case FieldDescriptor::CPPTYPE_UINT64: return reflection.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT: break;  // no fact has one
  }
  return nullptr;
}

json::object object_of(const Message& message) {
  json::object out;
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (hidden(*field)) continue;
    std::string name = field->name();
    if (name.ends_with("_ms")) name.resize(name.size() - 3);
    if (!field->is_repeated()) {
      out[name] = value_of(message, *field, 0);
      continue;
    }
    json::array items;
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i)
      items.push_back(value_of(message, *field, i));
    out[name] = std::move(items);
  }
  return out;
}

}  // namespace

std::string type_of(const v1::Event& event) {
  const auto* aggregate = set_member(event, "fact");
  if (aggregate == nullptr) return "unknown";
  const auto& inner = event.GetReflection()->GetMessage(event, aggregate);
  const auto* fact = set_member(inner, "fact");
  return aggregate->name() + "." + (fact == nullptr ? "unknown" : fact->name());
}

json::object render(const v1::Event& event, const Position& position, uint32_t index) {
  const auto& envelope = event.envelope();
  json::object out{{"id", event_id(position, index)},
                   {"type", type_of(event)},
                   {"time", time_or_null(envelope.at_ms())}};
  const auto put = [&](std::string_view name, json::value value) {
    if (!value.is_null()) out[name] = std::move(value);
  };
  put("subject", bytes_value(envelope.subject()));
  put("actor", bytes_value(envelope.actor()));
  put("token_id", bytes_value(envelope.token()));
  if (!envelope.network().empty()) out["network"] = network_text(envelope.network());
  if (!envelope.cause().empty()) out["cause"] = envelope.cause();
  if (!envelope.correlation().empty()) out["request_id"] = envelope.correlation();
  if (const auto* aggregate = set_member(event, "fact")) {
    const auto& inner = event.GetReflection()->GetMessage(event, aggregate);
    if (const auto* fact = set_member(inner, "fact"))
      out["data"] = object_of(inner.GetReflection()->GetMessage(inner, fact));
  }
  return out;
}

}  // namespace watchword::publisher
