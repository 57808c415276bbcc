// RFC 3339 and hours of the day. Input: a time's text, a line feed, a time zone, a line feed,
// numbers of an hour range and an instant.
#include "events/base/time.h"

#include <ctime>

#include "events/policy/hours.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

constexpr int64_t kFirstMs = -62'135'596'800'000, kLastMs = 253'402'300'799'999;  // years 1 to 9999

void require_time(std::string_view text, int64_t at_ms) {
  const std::string printed = rfc3339(at_ms);
  require(parse_rfc3339(printed) == at_ms, "a time prints as one that reads the same");
  require(printed.size() == 24 && printed.back() == 'Z', "UTC and milliseconds");
  std::tm fields{};
  if (sscanf(printed.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &fields.tm_year, &fields.tm_mon,
             &fields.tm_mday, &fields.tm_hour, &fields.tm_min, &fields.tm_sec) != 6)
    require(false, "six numbers");
  fields.tm_year -= 1900;
  fields.tm_mon -= 1;
  const int64_t seconds = (at_ms - (at_ms % 1000 + 1000) % 1000) / 1000;
  require(timegm(&fields) == seconds, "the second that the C library says");
  require(text.size() >= 20, "no shorter than a date, a time and a Z");
}

v1::HourRange range_of(Pieces& pieces) {
  v1::HourRange range;
  range.set_from_minute(static_cast<uint32_t>(pieces.number(2)) % 1500);
  range.set_to_minute(static_cast<uint32_t>(pieces.number(2)) % 1500);
  range.set_weekdays(pieces.byte());
  return range;
}

bool on_day(const v1::HourRange& range, int64_t day) {
  const auto weekday = static_cast<unsigned>(((day + 3) % 7 + 7) % 7);  // day 0 was a Thursday
  return range.weekdays() == 0 || (range.weekdays() >> weekday & 1) != 0;
}

// In UTC no clock changes: arithmetic says whether an instant lies in a range.
bool allowed_in_utc(const v1::HourRange& range, int64_t at_ms) {
  int64_t day = at_ms / kDayMs;
  if (at_ms % kDayMs < 0) --day;
  const auto minute = static_cast<uint32_t>((at_ms - day * kDayMs) / kMinuteMs);
  const uint32_t from = range.from_minute(), to = range.to_minute();
  if (from < to) return minute >= from && minute < to && on_day(range, day);
  return (minute >= from && on_day(range, day)) || (minute < to && on_day(range, day - 1));
}

void require_hours(std::string_view zone, Pieces& pieces) {
  const auto range = range_of(pieces);
  const int64_t at_ms = static_cast<int64_t>(pieces.number(7)) % (kLastMs - kFirstMs) + kFirstMs;
  policy::HourRanges ranges;
  *ranges.Add() = range;
  const bool valid = policy::check_hours(range).ok();
  const bool known = policy::check_time_zone(zone).ok();
  const bool allowed = policy::allowed_at(ranges, zone, at_ms);
  require(!allowed || (valid && known), "a malformed range or an unknown zone allows nothing");
  require(policy::allowed_at({}, zone, at_ms), "no range allows every hour");
  if (valid)
    require(policy::allowed_at(ranges, "UTC", at_ms) == allowed_in_utc(range, at_ms),
            "as arithmetic says");
  if (known) require(zone.find("..") == zone.npos && !zone.starts_with("/"), "no path is a zone");
}

void run(std::string_view input) {
  Pieces pieces(input);
  const auto text = pieces.until('\n');
  if (const auto at_ms = parse_rfc3339(text)) {
    require(*at_ms >= kFirstMs - kDayMs && *at_ms <= kLastMs + kDayMs, "in the years 1 to 9999");
    if (*at_ms >= kFirstMs && *at_ms <= kLastMs) require_time(text, *at_ms);
  }
  const auto zone = pieces.until('\n');
  require_hours(zone, pieces);
}

const Registered kTarget{{"time", run, 256}};

}  // namespace
}  // namespace watchword::fuzz
