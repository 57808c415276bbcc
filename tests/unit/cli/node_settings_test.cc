#include <gtest/gtest.h>

#include "api/cli/node.h"

namespace watchword::cli {
namespace {

TEST(NodeSettings, WhetherAPrincipalIsLearnedIsToldByTheRulesThatJudgeIt) {
  config::Settings settings;
  settings.monitoring.baseline_learning_hours = 2;
  settings.detection.learning_successes = 7;
  settings.detection.learning_distinct_hours = 1;
  const auto told = api_settings(settings).tuning;
  EXPECT_EQ(told.learning_ms, 7'200'000);
  EXPECT_EQ(told.learning_successes, 7u);
  EXPECT_EQ(told.learning_hours, 1u);
}

}  // namespace
}  // namespace watchword::cli
