// `sk_` tokens over real HTTP.
#include <regex>
#include <set>
#include <thread>

#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

constexpr const char* kTokens = "/api/v1/auth/tokens";

class ServiceTokens : public SharedNode {
 protected:
  static std::string named(const std::string& name) {
    return R"({"token_name":")" + name + R"(","permissions":["api_read"],"expires_in_days":7})";
  }
};

TEST_F(ServiceTokens, ASecretIsShownOnceAndWorksUntilItIsRevoked) {
  const auto made = admin_.post(kTokens, named("ci"));
  ASSERT_EQ(made.status, 201) << made.reply.body;
  const std::string secret = made.text("/token"), at = std::string(kTokens) + "/" + made.text("/id");
  EXPECT_TRUE(std::regex_match(secret, std::regex("sk_[0-9a-f]{64}"))) << secret;
  EXPECT_EQ(made.header("Cache-Control"), "no-store");
  auto holder = node().as(secret);
  const auto me = holder.get("/api/v1/auth/me");
  EXPECT_EQ(me.status, 200);
  EXPECT_NE(me.reply.body.find("api_read"), std::string::npos) << me.reply.body;
  const auto shown = holder.get(at);
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.text("/token_name"), "ci");
  EXPECT_EQ(shown.text("/status"), "active");
  EXPECT_EQ(shown.reply.body.find(secret.substr(3)), std::string::npos);
  EXPECT_EQ(admin_.remove(at).status, 204);
  EXPECT_EQ(holder.get("/api/v1/auth/me").status, 401);
  EXPECT_EQ(admin_.get(at).text("/status"), "revoked");
}

TEST_F(ServiceTokens, OfTwentyCallersWhoWantOneNameOneGetsIt) {
  for (int round = 0; round < 5; ++round) {
    const std::string body = named("race-" + std::to_string(round));
    std::multiset<int> statuses;
    std::mutex mutex;
    std::vector<std::thread> callers;
    for (int i = 0; i < 20; ++i)
      callers.emplace_back([&] {
        const int status = node().admin().post(kTokens, body).status;
        const std::lock_guard lock(mutex);
        statuses.insert(status);
      });
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(statuses.count(201), 1u);
    EXPECT_EQ(statuses.count(409), 19u);
  }
}

TEST_F(ServiceTokens, ARepeatedCreationGetsTheSameSecret) {
  const std::vector<std::string> key{"Idempotency-Key: token-once"};
  const auto first = admin_.post(kTokens, named("once"), key);
  const auto second = admin_.post(kTokens, named("once"), key);
  ASSERT_EQ(first.status, 201) << first.reply.body;
  ASSERT_EQ(second.status, 201) << second.reply.body;
  EXPECT_EQ(second.text("/token"), first.text("/token"));
  EXPECT_EQ(second.text("/id"), first.text("/id"));
  EXPECT_EQ(admin_.post(kTokens, named("twice"), key).status, 422);
  EXPECT_EQ(admin_.post(kTokens, named("twice")).status, 201);  // the refused try took no name
}

TEST_F(ServiceTokens, ARefusedCreationLeavesItsNameFree) {
  EXPECT_EQ(admin_.post(kTokens, R"({"token_name":"free","permissions":["nonsense"]})").status / 100, 4);
  EXPECT_EQ(admin_.post(kTokens, R"({"token_name":"free","permissions":["api_read"],
      "identity_id":"01a1fe33-2cb9-8d1d-a277-88a1df6de65b"})").status, 404);
  EXPECT_EQ(admin_.post(kTokens, named("free")).status, 201);
}

TEST_F(ServiceTokens, AnApiKeyIsShownAtRegistrationAndAgainForTheSameKeyOnly) {
  const std::string body =
      R"({"identity_type":{"type":"ApiKey","key_name":"partner","owner_team":"t"},"allowed_scopes":["a:read"]})";
  const std::vector<std::string> key{"Idempotency-Key: api-key-once"};
  const auto first = admin_.post("/api/v1/identities", body, key);
  const auto second = admin_.post("/api/v1/identities", body, key);
  ASSERT_EQ(first.status, 201) << first.reply.body;
  ASSERT_EQ(second.status, 201) << second.reply.body;
  EXPECT_EQ(first.text("/api_key").substr(0, 3), "sk_");
  EXPECT_EQ(second.text("/api_key"), first.text("/api_key"));
  EXPECT_EQ(second.text("/identity_id"), first.text("/identity_id"));
  const auto shown = admin_.get("/api/v1/identities/" + first.text("/identity_id"));
  EXPECT_EQ(shown.reply.body.find("\"sk_"), std::string::npos);
  auto holder = node().as(first.text("/api_key"));
  EXPECT_EQ(holder.issue(first.text("/identity_id")).status, 201);
}

TEST_F(ServiceTokens, AnEventWriterReportsOnlyForTheSourcesItLists) {
  const auto made = admin_.post(
      kTokens, R"({"token_name":"reporter","permissions":["event_write"],"sources":["gateway"]})");
  ASSERT_EQ(made.status, 201) << made.reply.body;
  auto reporter = node().as(made.text("/token"));
  const auto seen = [](std::string_view source) {
    return R"({"id":"e","time":)" + std::string("\"2026-01-01T00:00:00Z\"") + R"(,"source":")" +
           std::string(source) + R"(","subject":"bob","action":"auth.login","outcome":"success"})";
  };
  EXPECT_EQ(reporter.post("/api/v1/events", seen("gateway")).number("/accepted"), 1);
  const auto refused = reporter.post("/api/v1/events", seen("other"));
  EXPECT_EQ(refused.number("/accepted"), 0);
  EXPECT_EQ(refused.text("/rejected/0/code"), "source_not_allowed");
}

}  // namespace
}  // namespace watchword::testing
