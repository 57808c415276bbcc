// The same thing a hundred times at once: one winner, or the tenth that was allowed, and no more.
#include <atomic>
#include <set>
#include <sstream>

#include "events/crypto/jwt.h"
#include "events/crypto/keys.h"
#include "tests/integration/hostile/crowd.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

constexpr size_t kCrowd = 100;

class Races : public SharedNode {
 protected:
  std::vector<Answer> crowd(const std::function<Answer(Caller&, size_t)>& act) {
    return at_once(node(), node().admin_token(), kCrowd, act);
  }
};

std::string registration(const std::string& name) {
  return R"({"identity_type":{"type":"ServiceAccount","service_name":")" + name +
         R"(","environment":"e","owner_team":"races"},"allowed_scopes":["a:read"]})";
}

TEST_F(Races, TenUsesAreTenWhicheverDoorTheyComeBy) {
  const auto issued = admin_.issue(admin_.register_service("ten"), R"("max_usage":10)");
  const std::string token = issued.text("/access_token");
  ASSERT_FALSE(token.empty());
  std::atomic<int> won{0};
  crowd([&](Caller& caller, size_t number) {
    if (number % 2 == 0) {
      won += caller.is_active(token);
      return Answer{};
    }
    Caller holder = node().as(token);
    won += holder.get("/authz/forward/x").status == 200;
    return Answer{};
  });
  EXPECT_EQ(won, 10);
  EXPECT_EQ(admin_.introspect(token), kInactive);
  EXPECT_EQ(admin_.get("/api/v1/tokens/" + issued.text("/token_id")).number("/usage_count"), 10);
}

TEST_F(Races, AfterTheAnswerToASuspensionNoTokenLivesThatWasAskedForBesideIt) {
  const std::string id = admin_.register_service("suspended-beside");
  std::atomic<bool> suspended{false};
  std::atomic<int> late{0};
  const auto answers = crowd([&](Caller& caller, size_t number) {
    if (number == 0) {
      auto answer = caller.post("/api/v1/identities/" + id + "/suspend");
      suspended = true;
      return answer;
    }
    const bool was_suspended = suspended;
    auto answer = caller.issue(id);
    late += was_suspended && answer.status != 403;
    return answer;
  });
  EXPECT_EQ(answers[0].status, 200);
  EXPECT_EQ(late, 0);
  for (size_t i = 1; i < answers.size(); ++i) {
    EXPECT_TRUE(answers[i].status == 201 || answers[i].status == 403) << answers[i].status;
    if (answers[i].status != 201) continue;
    EXPECT_EQ(admin_.introspect(answers[i].text("/access_token")), kInactive);
  }
}

TEST_F(Races, AHundredRevocationsOfOneTokenAreOneAndNobodySeesItAfterwards) {
  const auto issued = admin_.issue(admin_.register_service("revoked-often"));
  const std::string token = issued.text("/access_token"),
                    at = "/api/v1/tokens/" + issued.text("/token_id");
  std::atomic<bool> revoked{false};
  std::atomic<int> seen_after{0};
  const auto answers = crowd([&](Caller& caller, size_t number) {
    if (number % 2 == 0) {
      auto answer = caller.remove(at);
      revoked = true;
      return answer;
    }
    const bool was_revoked = revoked;
    seen_after += caller.is_active(token) && was_revoked;
    return Answer{204, {}, {}};
  });
  EXPECT_EQ(count_of(answers, 204), kCrowd);
  EXPECT_EQ(seen_after, 0);
  EXPECT_EQ(admin_.introspect(token), kInactive);
  std::istringstream stream(admin_.get("/api/v1/streams/token?from=start&follow=false").reply.body);
  size_t revocations = 0;
  for (std::string line; std::getline(stream, line);)
    revocations += line.find("jit_token.revoked") != line.npos &&
                   line.find(issued.text("/token_id")) != line.npos;
  EXPECT_EQ(revocations, 1u);
}

TEST_F(Races, OneOfAHundredServiceTokensGetsTheName) {
  const auto answers = crowd([&](Caller& caller, size_t number) {
    static const char* const kForms[] = {"the-one", "The-One", " the-one ", "THE-ONE"};
    return caller.post("/api/v1/auth/tokens", std::string(R"({"token_name":")") +
                                                  kForms[number % 4] +
                                                  R"(","permissions":["api_read"]})");
  });
  EXPECT_EQ(count_of(answers, 201), 1u);
  EXPECT_EQ(count_of(answers, 409), kCrowd - 1);
  const auto list = admin_.get("/api/v1/auth/tokens?limit=500").reply.body;
  size_t named = 0;
  for (const auto form : {"\"the-one\"", "\"The-One\"", "\"THE-ONE\""})
    for (size_t at = list.find(form); at != list.npos; at = list.find(form, at + 1)) ++named;
  EXPECT_EQ(named, 1u) << list;
}

TEST_F(Races, SuspendingAndReactivatingEndsInOneStateAndRevivesNothing) {
  const std::string id = admin_.register_service("to-and-fro"), at = "/api/v1/identities/" + id;
  const std::string before = admin_.issue(id).text("/access_token");
  const auto answers = crowd([&](Caller& caller, size_t number) {
    return caller.post(at + (number % 2 == 0 ? "/suspend" : "/reactivate"));
  });
  EXPECT_EQ(count_of(answers, 200) + count_of(answers, 409), kCrowd);
  for (size_t i = 0; i < kCrowd; i += 2) EXPECT_EQ(answers[i].status, 200) << "a suspension wins";
  EXPECT_EQ(admin_.introspect(before), kInactive);
  const bool active = admin_.get(at).text("/status") == "active";
  EXPECT_EQ(admin_.issue(id).status, active ? 201 : 403);
}

TEST_F(Races, OneKeyIsOneRegistrationHoweverManySendIt) {
  const auto answers = crowd([&](Caller& caller, size_t) {
    return caller.post("/api/v1/identities", registration("keyed"), {"Idempotency-Key: reg-1"});
  });
  std::set<std::string> ids;
  for (const auto& answer : answers) {
    EXPECT_EQ(answer.status, 201) << answer.reply.body;
    ids.insert(answer.text("/identity_id"));
  }
  EXPECT_EQ(ids.size(), 1u);
  const auto list = admin_.get("/api/v1/identities?owner_team=races&limit=500").reply.body;
  EXPECT_EQ(list.find("\"keyed\""), list.rfind("\"keyed\"")) << "registered more than once";
  EXPECT_NE(list.find("\"keyed\""), list.npos);
}

TEST_F(Races, OneKeyIsOneJitTokenHoweverManySendIt) {
  const std::string id = admin_.register_service("keyed-jit");
  const std::string body =
      R"({"identity_id":")" + id + R"(","requested_scopes":["a:read"],"justification":"x"})";
  const auto answers = crowd([&](Caller& caller, size_t) {
    return caller.post("/api/v1/tokens/jit", body, {"Idempotency-Key: jit-crowd"});
  });
  std::set<std::string> ids;
  for (const auto& answer : answers) {
    EXPECT_EQ(answer.status, 201) << answer.reply.body;
    ids.insert(answer.text("/token_id"));
    EXPECT_TRUE(admin_.is_active(answer.text("/access_token")));
  }
  EXPECT_EQ(ids.size(), 1u);
}

TEST_F(Races, OneKeyIsOneServiceTokenHoweverManySendIt) {
  const auto answers = crowd([&](Caller& caller, size_t) {
    return caller.post("/api/v1/auth/tokens",
                       R"({"token_name":"keyed-sk","permissions":["api_read"]})",
                       {"Idempotency-Key: sk-crowd"});
  });
  std::set<std::string> secrets;
  for (const auto& answer : answers) {
    EXPECT_EQ(answer.status, 201) << answer.reply.body;
    secrets.insert(answer.text("/token"));
  }
  EXPECT_EQ(secrets.size(), 1u);
}

TEST_F(Races, AKeyWithAnotherBodyIsRefusedAlsoBesideTheFirst) {
  const auto answers = crowd([&](Caller& caller, size_t number) {
    return caller.post("/api/v1/identities",
                       registration("other-body-" + std::to_string(number % 2)),
                       {"Idempotency-Key: reg-2"});
  });
  EXPECT_EQ(count_of(answers, 201), kCrowd / 2);
  EXPECT_EQ(count_of(answers, 422), kCrowd / 2);
}

TEST_F(Races, AKeyIsNoAnswerForAnotherResource) {
  const std::string first = admin_.register_service("key-a"),
                    second = admin_.register_service("key-b");
  const std::vector<std::string> key{"Idempotency-Key: same"};
  for (const std::string& id : {first, second}) {
    const auto issued = admin_.issue(id);
    EXPECT_EQ(admin_.remove("/api/v1/tokens/" + issued.text("/token_id"), key).status, 204);
    EXPECT_EQ(admin_.introspect(issued.text("/access_token")), kInactive);
    EXPECT_EQ(admin_.post("/api/v1/identities/" + id + "/suspend", {}, key).text("/status"),
              "suspended");
    EXPECT_EQ(admin_.post("/api/v1/identities/" + id + "/suspend?reason=other", {}, key).status,
              422);
    EXPECT_EQ(admin_.post("/api/v1/identities/" + id + "/retire", {}, key).text("/status"),
              "retired");
  }
}

TEST_F(Races, AKeyIsItsCallersOwn) {
  auto other = node().as(
      admin_
          .post("/api/v1/auth/tokens",
                R"({"token_name":"another","permissions":["identity_write"],"identity_id":")" +
                    admin_.register_service("another") + R"("})")
          .text("/token"));
  const std::vector<std::string> key{"Idempotency-Key: mine"};
  const auto mine = admin_.post("/api/v1/identities", registration("keyed-mine"), key);
  const auto theirs = other.post("/api/v1/identities", registration("keyed-theirs"), key);
  EXPECT_EQ(mine.status, 201);
  EXPECT_EQ(theirs.status, 201) << theirs.reply.body;
  EXPECT_NE(mine.text("/identity_id"), theirs.text("/identity_id"));
}

TEST_F(Races, OneAttestationIsOneToken) {
  const auto key = crypto::SigningKey::generate(crypto::Algorithm::es256);
  const auto made = admin_.post(
      "/api/v1/identities",
      R"({"identity_type":{"type":"AIAgent","agent_name":"racer","model":"m","owner_team":"races"},
      "allowed_scopes":["a:read"],"attestation":{"jwks":{"keys":[)" +
          key.verify_key().jwk() + "]}}}");
  ASSERT_EQ(made.status, 201) << made.reply.body;
  const std::string id = made.text("/identity_id"), now = std::to_string(time(nullptr));
  const std::string proof = crypto::sign_jwt(
      key, key.kid(), "JWT",
      R"({"aud":")" + node().api_url() + R"(","sub":")" + id + R"(","jti":"once","iat":)" + now +
          R"(,"exp":)" + std::to_string(time(nullptr) + 60) + "}");
  const auto answers = at_once(node(), "", kCrowd, [&](Caller& caller, size_t) {
    return caller.issue(id, R"("attestation_data":")" + proof + R"(")");
  });
  EXPECT_EQ(count_of(answers, 201), 1u);
  EXPECT_EQ(count_of(answers, 403), kCrowd - 1) << "a replay is refused, not charged as a guess";
}

}  // namespace
}  // namespace watchword::testing
