#include "processors/detectors/baseline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "tests/unit/detectors/life.h"

namespace watchword::detectors {
namespace {

using testing::bytes_of;
using testing::kElsewhere;
using testing::kMonday;
using testing::Life;
using testing::ordinary;

void take(Baseline& row, const v1::Observation& observation, Learning learning = Learning::learn) {
  const std::string bytes = bytes_of(observation);
  fold(row, read_observation(bytes).value(), learning);
}

std::string statistics(Baseline row) {
  row.recent = {};  // a record of arrivals, so of their order
  return {reinterpret_cast<const char*>(&row), sizeof row};
}

uint32_t uses(const Baseline& row, Feature feature, const v1::Observation& observation) {
  const std::string bytes = bytes_of(observation);
  const Seen seen = read_observation(bytes).value();
  const uint32_t hash = feature == Feature::network ? seen.network_hash : seen.endpoint_hash;
  return uses_of(row, feature, hash, day_of(seen.time_ms));
}

// Anything at one instant: known and new values, failures, all kinds of learning.
std::vector<std::pair<v1::Observation, Learning>> crowd(int64_t at_ms, size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::pair<v1::Observation, Learning>> out;
  for (size_t i = 0; i < size; ++i) {
    auto seen = ordinary(at_ms);
    if (random() % 2 == 0)
      seen.set_endpoint("/e/" + std::string(1, static_cast<char>('a' + random() % 26)));
    if (random() % 4 == 0)
      seen.set_network(std::string("\xcb\x00", 2) + static_cast<char>(random() % 16) + "x");
    if (random() % 8 == 0)
      seen.set_user_agent("tool" + std::string(1, static_cast<char>('a' + random() % 8)));
    if (random() % 8 == 0) seen.set_outcome(v1::FAILURE);
    seen.set_count(static_cast<uint32_t>(1 + random() % 3));
    out.emplace_back(seen, static_cast<Learning>(random() % 3));
  }
  return out;
}

TEST(Baseline, is_the_same_for_every_order_within_one_instant) {
  Life life;
  life.work(12);
  for (unsigned seed = 0; seed < 40; ++seed) {
    auto events = crowd(life.now + seed * 1000, 3 + seed, seed);
    std::string expected;
    std::mt19937 random(seed);
    for (int order = 0; order < 12; ++order) {
      Baseline row = life.row;
      for (const auto& [seen, learning] : events) take(row, seen, learning);
      take(row, ordinary(life.now + kDayMs));
      if (order == 0) expected = statistics(row);
      ASSERT_EQ(statistics(row), expected) << "seed " << seed << " order " << order;
      std::shuffle(events.begin(), events.end(), random);
    }
    for (const auto& [seen, learning] : events) take(life.row, seen, learning);
  }
}

TEST(Baseline, folds_the_same_events_to_the_same_bytes) {
  Life one, other;
  one.work(20);
  other.work(20);
  EXPECT_EQ(std::memcmp(&one.row, &other.row, sizeof(Baseline)), 0);
}

TEST(Baseline, stays_useful_under_a_million_distinct_values) {
  Life life;
  life.work(12);
  for (int i = 0; i < 1'000'000; ++i) {
    auto flood = ordinary(life.now + i);
    flood.set_id(std::to_string(i));
    flood.set_endpoint("/x/" + std::string(1, static_cast<char>('a' + i % 26)) + "z" +
                       std::to_string(i) + "q");
    take(life.row, flood);
  }
  EXPECT_GT(uses(life.row, Feature::endpoint, ordinary(life.now)), 100 * kUse);
  EXPECT_EQ(life.row.successes, 10 * 96 + 1'000'000u);
}

TEST(Baseline, counters_stop_at_their_maximum) {
  Baseline row{};
  for (int i = 0; i < 4000; ++i) {
    auto heavy = ordinary(kMonday + i * kHourMs);
    heavy.set_count(UINT32_MAX);
    take(row, heavy);
    heavy.set_outcome(v1::FAILURE);
    take(row, heavy);
  }
  EXPECT_EQ(row.failures, UINT32_MAX);
  EXPECT_EQ(row.successes, 4000ull * UINT32_MAX);
  EXPECT_GT(uses(row, Feature::network, ordinary(kMonday + 4000 * kHourMs)), 0u);
  EXPECT_LE(*std::max_element(row.hours.begin(), row.hours.end()), 255);
  EXPECT_GE(row.hour_kinds, 168);
}

TEST(Baseline, survives_the_ends_of_time) {
  for (const int64_t at_ms : {int64_t{0}, int64_t{1}, INT64_MAX / 2, INT64_MAX, kMonday}) {
    Life life;
    life.live(ordinary(kMonday));
    life.live(ordinary(at_ms));
    life.live(ordinary(kMonday + 1));
    EXPECT_EQ(life.row.successes, 3u);
  }
}

TEST(Baseline, halves_a_count_in_thirty_days) {
  Baseline row{};
  for (int i = 0; i < 101; ++i) take(row, ordinary(kMonday + i));
  const uint32_t before = uses(row, Feature::network, ordinary(kMonday));
  EXPECT_NEAR(uses(row, Feature::network, ordinary(kMonday + 30 * kDayMs)), before / 2, 1);
  EXPECT_EQ(uses(row, Feature::network, ordinary(kMonday + 3000 * kDayMs)), 0u);
}

TEST(Baseline, takes_nothing_new_from_failures_or_skipped_events) {
  Life life;
  life.work(12);
  auto foreign = ordinary(life.now);
  foreign.set_network(kElsewhere);
  foreign.set_outcome(v1::FAILURE);
  take(life.row, foreign);
  foreign.set_outcome(v1::SUCCESS);
  take(life.row, foreign, Learning::skip);
  take(life.row, ordinary(life.now + 1000));
  EXPECT_EQ(uses(life.row, Feature::network, foreign), 0u);
}

TEST(Baseline, confirms_a_value_in_probation_after_three_clean_days) {
  Life life;
  life.work(12);
  auto moved = ordinary(life.now);
  moved.set_network(kElsewhere);
  for (int day = 0; day <= 3; ++day) {
    moved.set_time_ms(static_cast<uint64_t>(life.now + day * kDayMs));
    EXPECT_EQ(uses(life.row, Feature::network, moved), 0u) << day;
    take(life.row, moved, Learning::probation);
    take(life.row, ordinary(life.now + day * kDayMs + 1));
  }
  EXPECT_GT(uses(life.row, Feature::network, moved), 0u);
}

TEST(Baseline, starts_probation_again_after_a_day_with_an_alert) {
  Life life;
  life.work(12);
  auto moved = ordinary(life.now);
  moved.set_network(kElsewhere);
  for (int day = 0; day <= 5; ++day) {
    moved.set_time_ms(static_cast<uint64_t>(life.now + day * kDayMs));
    EXPECT_EQ(uses(life.row, Feature::network, moved), 0u) << day;
    take(life.row, moved, Learning::probation);
    take(life.row, ordinary(life.now + day * kDayMs + 1),
         day == 2 ? Learning::skip : Learning::learn);
  }
  moved.set_time_ms(static_cast<uint64_t>(life.now + 6 * kDayMs));
  take(life.row, moved, Learning::probation);
  take(life.row, ordinary(life.now + 6 * kDayMs + 1));
  EXPECT_GT(uses(life.row, Feature::network, moved), 0u);
}

TEST(Baseline, lets_new_values_be_a_tenth_of_a_day_at_most) {
  Life life;
  life.work(12);
  auto foreign = ordinary(life.now);
  foreign.set_network(kElsewhere);
  const uint32_t mass = life.row.totals[0].mass;
  for (int i = 0; i < 5000; ++i) {
    foreign.set_time_ms(static_cast<uint64_t>(life.now + i));
    take(life.row, foreign);
  }
  take(life.row, ordinary(life.now + 6000));
  EXPECT_GT(uses(life.row, Feature::network, foreign), 0u);
  EXPECT_LE(uses(life.row, Feature::network, foreign), mass / 9);
}

TEST(Baseline, counts_a_late_event_but_not_in_rates_and_hours) {
  Life life;
  life.work(5);
  const Baseline before = life.row;
  take(life.row, ordinary(before.clock_ms - kHourMs));
  EXPECT_EQ(life.row.successes, before.successes + 1);
  EXPECT_EQ(life.row.clock_ms, before.clock_ms);
  EXPECT_EQ(std::memcmp(&life.row.rates, &before.rates, sizeof before.rates), 0);
  EXPECT_EQ(life.row.hours, before.hours);
}

TEST(Baseline, knows_the_last_64_events) {
  Baseline row{};
  for (uint64_t i = 0; i < 100; ++i) remember(row, i * 0x9e3779b97f4a7c15u);
  for (uint64_t i = 0; i < 100; ++i)
    EXPECT_EQ(is_duplicate(row, i * 0x9e3779b97f4a7c15u), i >= 36) << i;
  EXPECT_FALSE(is_duplicate(Baseline{}, 0));
}

TEST(Baseline, reset_forgets_habits_but_not_recent_events) {
  Life life;
  life.work(12);
  const std::string bytes = bytes_of(ordinary(life.row.clock_ms));
  reset(life.row);
  EXPECT_FALSE(learned(life.row, life.tuning));
  EXPECT_EQ(life.row.successes, 0u);
  EXPECT_EQ(life.row.resets, 1u);
  EXPECT_TRUE(is_duplicate(life.row, read_observation(bytes)->event_hash));
}

TEST(Baseline, says_in_words_what_is_usual) {
  Life life;
  life.work(12);
  const Usual usual = describe(life.row);
  ASSERT_EQ(usual.networks.size(), 1u);
  EXPECT_EQ(usual.networks[0].value, "10.0.1.0/24");
  EXPECT_EQ(usual.networks[0].share_percent, 100u);
  EXPECT_EQ(usual.top_agent, "billing-worker");
  EXPECT_EQ(usual.top_endpoint, "/api/v1/invoices/{id}");
  EXPECT_EQ(usual.successes, 10 * 96u);
  EXPECT_EQ(usual.active_days, 10u);
  EXPECT_NEAR(usual.per_hour, 12, 1);
  EXPECT_NEAR(usual.per_day, 96, 2);
}

TEST(FixedPoint, agrees_with_floating_point) {
  for (uint64_t x : {0ull, 1ull, 2ull, 98304ull, 1ull << 40, (1ull << 50) + 12345})
    EXPECT_EQ(integer_sqrt(x), static_cast<uint64_t>(std::sqrt(static_cast<double>(x))));
  EXPECT_NEAR(surprise(1, 1000), 3 * 65536, 8);
  EXPECT_NEAR(surprise(7, 9001), std::log10(9001 / 7.0) * 65536, 8);
  EXPECT_EQ(surprise(1, 1u << 30), kMaxStrength);
  for (double x : {0.1, 1.0, 1.301, 2.301, 3.301, 4.5})
    EXPECT_NEAR(one_minus_power(static_cast<uint64_t>(x * 65536)), 65536 * (1 - std::pow(10, -x)),
                10)
        << x;
  EXPECT_NEAR(decayed(65536, 15), 65536 / std::sqrt(2.0), 2);
}

}  // namespace
}  // namespace watchword::detectors
