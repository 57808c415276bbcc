// Each detector fires on its attack and keeps still on its bait.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/unit/detectors/life.h"

namespace watchword::detectors {
namespace {

using testing::kElsewhere;
using testing::kMonday;
using testing::Life;
using testing::ordinary;
using testing::says;

constexpr int64_t kTenOClock = 10 * kHourMs;

// Four weeks of work, and the Monday morning after them.
struct Settled : ::testing::Test {
  Settled() {
    life.work(28);
    life.alerts = 0;
    now = life.now + kTenOClock;
  }
  v1::Observation next() { return ordinary(now += kMinuteMs * 5); }
  v1::Observation stolen() {
    auto seen = next();
    seen.set_network(kElsewhere);
    seen.set_user_agent("python-requests/2.31");
    seen.set_endpoint("/api/v1/export");
    return seen;
  }
  Life life;
  int64_t now = 0;
};

TEST(Ordinary, life_of_four_weeks_raises_no_alert) {
  Life life;
  life.work(28);
  EXPECT_EQ(life.alerts, 0);
}

TEST_F(Settled, stolen_token_is_suspended_at_its_first_use) {
  const Verdict verdict = life.live(stolen());
  EXPECT_EQ(verdict.level, 3);
  EXPECT_EQ(verdict.severity, v1::CRITICAL);
  EXPECT_EQ(verdict.learning, Learning::skip);
  EXPECT_EQ(life.reasons.front().name, "new-network");
  EXPECT_EQ(life.reasons.front().expected, "10.0.1.0/24 (100 % of uses)");
  EXPECT_EQ(life.reasons.front().seen, "203.0.113.0/24");
  EXPECT_EQ(
      life.sentence,
      "A service account was used from 203.0.113.0/24, a network new to it, with python-requests, "
      "software new to it and to reach /api/v1/export, which it never did before");
}

TEST_F(Settled, stolen_token_is_suspended_after_a_short_established_past_too) {
  for (const int past : {30, 100, 300}) {
    Life young;
    for (int i = 0; i < past; ++i) {
      auto seen = ordinary(kMonday + i * 1000);
      if (i % 3 == 1) seen.set_endpoint("/api/v1/status");
      young.live(seen);
    }
    establish(young.row, kMonday + past * 1000);
    auto theft = stolen();
    theft.set_time_ms(static_cast<uint64_t>(kMonday + past * 1000 + 1000));
    EXPECT_EQ(young.live(theft).level, 3) << past;
  }
}

TEST_F(Settled, new_network_alone_is_an_alert_of_medium_severity_at_most) {
  auto seen = next();
  seen.set_network(kElsewhere);
  const Verdict verdict = life.live(seen);
  EXPECT_TRUE(says(verdict, "new-network"));
  EXPECT_GE(verdict.level, 1);
  EXPECT_LE(verdict.level, 2);
  EXPECT_LE(verdict.severity, v1::MEDIUM);
}

TEST_F(Settled, new_network_weighs_less_for_one_that_often_moves) {
  Life nomad;
  for (int i = 0; i < 960; ++i) {
    auto seen = ordinary(kMonday + i * kHourMs / 2);
    if (i % 16 == 0) seen.set_network(std::string("\x50\x01", 2) + static_cast<char>(i / 16) + "x");
    nomad.live(seen);
    if (i == 100) establish(nomad.row, kMonday);
  }
  auto moved = next();
  moved.set_network(kElsewhere);
  auto again = moved;
  again.set_time_ms(static_cast<uint64_t>(kMonday + 480 * kHourMs));
  EXPECT_LT(nomad.look(again).risk, life.look(moved).risk);
}

TEST_F(Settled, another_address_of_the_usual_network_is_no_news) {
  auto seen = next();
  seen.set_network(std::string("\x0a\x00\x01\xee", 4));
  EXPECT_EQ(life.live(seen).signal_count, 0);
}

TEST_F(Settled, lone_new_endpoint_is_a_signal_but_no_alert) {
  auto seen = next();
  seen.set_endpoint("/api/v1/reports");
  const Verdict verdict = life.live(seen);
  EXPECT_TRUE(says(verdict, "new-endpoint"));
  EXPECT_LT(verdict.level, 2);
}

TEST_F(Settled, client_update_is_no_news_and_another_client_no_alert) {
  auto update = next();
  update.set_user_agent("billing-worker/2.0");
  EXPECT_EQ(life.live(update).signal_count, 0);
  auto other = next();
  other.set_user_agent("billing-daemon/1.0");
  other.set_client_id("billing-next");
  const Verdict verdict = life.live(other);
  EXPECT_TRUE(says(verdict, "new-agent"));
  EXPECT_TRUE(says(verdict, "new-client"));
  EXPECT_LT(verdict.level, 2);
}

TEST_F(Settled, night_work_is_a_signal_but_no_alert) {
  const Verdict verdict = life.live(ordinary(life.now + 3 * kHourMs));
  EXPECT_TRUE(says(verdict, "unusual-hour"));
  EXPECT_LT(verdict.level, 2);
}

TEST_F(Settled, weekend_work_is_a_signal_and_a_working_hour_is_none) {
  EXPECT_TRUE(says(life.look(ordinary(life.now + 5 * kDayMs + kTenOClock)), "unusual-hour"));
  EXPECT_FALSE(says(life.look(ordinary(life.now + kDayMs + kTenOClock)), "unusual-hour"));
}

TEST_F(Settled, new_device_is_told) {
  Life owner;
  for (int i = 0; i < 500; ++i) {
    auto seen = ordinary(kMonday + i * kHourMs);
    seen.set_device(77);
    owner.live(seen);
  }
  auto seen = ordinary(kMonday + 500 * kHourMs);
  seen.set_device(77);
  EXPECT_FALSE(says(owner.look(seen), "new-device"));
  seen.set_device(78);
  EXPECT_TRUE(says(owner.look(seen), "new-device"));
}

TEST_F(Settled, script_in_place_of_a_browser_is_told_and_another_browser_is_not) {
  Life person;
  for (int i = 0; i < 500; ++i) {
    auto seen = ordinary(kMonday + i * kHourMs);
    seen.set_user_agent("Mozilla/5.0 (X11) Gecko/20100101 Firefox/120.0");
    person.live(seen);
  }
  auto seen = ordinary(kMonday + 500 * kHourMs);
  seen.set_user_agent("curl/8.5");
  EXPECT_TRUE(says(person.look(seen), "scripted-client"));
  seen.set_user_agent("Mozilla/5.0 (X11) AppleWebKit/537.36 Chrome/120.0 Safari/537.36");
  EXPECT_FALSE(says(person.look(seen), "scripted-client"));
  EXPECT_FALSE(says(life.look(stolen()), "scripted-client"));
}

TEST_F(Settled, bulk_calls_alert_and_doubled_volume_does_not) {
  int level = 0;
  for (int i = 0; i < 200; ++i)
    level = std::max<int>(level, life.live(ordinary(now + i * 250)).level);
  EXPECT_EQ(level, 2);
  EXPECT_EQ(life.reasons.front().name, "rate-burst");

  Life doubled;
  doubled.work(28);
  doubled.alerts = 0;
  for (int day = 28; day < 33; ++day)
    for (int i = 0; i < 192; ++i)
      doubled.live(ordinary(kMonday + day * kDayMs + 9 * kHourMs + i * kHourMs / 24));
  EXPECT_EQ(doubled.alerts, 0);
}

TEST_F(Settled, guessing_alerts_and_three_typing_errors_do_not) {
  int level = 0, first = 0;
  for (int i = 0; i < 30; ++i) {
    auto wrong = ordinary(now + i * 1000);
    wrong.set_outcome(v1::FAILURE);
    wrong.set_authenticated(false);
    level = life.live(wrong).level;
    if (level >= 2 && first == 0) first = i + 1;
    if (i == 2) {
      EXPECT_LT(level, 2);
    }
  }
  EXPECT_EQ(level, 2);
  EXPECT_LE(first, 10);
  EXPECT_EQ(life.reasons.front().name, "failure-burst");
  EXPECT_EQ(life.reasons.front().attack_id, "T1110.001");
}

TEST_F(Settled, failures_of_strangers_never_suspend_their_victim) {
  for (int i = 0; i < 2000; ++i) {
    auto wrong = stolen();
    wrong.set_time_ms(static_cast<uint64_t>(life.now + i * 100));
    wrong.set_outcome(v1::FAILURE);
    wrong.set_authenticated(false);
    ASSERT_LE(life.live(wrong).level, 2);
  }
  EXPECT_GT(life.alerts, 0);
  // And when they are over the victim works on.
  EXPECT_LT(life.live(ordinary(life.now + kTenOClock)).level, 2);
}

TEST_F(Settled, success_right_after_guessing_from_elsewhere_is_suspended) {
  for (int i = 0; i < 15; ++i) {
    auto wrong = ordinary(now + i * 1000);
    wrong.set_network(kElsewhere);
    wrong.set_outcome(v1::FAILURE);
    wrong.set_authenticated(false);
    life.live(wrong);
  }
  auto guessed = ordinary(now + 20'000);
  guessed.set_network(kElsewhere);
  const Verdict verdict = life.live(guessed);
  EXPECT_TRUE(says(verdict, "success-after-failures"));
  EXPECT_EQ(verdict.level, 3);
}

TEST_F(Settled, success_an_hour_after_guessing_is_an_ordinary_one) {
  for (int i = 0; i < 15; ++i) {
    auto wrong = ordinary(now + i * 1000);
    wrong.set_outcome(v1::FAILURE);
    life.live(wrong);
  }
  EXPECT_EQ(life.live(ordinary(now + kHourMs)).signal_count, 0);
}

TEST_F(Settled, history_never_suspends) {
  auto old = stolen();
  old.set_imported(true);
  EXPECT_EQ(life.live(old).level, 2);
}

TEST_F(Settled, evidence_of_strangers_never_suspends) {
  auto claimed = stolen();
  claimed.set_authenticated(false);
  const Verdict verdict = life.live(claimed);
  EXPECT_EQ(verdict.level, 2);
  EXPECT_EQ(verdict.severity, v1::HIGH);
}

TEST_F(Settled, use_after_the_end_alerts_once_and_never_suspends) {
  Situation over;
  over.token_over = over.first_misuse = true;
  auto late = next();
  late.set_outcome(v1::DENIED);
  const Verdict first = life.live(late, over);
  EXPECT_EQ(first.level, 2);
  EXPECT_EQ(first.severity, v1::MEDIUM);
  EXPECT_EQ(life.reasons.front().name, kUseAfterEnd);
  EXPECT_EQ(life.reasons.front().share, 65536u);
  over.first_misuse = false;
  EXPECT_EQ(life.live(late, over).signal_count, 0);
  over.first_misuse = true;
  EXPECT_LE(life.live(stolen(), over).level, 2);
}

TEST_F(Settled, use_after_the_end_speaks_while_learning_too) {
  Situation over;
  over.token_over = over.first_misuse = true;
  Life young;
  EXPECT_EQ(young.live(ordinary(kMonday), over).level, 2);
}

TEST_F(Settled, dormant_identity_that_wakes_alerts_and_a_holiday_does_not) {
  EXPECT_LT(life.look(ordinary(now + 14 * kDayMs)).level, 2);
  const auto waking = ordinary(now + 120 * kDayMs);
  EXPECT_EQ(life.live(waking).level, 2);
  EXPECT_EQ(life.reasons.front().name, "dormant-identity");
  EXPECT_FALSE(says(life.look(ordinary(now + 120 * kDayMs + 1000)), "dormant-identity"));
}

TEST(Learning, caps_severity_at_medium_and_does_not_suspend) {
  Life young;
  for (int i = 0; i < 200; ++i) young.live(ordinary(kMonday + i * 1000));
  EXPECT_EQ(young.alerts, 0);
  auto odd = ordinary(kMonday + 300'000);
  odd.set_network(kElsewhere);
  odd.set_user_agent("curl/8.5");
  odd.set_endpoint("/api/v1/export");
  const Verdict verdict = young.live(odd);
  EXPECT_EQ(verdict.level, 2);
  EXPECT_EQ(verdict.severity, v1::MEDIUM);
}

TEST(Learning, ends_after_time_and_successes_and_hours) {
  Life life;
  life.work(1);
  EXPECT_FALSE(learned(life.row, life.tuning));
  life.live(ordinary(kMonday + kDayMs + 9 * kHourMs));
  EXPECT_TRUE(learned(life.row, life.tuning));
  Tuning slow = life.tuning;
  slow.learning_successes = 1000;
  EXPECT_FALSE(learned(life.row, slow));
  slow = life.tuning;
  slow.learning_hours = 100;
  EXPECT_FALSE(learned(life.row, slow));
  slow = life.tuning;
  slow.learning_ms = 30 * kDayMs;
  EXPECT_FALSE(learned(life.row, slow));
  establish(life.row, kMonday);
  EXPECT_TRUE(learned(life.row, slow));
}

TEST(Learning, first_event_of_a_principal_is_no_news) {
  EXPECT_EQ(Life().live(ordinary(kMonday)).signal_count, 0);
}

TEST(Learning, switched_off_takes_nothing) {
  Life life;
  life.tuning.baseline_learning = false;
  EXPECT_EQ(life.live(ordinary(kMonday)).learning, Learning::skip);
}

TEST_F(Settled, sensitivity_zero_is_silent) {
  life.tuning.sensitivity_percent = 0;
  const Verdict verdict = life.live(stolen());
  EXPECT_EQ(verdict.signal_count, 0);
  EXPECT_EQ(verdict.level, 0);
  EXPECT_EQ(verdict.risk, 0);
}

TEST_F(Settled, sensitivity_moves_every_level_one_way) {
  auto seen = next();
  seen.set_network(kElsewhere);
  int last = 0;
  for (uint32_t percent = 10; percent <= 100; percent += 10) {
    life.tuning.sensitivity_percent = percent;
    const int level = life.look(seen).level;
    EXPECT_GE(level, last) << percent;
    last = level;
  }
  life.tuning.sensitivity_percent = 10;
  EXPECT_LT(life.look(seen).level, last);
}

TEST_F(Settled, signal_switched_off_is_not_heard) {
  auto seen = next();
  seen.set_network(kElsewhere);
  Situation off;
  off.signals_off = uint64_t{1} << *row_named("new-network");
  EXPECT_EQ(life.look(seen, off).signal_count, 0);
  life.tuning.signals_off = off.signals_off;
  EXPECT_EQ(life.look(seen).signal_count, 0);
}

TEST_F(Settled, shares_of_the_reasons_sum_to_the_whole) {
  auto seen = stolen();
  for (const bool night : {false, true}) {
    if (night) seen.set_time_ms(static_cast<uint64_t>(life.now + 3 * kHourMs));
    seen.set_client_id("other");
    life.live(seen);
    ASSERT_GE(life.reasons.size(), 4u);
    uint32_t sum = 0, last = 65536;
    for (const auto& reason : life.reasons) {
      sum += reason.share;
      EXPECT_LE(reason.share, last);
      last = reason.share;
      EXPECT_FALSE(reason.expected.empty());
      EXPECT_FALSE(reason.seen.empty());
    }
    EXPECT_EQ(sum, 65536u);
  }
}

TEST_F(Settled, risk_grows_with_the_evidence) {
  auto seen = next();
  const uint16_t none = life.look(seen).risk;
  seen.set_endpoint("/api/v1/export");
  const uint16_t one = life.look(seen).risk;
  seen.set_network(kElsewhere);
  const uint16_t two = life.look(seen).risk;
  EXPECT_EQ(none, 0);
  EXPECT_LT(none, one);
  EXPECT_LT(one, two);
}

TEST(Table, names_every_row_once_with_its_technique) {
  for (size_t row = 0; row < kDetectors.size(); ++row) {
    EXPECT_EQ(row_named(kDetectors[row].name), row);
    EXPECT_EQ(kDetectors[row].attack_id.substr(0, 1), "T");
  }
  EXPECT_FALSE(row_named("no-such-signal"));
}

TEST(Table, explains_every_row_on_an_empty_baseline) {
  const std::string bytes = testing::bytes_of(ordinary(kMonday));
  const Seen seen = read_observation(bytes).value();
  for (const auto& detector : kDetectors) {
    const Words words = detector.explain(seen, Baseline{});
    EXPECT_FALSE(words.expected.empty()) << detector.name;
    EXPECT_FALSE(words.phrase.empty()) << detector.name;
  }
}

}  // namespace
}  // namespace watchword::detectors
