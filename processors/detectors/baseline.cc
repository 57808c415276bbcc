#include "processors/detectors/baseline.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <tuple>

#include "processors/detectors/fixed_point.h"
#include "processors/detectors/scorer.h"

namespace watchword::detectors {
namespace {

constexpr uint32_t kFailureUnit = 256;
constexpr uint32_t kFailureHalfLifeScale = 3;  // 30 steps halve: 10 minutes of 3 steps each
constexpr uint32_t kRateWindow = 16;
constexpr uint16_t kHourStep = 16;
constexpr uint16_t kHalvingDays = 30;
// When the guard against slow poisoning begins; part of the fold, so no setting.
constexpr uint64_t kGuardSuccesses = 20;
constexpr uint16_t kGuardHours = 5;
constexpr uint32_t kGuardPart = 10;
constexpr uint32_t kGuardLeast = 4 * kUse;

constexpr uint32_t kQuietDistance = 697;  // 2.72 deviations: strength 1 of rate-burst

template <class Row>
auto entries_of(Row& usual, Feature feature)
    -> std::span<std::conditional_t<std::is_const_v<Row>, const Entry, Entry>> {
  switch (feature) {
    case Feature::network:
      return usual.networks;
    case Feature::agent:
      return usual.agents;
    case Feature::client:
      return usual.clients;
    case Feature::device:
      return usual.devices;
    case Feature::endpoint:
      break;
  }
  return usual.endpoints;
}

FeatureTotals& totals_of(Baseline& usual, Feature feature) {
  return usual.totals[static_cast<size_t>(feature)];
}

template <class Entries>
int slot_of(const Entries& entries, uint32_t hash) {
  for (size_t i = 0; i < entries.size(); ++i)
    if (entries[i].hash == hash) return static_cast<int>(i);
  return -1;
}

uint32_t count_at(const Entry& entry, uint16_t day) {
  return day <= entry.day ? entry.count : decayed(entry.count, day - entry.day);
}

bool is_guarded(const Baseline& usual) {
  return usual.established_ms != 0 ||
         (usual.successes >= kGuardSuccesses && usual.hour_kinds >= kGuardHours &&
          usual.clock_ms - usual.first_seen_ms >= kDayMs);
}

void add_uses(Baseline& usual, Feature feature, Entry& entry, uint32_t grown) {
  FeatureTotals& totals = totals_of(usual, feature);
  const uint32_t count = count_at(entry, usual.day) + grown;
  entry.count = static_cast<uint16_t>(std::min<uint32_t>(UINT16_MAX, count));
  entry.day = std::max(entry.day, usual.day);
  totals.mass = add_saturated(totals.mass, grown);
  if (entry.count >= 1u << 15) usual.heavy |= static_cast<uint8_t>(1u << static_cast<int>(feature));
}

// The least used one; among equals the one unused for longest, then the lowest hash.
size_t weakest(std::span<Entry> entries, uint16_t day) {
  const auto rank = [day](const Entry& entry) {
    return std::tuple(entry.hash != 0, count_at(entry, day), entry.day, entry.hash);
  };
  return static_cast<size_t>(
      std::min_element(entries.begin(), entries.end(),
                       [&](const Entry& a, const Entry& b) { return rank(a) < rank(b); }) -
      entries.begin());
}

// A new value takes the weakest place without its count (unlike SpaceSaving proper): a flood of
// values seen once must not look used.
size_t place(Baseline& usual, Feature feature, uint32_t hash, bool guarded) {
  const auto entries = entries_of(usual, feature);
  const size_t slot = weakest(entries, usual.day);
  entries[slot] = {hash, usual.day, 0};
  if (feature == Feature::network) usual.prefixes[slot] = {};
  FeatureTotals& totals = totals_of(usual, feature);
  totals.novel = add_saturated(totals.novel, kUse);
  const auto bit = static_cast<uint16_t>(1u << slot);
  totals.fresh = static_cast<uint16_t>(guarded ? totals.fresh | bit : totals.fresh & ~bit);
  for (auto& waiting : usual.probation)
    if (waiting.hash == hash && waiting.feature == static_cast<uint8_t>(feature)) waiting = {};
  return slot;
}

void admit(Baseline& usual, Feature feature, uint32_t hash, uint32_t uses) {
  FeatureTotals& totals = totals_of(usual, feature);
  uint32_t grown = uses * kUse;
  const bool guarded = is_guarded(usual);
  if (guarded) {
    const uint32_t most = std::max(kGuardLeast, totals.mass / kGuardPart);
    grown = std::min(grown, most - std::min(most, totals.fresh_mass));
    if (grown == 0) return;
    totals.fresh_mass += grown;
  }
  const int found = slot_of(entries_of(usual, feature), hash);
  const size_t slot =
      found >= 0 ? static_cast<size_t>(found) : place(usual, feature, hash, guarded);
  add_uses(usual, feature, entries_of(usual, feature)[slot], grown);
}

Probation& waiting_place(Baseline& usual, const Pending& value) {
  for (auto& waiting : usual.probation)
    if (waiting.hash == value.hash && waiting.feature == value.feature) return waiting;
  auto rank = [](const Probation& a) { return std::tuple(a.taken, a.day, a.feature, a.hash); };
  auto& waiting = *std::min_element(usual.probation.begin(), usual.probation.end(),
                                    [&](auto& a, auto& b) { return rank(a) < rank(b); });
  waiting = {value.hash, usual.day, value.feature, 1};
  return waiting;
}

// Confirmed when it is seen again three days later and no day between had an alert.
void consider(Baseline& usual, const Pending& value) {
  Probation& waiting = waiting_place(usual, value);
  if (usual.dirty_day >= waiting.day) waiting.day = static_cast<uint16_t>(usual.dirty_day + 1);
  if (int{usual.day} - waiting.day < kProbationDays) return;
  admit(usual, static_cast<Feature>(value.feature), value.hash, 1);
}

void find_top(Baseline& usual, Feature feature) {
  const auto entries = entries_of(usual, feature);
  size_t top = 0;
  for (size_t i = 1; i < entries.size(); ++i)
    if (count_at(entries[i], usual.day) > count_at(entries[top], usual.day)) top = i;
  totals_of(usual, feature).top = static_cast<uint16_t>(top);
}

void flush(Baseline& usual) {
  for (uint8_t i = 0; i < usual.pending_count; ++i) {
    const Pending value = usual.pending[i];
    if (value.uses == 0)
      consider(usual, value);
    else
      admit(usual, static_cast<Feature>(value.feature), value.hash, value.uses);
    usual.pending[i] = {};
  }
  usual.pending_count = 0;
  find_top(usual, Feature::agent);
  find_top(usual, Feature::endpoint);
}

// Kept sorted; of too many the last by (feature, hash) goes. That a value which stays keeps its
// whole count, in any order of arrival, is the property of bottom-k sketches.
void await(Baseline& usual, Feature feature, uint32_t hash, uint32_t uses) {
  const auto key = [](const Pending& value) { return std::tuple(value.feature, value.hash); };
  Pending value{hash, static_cast<uint16_t>(std::min(uses, 4095u)), static_cast<uint8_t>(feature),
                1};
  auto* const begin = usual.pending.data();
  auto* const end = begin + usual.pending_count;
  auto* at = std::lower_bound(begin, end, value, [&](auto& a, auto& b) { return key(a) < key(b); });
  if (at != end && key(*at) == key(value)) {
    at->uses = static_cast<uint16_t>(std::min<uint32_t>(4095, at->uses + value.uses));
    return;
  }
  if (at == begin + usual.pending.size()) return;
  auto* const last = usual.pending_count == usual.pending.size() ? end - 1 : end;
  std::move_backward(at, last, last + 1);
  *at = value;
  if (last == end) ++usual.pending_count;
}

void halve_heavy(Baseline& usual) {
  for (size_t i = 0; i < kFeatures; ++i) {
    if ((usual.heavy >> i & 1) == 0) continue;
    for (auto& entry : entries_of(usual, static_cast<Feature>(i)))
      entry.count = static_cast<uint16_t>(entry.count / 2);
  }
  usual.heavy = 0;
}

uint32_t root_scaled(uint64_t count) {  // 2 sqrt(x + 3/8) in 1/256
  return static_cast<uint32_t>(
      integer_sqrt(std::min<uint64_t>(count, UINT32_MAX) * 262144 + 98304));
}

// Few buckets say little of the spread: eight pseudo-buckets of a fifth of the mean stand in. Below
// a tenth of the mean no spread is believed, so that a doubled volume is no burst.
uint64_t spread(const Rate& rate, uint32_t least_deviation) {
  const uint64_t prior = std::max<uint64_t>(2u * least_deviation, rate.mean / 5);
  const uint64_t blended =
      (uint64_t{rate.deviation} * rate.buckets + prior * 8) / (rate.buckets + 8u);
  return std::max<uint64_t>({blended, least_deviation, rate.mean / 10});
}

void close_bucket(Rate& rate, uint64_t count) {
  uint32_t y = root_scaled(count);
  if (rate.buckets == 0) {
    rate.mean = y;
  } else {
    // One wild bucket moves the mean by a quarter of the spread at most.
    y = static_cast<uint32_t>(std::min<uint64_t>(y, rate.mean + 4 * spread(rate, 256)));
    const int64_t window = std::min<uint32_t>(rate.buckets + 1u, kRateWindow);
    const int64_t off = int64_t{y} - rate.mean;
    rate.mean = static_cast<uint32_t>(rate.mean + off / window);
    rate.deviation =
        static_cast<uint32_t>(rate.deviation + (std::abs(off) - int64_t{rate.deviation}) / window);
  }
  if (rate.buckets < kRateWindow) ++rate.buckets;
  const uint64_t edge = rate.mean + spread(rate, 256) * kQuietDistance / 256;
  rate.quiet = static_cast<uint32_t>(std::min<uint64_t>(UINT32_MAX, edge * edge / 262144));
}

void move_rate(Rate& rate, uint32_t bucket) {
  if (rate.count != 0 && rate.tainted == 0) close_bucket(rate, rate.count);
  rate.bucket = bucket;
  rate.count = 0;
  rate.tainted = 0;
}

void move_rates(Baseline& usual, int64_t at_ms) {
  const auto minute = static_cast<uint32_t>(at_ms / kMinuteMs);
  if (usual.rates[0].bucket == minute) return;
  move_rate(usual.rates[0], minute);
  const uint32_t hour = minute / 60;
  if (usual.rates[1].bucket == hour) return;
  // Failures belong to the hours in which the principal lived, those without failure too.
  if (usual.rates[1].count + usual.failure_rate.count != 0)
    close_bucket(usual.failure_rate, usual.failure_rate.count);
  usual.failure_rate.bucket = hour;
  usual.failure_rate.count = 0;
  move_rate(usual.rates[1], hour);
  if (usual.rates[2].bucket != hour / 24) move_rate(usual.rates[2], hour / 24);
}

void age_hours(Baseline& usual) {
  if (usual.hours_day == 0) usual.hours_day = usual.day;
  const unsigned times = (usual.day - usual.hours_day) / kHalvingDays;
  if (times == 0) return;
  usual.hours_day = static_cast<uint16_t>(usual.hours_day + times * kHalvingDays);
  // Rounded up: an hour once known never looks like one never seen.
  for (auto& hour : usual.hours)
    for (unsigned i = 0; i < std::min(times, 8u); ++i) hour = static_cast<uint8_t>((hour + 1) / 2);
}

void move_day(Baseline& usual, uint16_t day) {
  const unsigned passed = day - usual.day;
  for (auto& totals : usual.totals) {
    totals.mass = decayed(totals.mass, passed);
    totals.novel = decayed(totals.novel, passed);
    totals.fresh_mass = 0;
    totals.fresh = 0;
  }
  usual.day = day;
  find_top(usual, Feature::agent);
  find_top(usual, Feature::endpoint);
  age_hours(usual);
}

// All that depends on the order of events happens here, between two instants.
void advance(Baseline& usual, int64_t at_ms) {
  if (at_ms <= usual.clock_ms) return;
  if (usual.pending_count != 0) flush(usual);
  if (usual.heavy != 0) halve_heavy(usual);
  if (day_of(at_ms) != usual.day) move_day(usual, day_of(at_ms));
  move_rates(usual, at_ms);
  usual.clock_ms = at_ms;
}

void keep_prefix(std::array<uint8_t, 6>& prefix, std::string_view network) {
  if (prefix[0] != 0 || prefix[1] != 0) return;
  if (network.size() == 4) {
    prefix[1] = 4;
    std::memcpy(prefix.data() + 2, network.data(), 3);
  } else if (network.size() == 16) {
    std::memcpy(prefix.data(), network.data(), 6);
  }
}

void keep_name(Name& name, uint32_t hash, std::string_view text) {
  name.hash = hash;
  name.text = {};
  std::memcpy(name.text.data(), text.data(), std::min(text.size(), name.text.size()));
}

void keep_text(Baseline& usual, Feature feature, int slot, const Seen& seen) {
  if (feature == Feature::network) return keep_prefix(usual.prefixes[slot], seen.network);
  if (totals_of(usual, feature).top != slot) return;
  if (feature == Feature::agent && usual.agent_name.hash != seen.agent_hash)
    keep_name(usual.agent_name, seen.agent_hash, family_of(seen.user_agent));
  if (feature == Feature::endpoint && usual.endpoint_name.hash != seen.endpoint_hash)
    keep_name(usual.endpoint_name, seen.endpoint_hash, normalised_endpoint(seen.endpoint));
}

template <Feature kFeature>
void learn_value(Baseline& usual, uint32_t hash, const Seen& seen, Learning learning) {
  if (hash == 0) return;
  const auto entries = entries_of(usual, kFeature);
  const int slot = slot_of(entries, hash);
  const bool settled = slot >= 0 && (totals_of(usual, kFeature).fresh >> slot & 1) == 0;
  const uint32_t uses = std::min(seen.count, 4095u);
  if (settled)
    add_uses(usual, kFeature, entries[slot], uses * kUse);
  else if (slot < 0 || learning == Learning::learn)
    await(usual, kFeature, hash, learning == Learning::learn ? uses : 0);
  if (slot >= 0) keep_text(usual, kFeature, slot, seen);
}

void learn_hour(Baseline& usual, int64_t at_ms) {
  const auto hour = static_cast<uint32_t>(at_ms / kHourMs);
  if (hour <= usual.last_hour) return;
  usual.last_hour = hour;
  uint8_t& cell = usual.hours[hour_of_week(at_ms)];
  if (cell == 0) ++usual.hour_kinds;
  cell = static_cast<uint8_t>(std::min(255, cell + kHourStep));
  if (usual.active_hours != UINT16_MAX) ++usual.active_hours;
}

void count_failure(Baseline& usual, const Seen& seen) {
  usual.failures = add_saturated(usual.failures, seen.count);
  if (seen.time_ms < usual.clock_ms - kLateMs) return;
  const uint32_t level = failures_lately(usual, usual.clock_ms);
  usual.failure_minute = static_cast<uint32_t>(usual.clock_ms / kMinuteMs);
  usual.failure_level = add_saturated(level, uint64_t{seen.count} * kFailureUnit);
  usual.failure_rate.count = add_saturated(usual.failure_rate.count, seen.count);
}

void count_success(Baseline& usual, const Seen& seen, bool late) {
  usual.successes += seen.count;
  usual.last_success_ms = std::max(usual.last_success_ms, seen.time_ms);
  if (const uint16_t day = day_of(seen.time_ms); day > usual.last_active_day) {
    usual.last_active_day = day;
    if (usual.active_days != UINT16_MAX) ++usual.active_days;
  }
  if (late) return;
  for (auto& rate : usual.rates) rate.count = add_saturated(rate.count, seen.count);
}

void learn_habits(Baseline& usual, const Seen& seen, Learning learning, bool late) {
  if (!late) learn_hour(usual, seen.time_ms);
  learn_value<Feature::network>(usual, seen.network_hash, seen, learning);
  learn_value<Feature::agent>(usual, seen.agent_hash, seen, learning);
  learn_value<Feature::client>(usual, seen.client_hash, seen, learning);
  learn_value<Feature::device>(usual, seen.device_hash, seen, learning);
  learn_value<Feature::endpoint>(usual, seen.endpoint_hash, seen, learning);
}

}  // namespace

uint16_t day_of(int64_t at_ms) { return static_cast<uint16_t>(at_ms / kDayMs); }

size_t hour_of_week(int64_t at_ms) {
  return static_cast<size_t>((at_ms / kHourMs + 72) % static_cast<int64_t>(kHoursOfWeek));
}

void fold(Baseline& usual, const Seen& seen, Learning learning) {
  remember(usual, seen.event_hash);
  advance(usual, seen.time_ms);
  if (usual.first_seen_ms == 0) usual.first_seen_ms = seen.time_ms;
  if (seen.outcome == v1::FAILURE) return count_failure(usual, seen);
  if (seen.outcome != v1::SUCCESS) return;
  const bool late = seen.time_ms < usual.clock_ms - kLateMs;
  count_success(usual, seen, late);
  if (learning != Learning::skip) return learn_habits(usual, seen, learning, late);
  usual.dirty_day = std::max(usual.dirty_day, day_of(seen.time_ms));
  if (!late)
    for (auto& rate : usual.rates) rate.tainted = 1;
}

void establish(Baseline& usual, int64_t at_ms) { usual.established_ms = at_ms; }

void reset(Baseline& usual) {
  Baseline empty{};
  empty.recent = usual.recent;
  empty.resets = usual.resets + 1;
  usual = empty;
}

// A free place looks like hash 0; that of a real event is 0 once in 2^48.
bool is_duplicate(const Baseline& usual, uint64_t event_hash) {
  const auto low = static_cast<uint16_t>(event_hash);
  const auto high = static_cast<uint32_t>(event_hash >> 16);
  const auto& recent = usual.recent;
  unsigned any = 0;
  for (size_t i = 0; i < recent.low.size(); ++i) any |= recent.low[i] == low;
  if (any == 0) return false;
  const size_t held = std::min<uint64_t>(recent.next, recent.low.size());
  for (size_t i = 0; i < held; ++i)
    if (recent.low[i] == low && recent.high[i] == high) return true;
  return false;
}

void remember(Baseline& usual, uint64_t event_hash) {
  auto& recent = usual.recent;
  const size_t at = recent.next++ % recent.low.size();
  recent.low[at] = static_cast<uint16_t>(event_hash);
  recent.high[at] = static_cast<uint32_t>(event_hash >> 16);
}

bool learned(const Baseline& usual, const Tuning& tuning) {
  if (usual.established_ms != 0) return true;
  return usual.clock_ms - usual.first_seen_ms >= tuning.learning_ms &&
         usual.successes >= tuning.learning_successes && usual.hour_kinds >= tuning.learning_hours;
}

uint32_t uses_of(const Baseline& usual, Feature feature, uint32_t hash, uint16_t day) {
  const auto entries = entries_of(usual, feature);
  const int slot = slot_of(entries, hash);
  return slot < 0 ? 0 : count_at(entries[slot], day);
}

uint32_t failures_lately(const Baseline& usual, int64_t at_ms) {
  const int64_t minutes = at_ms / kMinuteMs - usual.failure_minute;
  if (minutes <= 0) return usual.failure_level;
  return decayed(usual.failure_level, static_cast<uint64_t>(minutes) * kFailureHalfLifeScale);
}

uint64_t distance(const Rate& rate, uint64_t count, uint32_t least_deviation) {
  const uint32_t y = root_scaled(count);
  if (rate.buckets == 0 || y <= rate.mean) return 0;
  return uint64_t{y - rate.mean} * 256 / spread(rate, least_deviation);
}

uint32_t usual_count(const Rate& rate) {
  const uint64_t square = uint64_t{rate.mean} * rate.mean;
  return static_cast<uint32_t>((square > 98304 ? square - 98304 + 131072 : 0) / 262144);
}

}  // namespace watchword::detectors
