#include "events/base/time.h"

#include <cstdio>

namespace watchword {
namespace {

struct Civil {
  int64_t year;
  unsigned month, day;
};

Civil civil_from_days(int64_t days) {
  days += 719'468;
  const int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto doe = static_cast<unsigned>(days - era * 146'097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  const unsigned month = mp < 10 ? mp + 3 : mp - 9;
  return {static_cast<int64_t>(yoe) + era * 400 + (month <= 2), month, doy - (153 * mp + 2) / 5 + 1};
}

unsigned days_in_month(int64_t year, unsigned month) {
  constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// Takes exactly `digits` decimal digits off the front; -1 if they are not there.
int take_number(std::string_view& text, size_t digits) {
  if (text.size() < digits) return -1;
  int number = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text[0] != wanted) return false;
  text.remove_prefix(1);
  return true;
}

// ".123456" → 123; absent → 0; a dot without digits → -1.
int take_fraction_ms(std::string_view& text) {
  if (!take(text, '.')) return 0;
  int ms = 0, digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; ++digits, text.remove_prefix(1))
    if (digits < 3) ms = ms * 10 + (text[0] - '0');
  if (digits == 0) return -1;
  for (; digits < 3; ++digits) ms *= 10;
  return ms;
}

std::optional<int64_t> take_offset_ms(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return 0;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const int hours = take_number(text, 2);
  if (hours < 0 || hours > 23 || !take(text, ':')) return std::nullopt;
  const int minutes = take_number(text, 2);
  if (minutes < 0 || minutes > 59) return std::nullopt;
  return sign * (hours * kHourMs + minutes * kMinuteMs);
}

}  // namespace

int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto yoe = static_cast<unsigned>(year - era * 400);
  const unsigned doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146'097 + static_cast<int64_t>(doe) - 719'468;
}

std::string rfc3339(int64_t at_ms) {
  int64_t days = at_ms / kDayMs, rest = at_ms % kDayMs;
  if (rest < 0) rest += kDayMs, --days;
  const Civil date = civil_from_days(days);
  char text[48];
  const int size = std::snprintf(
      text, sizeof text, "%04lld-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<long long>(date.year),
      date.month, date.day, static_cast<int>(rest / kHourMs), static_cast<int>(rest / kMinuteMs % 60),
      static_cast<int>(rest / kSecondMs % 60), static_cast<int>(rest % kSecondMs));
  return {text, static_cast<size_t>(size)};
}

std::optional<int64_t> parse_rfc3339(std::string_view text) {
  const int year = take_number(text, 4);
  if (year < 1 || !take(text, '-')) return std::nullopt;
  const int month = take_number(text, 2);
  if (month < 1 || month > 12 || !take(text, '-')) return std::nullopt;
  const int day = take_number(text, 2);
  if (day < 1 || day > static_cast<int>(days_in_month(year, static_cast<unsigned>(month))))
    return std::nullopt;
  if (!take(text, 'T') && !take(text, 't')) return std::nullopt;
  const int hour = take_number(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return std::nullopt;
  const int minute = take_number(text, 2);
  if (minute < 0 || minute > 59 || !take(text, ':')) return std::nullopt;
  int second = take_number(text, 2);
  if (second < 0 || second > 60) return std::nullopt;
  if (second == 60) second = 59;
  const int fraction_ms = take_fraction_ms(text);
  if (fraction_ms < 0) return std::nullopt;
  const auto offset_ms = take_offset_ms(text);
  if (!offset_ms || !text.empty()) return std::nullopt;
  const int64_t days =
      days_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  return days * kDayMs + hour * kHourMs + minute * kMinuteMs + second * kSecondMs + fraction_ms -
         *offset_ms;
}

}  // namespace watchword
