// RFC 3339 in and out, strictly. All times inside are milliseconds since 1970 UTC.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace watchword {

inline constexpr int64_t kSecondMs = 1'000;
inline constexpr int64_t kMinuteMs = 60 * kSecondMs;
inline constexpr int64_t kHourMs = 60 * kMinuteMs;
inline constexpr int64_t kDayMs = 24 * kHourMs;

// "2025-08-08T11:42:18.123Z": always UTC and milliseconds.
std::string rfc3339(int64_t at_ms);

// date-time of RFC 3339 section 5.6 with any offset and any number of fraction digits (cut to ms); a leap second counts as
// the second before it. nullopt for anything else, an impossible date, or a year outside 1..9999.
std::optional<int64_t> parse_rfc3339(std::string_view text);

// Proleptic Gregorian, days since 1970-01-01.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);

}  // namespace watchword
