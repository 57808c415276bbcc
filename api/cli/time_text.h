// Times and durations as people type them.
#pragma once
#include <cstdint>
#include <string_view>

#include "events/base/result.h"

namespace watchword::cli {

// "90", "90s", "15m", "1h30m", "7d": whole seconds, above 0, at most 100 years. Errors: invalid
// "cli.duration.malformed".
Result<int64_t> parse_duration_s(std::string_view text);

// "2026-11-21T12:00:00Z" (RFC 3339 with any offset), seconds since 1970, "now", or a duration and "
// ago". Errors: invalid "cli.time.malformed".
Result<int64_t> parse_time_ms(std::string_view text, int64_t now_ms);

}  // namespace watchword::cli
