// Calls that come twice, over real HTTP (PROTOCOL.md section 3).
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

class Repeated : public SharedNode {
 protected:
  static std::string event(const std::string& id) {
    return R"([{"id":")" + id +
           R"(","time":"2026-05-01T00:00:00Z","source":"gate","subject":"rita","action":"auth.login",)"
           R"("outcome":"success"}])";
  }
};

TEST_F(Repeated, EventsUnderOneKeyAreTakenOnceAndAnotherBodyIsRefused) {
  const std::vector<std::string> key{"Idempotency-Key: events-once"};
  const auto first = admin_.post("/api/v1/events", event("r1"), key);
  ASSERT_EQ(first.status, 200) << first.reply.body;
  EXPECT_EQ(first.number("/accepted"), 1);
  const auto again = admin_.post("/api/v1/events", event("r1"), key);
  EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
  EXPECT_EQ(again.number("/accepted"), 0);
  EXPECT_EQ(again.number("/duplicates"), 1);
  const auto other = admin_.post("/api/v1/events", event("r2"), key);
  EXPECT_EQ(other.status, 422) << other.reply.body;
  EXPECT_EQ(admin_.post("/api/v1/events", event("r2")).number("/accepted"), 1)
      << "what was refused was not taken";
}

TEST_F(Repeated, EventsWithoutAKeyAreKnownByTheirBody) {
  EXPECT_EQ(admin_.post("/api/v1/events", event("r3")).number("/accepted"), 1);
  const auto again = admin_.post("/api/v1/events", event("r3"));
  EXPECT_EQ(again.number("/accepted"), 0);
  EXPECT_EQ(again.number("/duplicates"), 1);
}

}  // namespace
}  // namespace watchword::testing
