// When an identity may act: ranges of its own local time. Half-open, with weekdays, correct on days when the clocks
// change, because an instant is turned into local time first and compared then.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "events/base/result.h"
#include "schemas/identity.pb.h"

namespace watchword::policy {

inline constexpr uint32_t kMinutesOfDay = 24 * 60;
using HourRanges = google::protobuf::RepeatedPtrField<v1::HourRange>;

// from 0..1439, to 0..1440, from != to (write 0..1440 for the whole day), weekdays 0..127. Errors, all invalid:
// "hours.out_of_range", "hours.empty_range", "hours.weekdays_out_of_range".
Result<> check_hours(const v1::HourRange& range);

// An IANA name that this machine knows ("Europe/Berlin", "UTC"); empty is UTC. Errors: invalid
// "hours.time_zone_unknown". Names that depend on the machine ("localtime", "posix/…", "right/…", paths, offsets) are
// unknown. The first look at a zone on each thread reads its file; later ones touch no lock and no file.
Result<> check_time_zone(std::string_view time_zone);

// No range at all allows every hour; else `now_ms` must lie in one. A range that wraps midnight belongs to the weekday
// on which it begins. An unknown time zone or a malformed range allows nothing.
bool allowed_at(const HourRanges& ranges, std::string_view time_zone, int64_t now_ms);

}  // namespace watchword::policy
