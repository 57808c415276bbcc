// A crash between the two halves of a change that touches two rows.
#include <gtest/gtest.h>

#include "tests/crash/victim.h"

namespace watchword::testing {
namespace {

constexpr const char* kTokens = "/api/v1/auth/tokens";

std::string named(const std::string& name) {
  return R"({"token_name":")" + name + R"(","permissions":["api_read"],"expires_in_days":7})";
}

// The first frame after arming is the name's reservation: the node dies before the token is made.
TEST(Names, OneThatWasReservedWhenTheNodeDiedIsFreeAfterwards) {
  const TemporaryFolder folder;
  Victim victim(folder.path(), {"--partitions", "1"});
  ASSERT_EQ(victim.start({"CRASH_AT=frame_answered:1", "CRASH_ARMED=later"}),
            Victim::Start::serving)
      << victim.errors();
  victim.arm();
  auto caller = victim.admin();
  EXPECT_EQ(caller.post(kTokens, named("ci"), {"Idempotency-Key: k"}).status, 0);
  EXPECT_EQ(victim.wait(5'000), Victim::State::ended);
  ASSERT_EQ(victim.start({}), Victim::Start::serving) << victim.errors();
  auto again = victim.admin();
  EXPECT_EQ(again.get(kTokens).reply.body.find("\"ci\""), std::string::npos);
  const auto made = again.post(kTokens, named("ci"), {"Idempotency-Key: k"});
  EXPECT_EQ(made.status, 201) << made.reply.body;
  const auto repeated = again.post(kTokens, named("ci"), {"Idempotency-Key: k"});
  EXPECT_EQ(repeated.status, 201);
  EXPECT_EQ(repeated.text("/token"), made.text("/token"));
  EXPECT_EQ(repeated.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(again.post(kTokens, named("ci")).status, 409);
}

}  // namespace
}  // namespace watchword::testing
