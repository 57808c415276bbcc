// What is usual for one principal: a fixed-size row of integers. All zero: nothing is known. Decays
// by event time, bounded whatever the input; README.md has the layout. Two observations of the same
// millisecond may be folded in either order and give the same bytes, but for `recent`, which is a
// record of arrivals.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "events/base/time.h"
#include "processors/detectors/observation.h"

namespace watchword::detectors {

// What the fold may take from an observation: nothing but facts, all, or new values only into
// probation.
enum class Learning : uint8_t { skip = 0, learn = 1, probation = 2 };

// Tables of values, in the order in which they keep their place when too many new ones come at
// once.
enum class Feature : uint8_t { network, agent, client, device, endpoint };
inline constexpr size_t kFeatures = 5;

inline constexpr uint32_t kUse = 16;  // one use in counts, so that decay has room
// Older than this before the latest event: no part in rates and hours.
inline constexpr int64_t kLateMs = 10 * kMinuteMs;
inline constexpr int64_t kProbationDays = 3;
inline constexpr size_t kHoursOfWeek = 168;  // Monday 00:00 UTC first

struct Entry {
  uint32_t hash;   // 0: free
  uint16_t day;    // of its last use, since 1970; the count stands as of then
  uint16_t count;  // in 1/16 uses, half-life 30 days
};

struct FeatureTotals {
  uint32_t mass;        // learned uses, in 1/16, half-life 30 days
  uint32_t novel;       // of these, first uses of a value
  uint32_t fresh_mass;  // taken today by values that are new today
  uint16_t fresh;       // bit: this slot's value is new today
  uint16_t top;         // slot of the most used value, as of the last flush
};

// A value that was not in its table this millisecond; settled in (feature, hash) order when time
// moves on.
struct Pending {
  uint32_t hash;
  uint16_t uses;  // 0: only events in probation
  uint8_t feature;
  uint8_t taken;
};

struct Probation {
  uint32_t hash;
  uint16_t day;  // first sight, or the first clean day after a dirty one
  uint8_t feature;
  uint8_t taken;
};

// Events a bucket of time as y = 2 sqrt(x + 3/8), in 1/256: about equal spread at every rate.
struct Rate {
  uint32_t bucket;     // index of the open bucket since 1970
  uint32_t count;      // events in it
  uint32_t mean;       // EWMA over closed buckets that had events
  uint32_t deviation;  // EWMA of |y - mean|
  uint32_t quiet;      // counts up to this one are no signal
  uint16_t buckets;    // closed ones, up to 16: the EWMA's window
  uint16_t tainted;    // the open bucket holds events that may not be learned
};
inline constexpr std::array<int64_t, 3> kRateMs = {kMinuteMs, kHourMs, kDayMs};

// The text of the most used value, for people.
struct Name {
  uint32_t hash;
  std::array<char, 24> text;  // cut, filled with zero
};

// Event hashes in order of arrival, 48 bits of each: a false duplicate once in 4e12.
struct Recent {
  std::array<uint16_t, 64> low;
  std::array<uint32_t, 64> high;
  uint64_t next;
};

struct Baseline {
  // Read and written by nearly every event.
  int64_t clock_ms;  // the latest event time folded
  int64_t first_seen_ms, last_success_ms, established_ms;
  uint64_t successes;
  uint32_t failures;        // ever
  uint32_t failure_level;   // in 1/256, half-life 10 minutes
  uint32_t failure_minute;  // as of when
  uint32_t last_hour;       // the latest hour counted in `hours`
  uint16_t day;             // of clock_ms
  uint16_t hours_day;       // when `hours` was last halved
  uint16_t dirty_day;       // the latest day with an event beyond the alert level
  uint16_t last_active_day, active_days;
  uint16_t active_hours;  // calendar hours with a learned success
  uint16_t hour_kinds;    // distinct hours of the week among them
  uint8_t heavy;          // bit: a count of this feature passed 2^15, all will be halved
  uint8_t pending_count;
  uint32_t resets;
  uint32_t unused;
  std::array<Rate, 3> rates;  // minute, hour, day
  Rate failure_rate;          // failures an hour
  std::array<FeatureTotals, kFeatures> totals;
  std::array<Entry, 12> networks;
  std::array<Entry, 6> agents;
  std::array<Entry, 4> clients;
  std::array<Entry, 6> devices;
  std::array<Entry, 16> endpoints;
  std::array<uint8_t, kHoursOfWeek> hours;  // 16 a calendar hour, halved every 30 days
  Recent recent;
  // Rarely used.
  std::array<std::array<uint8_t, 6>, 12> prefixes;  // of `networks`: /48, or 0 4 a b c 0 for /24
  Name agent_name, endpoint_name;
  std::array<Pending, 10> pending;
  std::array<Probation, 6> probation;
};
static_assert(std::is_trivially_copyable_v<Baseline> && std::is_standard_layout_v<Baseline>);
// No padding: bytes can be hashed and compared.
static_assert(std::has_unique_object_representations_v<Baseline>);
static_assert(sizeof(Baseline) == 1424 && sizeof(Baseline) <= 2048);

// The settings of a learning period.
struct Tuning;

// Takes in one observation. Integers and event time only: the same calls give the same bytes
// anywhere. O(1), no allocation. Facts (last seen, failures, open buckets, the event's hash) are
// taken whatever `learning` says; habits from successes.
void fold(Baseline& usual, const Seen& seen, Learning learning);
void establish(Baseline& usual, int64_t at_ms);  // learning ends now
void reset(Baseline& usual);  // learning starts again; recent events stay recognised

bool is_duplicate(const Baseline& usual, uint64_t event_hash);
void remember(Baseline& usual, uint64_t event_hash);  // fold() does it

bool learned(const Baseline& usual, const Tuning& tuning);

// Decayed uses of a value as of `day`, in 1/16; 0: not in its table.
uint32_t uses_of(const Baseline& usual, Feature feature, uint32_t hash, uint16_t day);
// Failures within the last minutes as of `at_ms`, in 1/256.
uint32_t failures_lately(const Baseline& usual, int64_t at_ms);
uint16_t day_of(int64_t at_ms);
size_t hour_of_week(int64_t at_ms);
// How far y of `count` stands above the mean of a rate, in 1/256 of its floored deviation; 0 with
// nothing closed.
uint64_t distance(const Rate& rate, uint64_t count, uint32_t least_deviation);
// About how many events an active bucket has.
uint32_t usual_count(const Rate& rate);

// What is usual, for people.
struct Habit {
  std::string value;           // empty: its text was not kept
  uint32_t share_percent = 0;  // of what the table holds
  int64_t last_used_ms = 0;    // the day
};
struct Usual {
  bool established = false;
  int64_t first_seen_ms = 0, last_seen_ms = 0, last_success_ms = 0;
  uint64_t successes = 0, failures = 0;
  uint32_t active_days = 0, active_hours = 0, resets = 0;
  uint32_t per_minute = 0, per_hour = 0, per_day = 0;            // in buckets with events
  std::vector<Habit> networks;                                   // most used first
  std::string top_agent, top_endpoint;                           // empty: none yet
  uint32_t agents = 0, clients = 0, devices = 0, endpoints = 0;  // distinct ones known
  std::vector<uint8_t> hours_of_week;  // 168, Monday 00:00 UTC first; relative
};
Usual describe(const Baseline& usual);
std::string usual_networks(const Baseline& usual, size_t most);  // "10.0.1.0/24 (99 %), ..."
std::string name_text(const Name& name);

}  // namespace watchword::detectors
