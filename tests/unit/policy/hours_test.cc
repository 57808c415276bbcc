#include "events/policy/hours.h"

#include <gtest/gtest.h>

#include "events/base/time.h"

namespace watchword::policy {
namespace {

constexpr uint32_t kMonday = 1, kFriday = 1 << 4, kSaturday = 1 << 5;

v1::HourRange range(uint32_t from_minute, uint32_t to_minute, uint32_t weekdays = 0) {
  v1::HourRange made;
  made.set_from_minute(from_minute);
  made.set_to_minute(to_minute);
  made.set_weekdays(weekdays);
  return made;
}
HourRanges only(const v1::HourRange& one) {
  HourRanges ranges;
  *ranges.Add() = one;
  return ranges;
}
int64_t at(std::string_view text) { return parse_rfc3339(text).value(); }
constexpr uint32_t hour(uint32_t of_day) { return of_day * 60; }

TEST(Hours, AllowEverythingWhenThereAreNone) {
  EXPECT_TRUE(allowed_at({}, "", at("2025-08-08T03:00:00Z")));
}

TEST(Hours, BeginWithTheFirstMomentAndEndBeforeTheLast) {
  const auto office = only(range(hour(9), hour(17)));
  EXPECT_FALSE(allowed_at(office, "", at("2025-08-08T08:59:59.999Z")));
  EXPECT_TRUE(allowed_at(office, "", at("2025-08-08T09:00:00Z")));
  EXPECT_TRUE(allowed_at(office, "", at("2025-08-08T16:59:59.999Z")));
  EXPECT_FALSE(allowed_at(office, "", at("2025-08-08T17:00:00Z")));
}

TEST(Hours, WrapMidnight) {
  const auto night = only(range(hour(22), hour(6)));
  EXPECT_FALSE(allowed_at(night, "", at("2025-08-08T21:59:59Z")));
  EXPECT_TRUE(allowed_at(night, "", at("2025-08-08T22:00:00Z")));
  EXPECT_TRUE(allowed_at(night, "", at("2025-08-09T00:00:00Z")));
  EXPECT_TRUE(allowed_at(night, "", at("2025-08-09T05:59:59Z")));
  EXPECT_FALSE(allowed_at(night, "", at("2025-08-09T06:00:00Z")));
}

TEST(Hours, MayLastToTheEndOfTheDay) {
  EXPECT_TRUE(allowed_at(only(range(hour(9), hour(24))), "", at("2025-08-08T23:59:59.999Z")));
  EXPECT_FALSE(allowed_at(only(range(hour(9), hour(24))), "", at("2025-08-09T00:00:00Z")));
  EXPECT_TRUE(allowed_at(only(range(hour(9), 0)), "", at("2025-08-08T23:59:59.999Z")));
  EXPECT_FALSE(allowed_at(only(range(hour(9), 0)), "", at("2025-08-09T00:00:00Z")));
}

TEST(Hours, HoldOnTheirWeekdaysOnly) {
  const auto monday = only(range(hour(9), hour(17), kMonday));
  EXPECT_TRUE(allowed_at(monday, "", at("2025-08-04T12:00:00Z")));
  EXPECT_FALSE(allowed_at(monday, "", at("2025-08-05T12:00:00Z")));
  EXPECT_FALSE(allowed_at(monday, "", at("2025-08-03T12:00:00Z")));
}

TEST(Hours, ANightBelongsToTheDayOnWhichItBegins) {
  const auto friday_night = only(range(hour(22), hour(6), kFriday));
  EXPECT_TRUE(allowed_at(friday_night, "", at("2025-08-08T23:00:00Z")));
  EXPECT_TRUE(allowed_at(friday_night, "", at("2025-08-09T05:00:00Z")));
  EXPECT_FALSE(allowed_at(friday_night, "", at("2025-08-08T05:00:00Z")));
  EXPECT_FALSE(allowed_at(friday_night, "", at("2025-08-09T23:00:00Z")));
}

TEST(Hours, OneOfManyRangesIsEnough) {
  auto ranges = only(range(hour(9), hour(17), kMonday));
  *ranges.Add() = range(hour(10), hour(12), kSaturday);
  EXPECT_TRUE(allowed_at(ranges, "", at("2025-08-09T11:00:00Z")));
  EXPECT_FALSE(allowed_at(ranges, "", at("2025-08-09T13:00:00Z")));
}

TEST(Hours, AreReadInTheIdentitysTimeZone) {
  const auto office = only(range(hour(9), hour(17)));
  EXPECT_TRUE(allowed_at(office, "Europe/Berlin", at("2025-08-08T07:00:00Z")));   // UTC+2
  EXPECT_FALSE(allowed_at(office, "Europe/Berlin", at("2025-01-08T07:00:00Z")));  // UTC+1
  EXPECT_TRUE(allowed_at(office, "Asia/Kathmandu", at("2025-08-08T03:15:00Z")));  // UTC+5:45
  EXPECT_FALSE(allowed_at(office, "Asia/Kathmandu", at("2025-08-08T03:14:59Z")));
}

TEST(Hours, TheWeekdayIsTheLocalOne) {
  const auto monday = only(range(0, hour(24), kMonday));
  EXPECT_TRUE(allowed_at(monday, "Pacific/Auckland", at("2025-08-03T12:00:00Z")));
  EXPECT_FALSE(allowed_at(monday, "America/Los_Angeles", at("2025-08-04T06:59:59Z")));
  EXPECT_TRUE(allowed_at(monday, "America/Los_Angeles", at("2025-08-04T07:00:00Z")));
}

// Berlin, 2025-03-30: after 01:59:59 (UTC+1) comes 03:00:00 (UTC+2).
TEST(Hours, AnHourThatTheClockSkipsNeverComes) {
  const auto second_hour = only(range(hour(2), hour(3)));
  EXPECT_FALSE(allowed_at(second_hour, "Europe/Berlin", at("2025-03-30T00:59:59.999Z")));
  EXPECT_FALSE(allowed_at(second_hour, "Europe/Berlin", at("2025-03-30T01:00:00Z")));
  EXPECT_TRUE(allowed_at(only(range(hour(3), hour(4))), "Europe/Berlin",
                         at("2025-03-30T01:00:00Z")));
}

// Berlin, 2025-10-26: 02:00..02:59 comes twice, first UTC+2, then UTC+1.
TEST(Hours, AnHourThatTheClockRepeatsIsAllowedTwice) {
  const auto second_hour = only(range(hour(2), hour(3)));
  EXPECT_FALSE(allowed_at(second_hour, "Europe/Berlin", at("2025-10-25T23:59:59.999Z")));
  EXPECT_TRUE(allowed_at(second_hour, "Europe/Berlin", at("2025-10-26T00:00:00Z")));
  EXPECT_TRUE(allowed_at(second_hour, "Europe/Berlin", at("2025-10-26T01:59:59.999Z")));
  EXPECT_FALSE(allowed_at(second_hour, "Europe/Berlin", at("2025-10-26T02:00:00Z")));
}

TEST(Hours, AnUnknownZoneOrABrokenRangeAllowsNothing) {
  EXPECT_FALSE(allowed_at(only(range(0, hour(24))), "Europe/Atlantis", at("2025-08-08T12:00:00Z")));
  EXPECT_FALSE(allowed_at(only(range(hour(9), 1441)), "", at("2025-08-08T12:00:00Z")));
}

TEST(HourRange, MustLieWithinADayAndNotBeEmpty) {
  EXPECT_TRUE(check_hours(range(0, 1440, 0x7f)).ok());
  EXPECT_TRUE(check_hours(range(1439, 0)).ok());
  EXPECT_EQ(check_hours(range(1440, 0)).error().reason, "hours.out_of_range");
  EXPECT_EQ(check_hours(range(0, 1441)).error().reason, "hours.out_of_range");
  EXPECT_EQ(check_hours(range(540, 540)).error().reason, "hours.empty_range");
  EXPECT_EQ(check_hours(range(0, 1, 0x80)).error().reason, "hours.weekdays_out_of_range");
}

TEST(TimeZone, IsAnIanaNameOfThisMachine) {
  for (const auto* name : {"", "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires",
                           "Etc/GMT+5"}) {
    EXPECT_TRUE(check_time_zone(name).ok()) << name;
  }
}

TEST(TimeZone, IsNeverAPathAnOffsetOrWhatTheMachineHappensToBeSetTo) {
  for (const auto* name :
       {"localtime", "posixrules", "posix/UTC", "right/UTC", "Fixed/UTC+01:00:00", "/etc/localtime",
        "../../../etc/localtime", "file:Europe/Berlin", "Europe/Berlin ", "UTC+1", "+01:00",
        "Europe", "tzdata.zi", "Europe//Berlin", "Mars/Olympus"}) {
    EXPECT_EQ(check_time_zone(name).error().reason, "hours.time_zone_unknown") << name;
  }
  EXPECT_FALSE(check_time_zone(std::string(65, 'A')).ok());
  EXPECT_FALSE(check_time_zone(std::string_view("UTC\0x", 5)).ok());
}

}  // namespace
}  // namespace watchword::policy
