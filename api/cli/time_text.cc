#include "api/cli/time_text.h"

#include <charconv>
#include <optional>
#include <string>

#include "events/base/time.h"

namespace watchword::cli {
namespace {

constexpr int64_t kLongestS = int64_t{36'525} * 86'400;

std::optional<int64_t> unit_s(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3'600;
    case 'd':
      return 86'400;
    default:
      return std::nullopt;
  }
}

// Takes one "15m" off the front. A number without a unit stands alone and counts seconds.
std::optional<int64_t> take_part_s(std::string_view& text, bool is_first) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || number > kLongestS) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (text.empty()) return is_first ? std::optional(number) : std::nullopt;
  const auto unit = unit_s(text[0]);
  text.remove_prefix(1);
  return unit ? std::optional(number * *unit) : std::nullopt;
}

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<int64_t> parse_duration_s(std::string_view text) {
  const Error malformed{
      Errc::invalid, "cli.duration.malformed",
      "\"" + std::string(text) + "\" is no duration such as 90s, 15m, 1h30m or 7d"};
  int64_t seconds = 0;
  for (bool is_first = true; !text.empty(); is_first = false) {
    const auto part = take_part_s(text, is_first);
    if (!part || seconds + *part > kLongestS) return malformed;
    seconds += *part;
  }
  if (seconds == 0) return malformed;
  return seconds;
}

Result<int64_t> parse_time_ms(std::string_view text, int64_t now_ms) {
  if (text == "now") return now_ms;
  if (const auto at_ms = parse_rfc3339(text)) return *at_ms;
  const auto seconds = parse_number(text);
  if (seconds && *seconds >= 0 && *seconds < 253'402'300'800) return *seconds * kSecondMs;
  constexpr std::string_view kAgo = " ago";
  if (text.ends_with(kAgo))
    if (const auto ago_s = parse_duration_s(text.substr(0, text.size() - kAgo.size())))
      return now_ms - *ago_s * kSecondMs;
  return Error{Errc::invalid, "cli.time.malformed",
               "\"" + std::string(text) +
                   "\" is no time such as 2026-11-21T12:00:00Z, 1795262400, now or \"15m ago\""};
}

}  // namespace watchword::cli
