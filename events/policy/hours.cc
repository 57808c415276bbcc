#include "events/policy/hours.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

namespace watchword::policy {
namespace {

struct LocalTime {
  uint32_t minute;
  uint32_t today;  // one bit: 0 = Monday
  uint32_t yesterday;
};

constexpr bool is_zone_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '+' || c == '/';
}

// The library would also take paths, "file:…", "Fixed/…" and the machine's own "localtime".
bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '/') return false;
  if (name.find("//") != name.npos) return false;
  if (name == "localtime" || name == "posixrules" || name == "Factory") return false;
  for (const std::string_view prefix : {"posix/", "right/", "Fixed/", "SystemV/"}) {
    if (name.starts_with(prefix)) return false;
  }
  return std::all_of(name.begin(), name.end(), is_zone_character);
}

// A cache of a thread's own, because the library's takes a lock at every look. Only known names
// enter, so it is bounded.
std::optional<cctz::time_zone> zone_named(std::string_view name) {
  if (name.empty()) return cctz::utc_time_zone();
  thread_local std::map<std::string, cctz::time_zone, std::less<>> known;
  if (const auto found = known.find(name); found != known.end()) return found->second;
  cctz::time_zone zone;
  if (!is_zone_name(name) || !cctz::load_time_zone(std::string(name), &zone)) return std::nullopt;
  return known.emplace(name, zone).first->second;
}

LocalTime local_time(const cctz::time_zone& zone, int64_t now_ms) {
  const std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds> instant{
      std::chrono::milliseconds(now_ms)};
  const cctz::civil_second local = cctz::convert(instant, zone);
  static_assert(static_cast<int>(cctz::weekday::monday) == 0);
  const auto today = static_cast<uint32_t>(cctz::get_weekday(cctz::civil_day(local)));
  return {static_cast<uint32_t>(local.hour() * 60 + local.minute()), 1u << today,
          1u << (today + 6) % 7};
}

bool holds(const v1::HourRange& range, const LocalTime& local) {
  const uint32_t days = range.weekdays() == 0 ? 0x7f : range.weekdays();
  const bool begun = local.minute >= range.from_minute();
  const bool not_over = local.minute < range.to_minute();
  if (range.from_minute() < range.to_minute()) return begun && not_over && (days & local.today);
  return (begun && (days & local.today)) || (not_over && (days & local.yesterday));
}

}  // namespace

Result<> check_hours(const v1::HourRange& range) {
  if (range.from_minute() >= kMinutesOfDay || range.to_minute() > kMinutesOfDay) {
    return Error{Errc::invalid, "hours.out_of_range", "hours lie within one day"};
  }
  if (range.from_minute() == range.to_minute()) {
    return Error{Errc::invalid, "hours.empty_range", "write 0 to 24 for the whole day"};
  }
  if (range.weekdays() > 0x7f) {
    return Error{Errc::invalid, "hours.weekdays_out_of_range", "seven days make a week"};
  }
  return {};
}

Result<> check_time_zone(std::string_view time_zone) {
  if (zone_named(time_zone)) return {};
  return Error{Errc::invalid, "hours.time_zone_unknown",
               "no IANA time zone: " + std::string(time_zone.substr(0, 64))};
}

bool allowed_at(const HourRanges& ranges, std::string_view time_zone, int64_t now_ms) {
  if (ranges.empty()) return true;
  const auto zone = zone_named(time_zone);
  if (!zone) return false;
  const LocalTime local = local_time(*zone, now_ms);
  return std::any_of(ranges.begin(), ranges.end(), [&](const v1::HourRange& range) {
    return check_hours(range).ok() && holds(range, local);
  });
}

}  // namespace watchword::policy
