// An hour of the week (UTC) at which this principal hardly ever works: p is the mass of all hours
// that are as rare as this one after smoothing over their neighbours.
#include <algorithm>

#include "processors/detectors/detector.h"

namespace watchword::detectors {
namespace {

constexpr size_t kDayHours = 24, kWeekDays = 7;
constexpr uint16_t kLeastDays = 3;  // below, the hours not yet lived through would all be odd
constexpr uint16_t kWeekdayDays = 14;
constexpr uint16_t kWeekDaysKnown = 28;  // with this many days and
constexpr uint16_t kWeekHours = 100;     // this many hours the whole week is told apart
constexpr uint8_t kUsualCell = 32;

template <size_t N>
using Mass = std::array<uint32_t, N>;

template <size_t N>
uint32_t rareness(const Mass<N>& mass, const Mass<N>& smooth, size_t at) {
  uint64_t rare = 0, whole = 0;
  for (size_t i = 0; i < N; ++i) {
    whole += mass[i];
    if (smooth[i] <= smooth[at]) rare += mass[i];
  }
  return surprise(rare + 8, whole + 80);  // the cohort's half an hour in five
}

uint32_t by_week(const Baseline& usual, size_t hour) {
  Mass<kHoursOfWeek> mass, smooth;
  for (size_t i = 0; i < kHoursOfWeek; ++i) mass[i] = usual.hours[i];
  const auto cell = [&](size_t i) { return mass[i % kHoursOfWeek]; };
  for (size_t i = 0; i < kHoursOfWeek; ++i)
    smooth[i] = 4 * cell(i) + 2 * (cell(i + 1) + cell(i + kHoursOfWeek - 1)) + cell(i + kDayHours) +
                cell(i + kHoursOfWeek - kDayHours);
  return rareness(mass, smooth, hour);
}

uint32_t by_day(const Baseline& usual, size_t hour) {
  Mass<kDayHours> mass{}, smooth;
  for (size_t i = 0; i < kHoursOfWeek; ++i) mass[i % kDayHours] += usual.hours[i];
  for (size_t i = 0; i < kDayHours; ++i)
    smooth[i] = 2 * mass[i] + mass[(i + 1) % kDayHours] + mass[(i + kDayHours - 1) % kDayHours];
  return rareness(mass, smooth, hour % kDayHours);
}

uint32_t by_weekday(const Baseline& usual, size_t hour) {
  Mass<kWeekDays> mass{};
  for (size_t i = 0; i < kHoursOfWeek; ++i) mass[i / kDayHours] += usual.hours[i];
  return rareness(mass, mass, hour / kDayHours);
}

std::string hour_text(size_t hour) {
  static constexpr std::array kDays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
  const size_t of_day = hour % kDayHours;
  return std::string(kDays[hour / kDayHours]) + (of_day < 10 ? " 0" : " ") +
         std::to_string(of_day) + ":00 UTC";
}

}  // namespace

uint32_t look_unusual_hour(const Seen& seen, const Baseline& usual, const Situation&) {
  const size_t hour = hour_of_week(seen.time_ms);
  if (usual.hours[hour] >= kUsualCell || usual.active_days < kLeastDays) return 0;
  if (seen.outcome != v1::SUCCESS && !seen.authenticated) return 0;
  if (seen.time_ms / kHourMs == usual.last_hour) return 0;  // judged at the hour's first event
  if (usual.active_hours >= kWeekHours && usual.active_days >= kWeekDaysKnown)
    return by_week(usual, hour);
  const uint32_t weekday = usual.active_days >= kWeekdayDays ? by_weekday(usual, hour) : 0;
  return std::max(by_day(usual, hour), weekday);
}

Words explain_unusual_hour(const Seen& seen, const Baseline& usual) {
  const std::string text = hour_text(hour_of_week(seen.time_ms));
  const auto busiest =
      std::max_element(usual.hours.begin(), usual.hours.end()) - usual.hours.begin();
  return {"hours such as " + hour_text(static_cast<size_t>(busiest)), text,
          "on " + text + ", when it usually rests"};
}

}  // namespace watchword::detectors
