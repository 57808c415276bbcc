// Crash, restart, compare: see README.md. tests/crash/run.sh has the options.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "events/base/crash_point.h"
#include "tests/crash/campaign.h"
#include "tests/crash/victim.h"

namespace watchword::testing {
namespace {

constexpr size_t kCyclesOfEveryPoint = 100;

int64_t number_in(const char* variable, int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::atoll(text) : otherwise;
}

TEST(Cycles, WhatWasAcknowledgedHoldsAfterACrashAtAnyPoint) {
  CampaignOptions options;
  options.seed = static_cast<uint64_t>(number_in("WATCHWORD_CRASH_SEED", 1));
  options.cycles = static_cast<size_t>(number_in("WATCHWORD_CRASH_CYCLES", kCyclesOfEveryPoint));
  options.minutes = number_in("WATCHWORD_CRASH_MINUTES", 0);
  options.progress = true;
  const Summary summary = run_campaign(options);
  std::printf("%s", summary.text().c_str());
  EXPECT_TRUE(summary.findings.empty());
  const bool is_whole = options.minutes == 0 && options.cycles >= kCyclesOfEveryPoint;
  EXPECT_TRUE(!is_whole || summary.never_reached.empty());
}

TEST(Plan, CrashesAndStopsAtEveryPointWithinAHundredCycles) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    std::set<std::pair<Fault, std::string>> planned;
    for (const auto& folder : plan(seed, kCyclesOfEveryPoint))
      for (const auto& cycle : folder.cycles) {
        planned.insert({cycle.fault, cycle.point});
        EXPECT_GE(cycle.passing, 1u);
        EXPECT_TRUE(cycle.point != "tail_cut" || folder.partitions == 1);
      }
    for (const auto point : kCrashPoints) {
      EXPECT_TRUE(planned.contains({Fault::crash, std::string(point)}))
          << point << " seed " << seed;
      EXPECT_TRUE(planned.contains({Fault::stop, std::string(point)})) << point << " seed " << seed;
    }
    EXPECT_TRUE(planned.contains({Fault::terminate, ""}));
  }
}

TEST(CrashProgram, RefusesAPointThatItDoesNotHaveAndNamesThemAll) {
  for (const std::string value : {"nowhere:1", "append_synced", "append_synced:0",
                                  "append_synced:x", "append_synced:1x", ":1", ""}) {
    const TemporaryFolder folder;
    Victim victim(folder.path(), {});
    EXPECT_EQ(victim.start({"CRASH_AT=" + value}), Victim::Start::ended) << value;
    EXPECT_EQ(victim.exit_code(), 64);
    for (const auto point : kCrashPoints)
      EXPECT_NE(victim.errors().find(point), std::string::npos) << victim.errors();
  }
}

TEST(CrashProgram, TheProductItselfHearsNothingOfCrashPoints) {
  const auto finished = run_watchword({"version"}, {"CRASH_AT=nowhere:1"});
  EXPECT_EQ(finished.exit_code, 0) << finished.errors;
}

}  // namespace
}  // namespace watchword::testing
