#include <algorithm>
#include <charconv>
#include <limits>

#include "api/config/table.h"
#include "api/http/utf8.h"

namespace watchword::config {
namespace {

template <class T>
using Member = T& (*)(Settings&);

std::string number_text(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') out += '\\';
    if (static_cast<unsigned char>(letter) < 0x20)
      out += "\\u00", out += "01"[letter >= 16], out += "0123456789abcdef"[letter & 15];
    else
      out += letter;
  }
  return out + "\"";
}

template <class List, class Write>
std::string list_text(const List& list, Write write) {
  std::string out = "[";
  for (const auto& element : list) out += (out.size() > 1 ? ", " : "") + write(element);
  return out + "]";
}

struct ToText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return number_text(value); }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(const std::vector<std::string>& value) const {
    return list_text(value, quoted);
  }
  std::string operator()(const std::vector<int64_t>& value) const {
    return list_text(value, [](int64_t number) { return std::to_string(number); });
  }
};

bool in_range(const Setting& setting, const Value& value) {
  const auto holds = [&](double number) { return number >= setting.low && number <= setting.high; };
  if (const auto* whole = std::get_if<int64_t>(&value)) return holds(static_cast<double>(*whole));
  if (const auto* real = std::get_if<double>(&value)) return holds(*real);
  if (const auto* list = std::get_if<std::vector<int64_t>>(&value))
    return std::ranges::all_of(*list,
                               [&](int64_t number) { return holds(static_cast<double>(number)); });
  return true;
}

Error unreadable(std::string_view text, std::string_view wanted) {
  return {Errc::invalid, "config.value.unreadable",
          quoted(text) + " is not " + std::string(wanted)};
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

Result<Value> parse_truth(std::string_view text) {
  std::string lower(text);
  for (char& letter : lower)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + 32);
  for (const std::string_view yes : {"true", "yes", "on", "1"})
    if (lower == yes) return Value(true);
  for (const std::string_view no : {"false", "no", "off", "0"})
    if (lower == no) return Value(false);
  return unreadable(text, "true or false");
}

Result<int64_t> parse_whole(std::string_view text, int64_t scale) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return unreadable(text, "a whole number");
  if (__builtin_mul_overflow(number, scale, &number))
    return unreadable(text, "a number of this size");
  return number;
}

Result<Value> parse_real(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return unreadable(text, "a number");
  return Value(number);
}

Result<Value> parse_wholes(std::string_view text, int64_t scale) {
  std::vector<int64_t> numbers;
  for (const std::string& part : split(text)) {
    const auto number = parse_whole(part, scale);
    if (!number) return number.error();
    numbers.push_back(*number);
  }
  return Value(std::move(numbers));
}

// By the place of the type in Access and Value.
enum Kind : size_t { kTruth, kWhole, kReal, kText, kTexts, kWholes };

Result<Value> parse(const Setting& setting, std::string_view text, int64_t scale) {
  switch (setting.access.index()) {
    case kTruth:
      return parse_truth(text);
    case kReal:
      return parse_real(text);
    case kText:
      return Value(std::string(text));
    case kTexts:
      return Value(split(text));
    case kWholes:
      return parse_wholes(text, scale);
    default:
      break;
  }
  const auto number = parse_whole(text, scale);
  if (!number) return number.error();
  return Value(*number);
}

size_t distance(std::string_view left, std::string_view right) {
  std::vector<size_t> row(right.size() + 1);
  for (size_t i = 0; i <= right.size(); ++i) row[i] = i;
  for (size_t i = 0; i < left.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < right.size(); ++j) {
      const size_t replaced = diagonal + (left[i] != right[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

Value read_value(const Setting& setting, const Settings& settings) {
  // The accessors hand out references to change; reading through one changes nothing.
  auto& all = const_cast<Settings&>(settings);
  return std::visit([&](auto member) { return Value(member(all)); }, setting.access);
}

Result<> write_value(const Setting& setting, Value value, Settings& settings) {
  if (setting.access.index() == kReal && value.index() == kWhole)
    value = static_cast<double>(std::get<int64_t>(value));
  if (value.index() != setting.access.index())
    return Error{Errc::invalid, "config.value.type", "must be " + std::string(type_name(setting))};
  if (!in_range(setting, value))
    return Error{
        Errc::invalid, "config.value.range",
        "must lie between " + number_text(setting.low) + " and " + number_text(setting.high)};
  if (const std::string problem = setting.problem ? setting.problem(value) : ""; !problem.empty())
    return Error{Errc::invalid, "config.value.rejected", problem};
  std::visit(
      [&](auto member) {
        member(settings) = std::get<std::remove_reference_t<decltype(member(settings))>>(value);
      },
      setting.access);
  return Nothing{};
}

Result<> write_text(const Setting& setting, std::string_view text, int64_t scale,
                    Settings& settings) {
  // TOML takes nothing else, and `config show` writes TOML.
  if (!http::is_utf8(text))
    return Error{Errc::invalid, "config.value.unreadable", "must be UTF-8"};
  auto value = parse(setting, text, scale);
  if (!value && setting.secret) return unreadable("********", type_name(setting));
  if (!value) return value.error();
  return write_value(setting, std::move(*value), settings);
}

std::string shown(const Setting& setting, const Settings& settings) {
  const std::string text = std::visit(ToText{}, read_value(setting, settings));
  return setting.secret && text != "\"\"" ? "\"********\"" : text;
}

std::string_view type_name(const Setting& setting) {
  constexpr std::string_view kNames[] = {"true or false",   "a whole number",
                                         "a number",        "a text",
                                         "a list of texts", "a list of whole numbers"};
  return kNames[setting.access.index()];
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
  std::string_view best;
  size_t best_distance = name.size() / 3 + 1;
  for (const std::string_view candidate : known) {
    const size_t away = distance(name, candidate);
    if (away <= best_distance && (best.empty() || away < best_distance))
      best = candidate, best_distance = away;
  }
  return best;
}

}  // namespace watchword::config
