#include "api/http/json.h"

#include <algorithm>

#include "api/http/characters.h"
#include "events/base/json.h"

namespace watchword::http {
namespace {

namespace json = boost::json;

// No answer may be much larger than what it answers.
constexpr size_t kErrorsTold = 50;
constexpr size_t kNameBytesTold = 128;

std::string_view shortened(std::string_view name) {
  if (name.size() <= kNameBytesTold) return name;
  size_t end = kNameBytesTold;
  while (end > 0 && (static_cast<uint8_t>(name[end]) & 0xc0) == 0x80) --end;
  return name.substr(0, end);
}

// RFC 6901 section 3.
std::string escaped_pointer(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~') out += "~0";
    if (c == '/') out += "~1";
    if (c != '~' && c != '/') out += c;
  }
  return out;
}

std::string text_problem(const json::value& value, const TextLimits& limits) {
  if (!value.is_string()) return "must be a string";
  const std::string_view text(value.get_string());
  if (text.size() < limits.min_bytes)
    return text.empty() ? "must not be empty"
                        : "must be at least " + std::to_string(limits.min_bytes) + " bytes long";
  if (text.size() > limits.max_bytes)
    return "must be at most " + std::to_string(limits.max_bytes) + " bytes long";
  const char* const end = text.data() + text.size();
  const char* const found = find_control(text.data(), end);
  const bool only_lines = limits.multiline && text.find('\0') == text.npos;
  return found == end || only_lines ? "" : "must not contain control characters";
}

std::string range_text(int64_t min, int64_t max) {
  return "must be an integer from " + std::to_string(min) + " to " + std::to_string(max);
}

}  // namespace

Fields::Fields(const json::value& value, std::string pointer, std::vector<FieldError>& errors)
    : object_(value.if_object()), pointer_(std::move(pointer)), errors_(&errors) {
  if (!object_) errors_->push_back({pointer_, "must be an object"});
}

std::string Fields::pointer_to(std::string_view name) const {
  return pointer_ + "/" + escaped_pointer(shortened(name));
}

void Fields::fail(std::string_view name, std::string detail) {
  if (errors_->size() < kErrorsTold) errors_->push_back({pointer_to(name), std::move(detail)});
}

bool Fields::has(std::string_view name) const {
  const auto* value = object_ ? object_->if_contains(name) : nullptr;
  return value && !value->is_null();
}

const json::value* Fields::member(std::string_view name) {
  asked_.push_back(name);
  const auto* value = object_ ? object_->if_contains(name) : nullptr;
  return value && !value->is_null() ? value : nullptr;
}

const json::value* Fields::required(std::string_view name) {
  const auto* value = member(name);
  if (!value && object_) fail(name, "is required");
  return value;
}

std::optional<std::string_view> Fields::checked_text(std::string_view name,
                                                     const json::value* value, TextLimits limits) {
  if (!value) return {};
  if (std::string problem = text_problem(*value, limits); !problem.empty()) {
    fail(name, std::move(problem));
    return {};
  }
  return std::string_view(value->get_string());
}

std::string_view Fields::text(std::string_view name, TextLimits limits) {
  return checked_text(name, required(name), limits).value_or(std::string_view());
}

std::optional<std::string_view> Fields::optional_text(std::string_view name, TextLimits limits) {
  return checked_text(name, member(name), limits);
}

std::optional<int64_t> Fields::checked_integer(std::string_view name, const json::value* value,
                                               int64_t min, int64_t max) {
  if (!value) return {};
  const int64_t* number = value->if_int64();
  if (number && *number >= min && *number <= max) return *number;
  fail(name, range_text(min, max));
  return {};
}

int64_t Fields::integer(std::string_view name, int64_t min, int64_t max) {
  return checked_integer(name, required(name), min, max).value_or(0);
}

std::optional<int64_t> Fields::optional_integer(std::string_view name, int64_t min, int64_t max) {
  return checked_integer(name, member(name), min, max);
}

std::optional<double> Fields::optional_decimal(std::string_view name, double min, double max) {
  const auto* value = member(name);
  if (!value) return {};
  if (value->is_number()) {
    const double number = value->to_number<double>();
    if (number >= min && number <= max) return number;
  }
  fail(name, "must be a number from " + std::to_string(min) + " to " + std::to_string(max));
  return {};
}

std::optional<bool> Fields::checked_boolean(std::string_view name, const json::value* value) {
  if (!value) return {};
  if (value->is_bool()) return value->get_bool();
  fail(name, "must be true or false");
  return {};
}

bool Fields::boolean(std::string_view name) {
  return checked_boolean(name, required(name)).value_or(false);
}
std::optional<bool> Fields::optional_boolean(std::string_view name) {
  return checked_boolean(name, member(name));
}

std::optional<std::vector<std::string>> Fields::checked_texts(std::string_view name,
                                                              const json::value* value,
                                                              const ListLimits& limits) {
  const auto* list = value ? value->if_array() : nullptr;
  if (value && !list) fail(name, "must be an array of strings");
  if (!list) return {};
  if (list->size() > limits.max_items) {
    fail(name, "must have at most " + std::to_string(limits.max_items) + " items");
    return {};
  }
  std::vector<std::string> texts;
  for (const auto& item : *list) {
    std::string problem = text_problem(item, limits.item);
    if (problem.empty())
      texts.emplace_back(std::string_view(item.get_string()));
    else
      errors_->push_back(
          {pointer_to(name) + "/" + std::to_string(&item - list->data()), std::move(problem)});
  }
  return texts;
}

std::vector<std::string> Fields::texts(std::string_view name, ListLimits limits) {
  return checked_texts(name, required(name), limits).value_or(std::vector<std::string>());
}

std::optional<std::vector<std::string>> Fields::optional_texts(std::string_view name,
                                                               ListLimits limits) {
  return checked_texts(name, member(name), limits);
}

std::string_view Fields::choice(std::string_view name,
                                std::initializer_list<std::string_view> allowed) {
  const auto* value = required(name);
  const auto* text = value ? value->if_string() : nullptr;
  const auto found = std::find(allowed.begin(), allowed.end(),
                               text ? std::string_view(*text) : std::string_view());
  if (found != allowed.end()) return *found;
  std::string list;
  for (const auto& choice : allowed) list.append(list.empty() ? "" : ", ").append(choice);
  if (value) fail(name, "must be one of " + list);
  return {};
}

std::optional<Fields> Fields::checked_object(std::string_view name, const json::value* value) {
  if (!value) return {};
  Fields inner(*value, pointer_to(name), *errors_);
  if (!inner.object_) return {};
  return inner;
}

std::optional<Fields> Fields::object(std::string_view name) {
  return checked_object(name, required(name));
}
std::optional<Fields> Fields::optional_object(std::string_view name) {
  return checked_object(name, member(name));
}

const json::array* Fields::optional_array(std::string_view name) {
  const auto* value = member(name);
  const auto* array = value ? value->if_array() : nullptr;
  if (value && !array) fail(name, "must be an array");
  return array;
}

void Fields::refuse_unknown() {
  if (!object_) return;
  for (const auto& [name, value] : *object_)
    if (std::find(asked_.begin(), asked_.end(), std::string_view(name)) == asked_.end())
      fail(name, "is not known here");
}

Result<JsonBody> JsonBody::parse(std::string_view body, size_t max_bytes) {
  JsonBody parsed;
  if (body.empty()) {
    parsed.value_.emplace_object();
    return parsed;
  }
  JsonLimits limits;
  limits.max_bytes = max_bytes;
  auto value = parse_json_strict(body, limits);
  if (!value) return value.error();
  parsed.value_ = std::move(*value);
  return parsed;
}

Result<> JsonBody::done(Fields& root) {
  root.refuse_unknown();
  if (errors_.empty()) return {};
  return Error{Errc::invalid, "request.body.invalid",
               errors_.front().pointer + " " + errors_.front().detail};
}

Problem JsonBody::problem() const {
  Problem problem{400, "request.body.invalid", {}, errors_, 0};
  if (!errors_.empty()) problem.detail = errors_.front().pointer + " " + errors_.front().detail;
  return problem;
}

}  // namespace watchword::http
