// The second opinion itself: what it expects, and what it makes of lost answers.
#include <gtest/gtest.h>

#include "tests/simulation/oracle.h"

namespace watchword::simulation {
namespace {

constexpr int64_t kNow = 1'790'000'000'000;  // 2026-09-21T13:33:20Z
constexpr Moment kAt{kNow, kNow};

Moment after(int64_t ms) { return {kNow + ms, kNow + ms}; }

Request asks(std::string verb, std::string path, std::string body = {}, std::string key = {}) {
  Request request;
  request.verb = std::move(verb);
  request.path = std::move(path);
  request.body = std::move(body);
  request.caller = "admin-secret";
  request.idempotency_key = std::move(key);
  return request;
}

Reply replies(int status, std::string body = {}) { return {status, std::move(body), {}}; }

Reply lost() {
  Reply reply;
  reply.lost = true;
  return reply;
}

const std::string kRegistration =
    R"({"identity_type":{"type":"ServiceAccount","service_name":"a","environment":"e","owner_team":"t"},)"
    R"("allowed_scopes":["a","b"],"allowed_ips":["10.0.1.0/24"],"max_token_lifetime_seconds":600})";
const std::string kRegistered =
    R"({"identity_id":"i1","max_token_lifetime_seconds":600,"requires_attestation":false,)"
    R"("requires_continuous_auth":true})";
const std::string kIssued =
    R"({"access_token":"jwt1","token_type":"Bearer","expires_in":600,"scopes":["a"],"token_id":"t1"})";

struct Told : testing::Test {
  Told() {
    oracle.admit("admin-secret", "root", "root-token", {"admin"});
    EXPECT_EQ(oracle.judge(asks("POST", "/api/v1/identities", kRegistration), replies(201, kRegistered), kAt), "");
  }
  std::string judge(Request request, Reply reply, Moment at = kAt) { return oracle.judge(request, reply, at); }
  void issue(const std::string& more = {}) {
    ASSERT_EQ(judge(issuing(more), replies(201, kIssued)), "");
  }
  static Request issuing(const std::string& more = {}, const std::string& key = {}) {
    return asks("POST", "/api/v1/tokens/jit", R"({"identity_id":"i1","requested_scopes":["a"],"justification":"why")" + more + "}", key);
  }
  static Request introspecting(const std::string& more = {}) {
    return asks("POST", "/oauth2/introspect", "token=jwt1" + more);
  }
  bool right(const Request& request, int status, Moment at = kAt) {
    for (const auto& answer : oracle.expect(request, at))
      if (answer.status == status) return true;
    return false;
  }
  bool may_be_active(Moment at = kAt) {
    for (const auto& answer : oracle.expect(introspecting(), at))
      if (answer.members.contains("active") && answer.members.at("active").as_bool()) return true;
    return false;
  }
  const std::string active = R"({"active":true,"identity_id":"i1","jti":"t1","sub":"i1"})";
  const std::string inactive = R"({"active":false})";
  Oracle oracle{Rules{.detection = false}};
};

TEST_F(Told, ATokenIsActiveUntilItExpiresAndNeverAfterItWasSeenExpired) {
  issue();
  EXPECT_EQ(judge(introspecting(), replies(200, active), after(599'999)), "");
  EXPECT_NE(judge(introspecting(), replies(200, active), after(600'000)), "");
  EXPECT_EQ(judge(introspecting(), replies(200, inactive), after(600'000)), "");
  EXPECT_NE(judge(introspecting(), replies(200, active), after(0)), "") << "a clock that goes back revives nothing";
}

TEST_F(Told, NearAnEdgeBothAnswersAreRight) {
  issue();
  EXPECT_TRUE(may_be_active({kNow + 599'000, kNow + 601'000}));
  EXPECT_EQ(judge(introspecting(), replies(200, inactive), {kNow + 599'000, kNow + 601'000}), "");
}

TEST_F(Told, AnInactiveAnswerSaysNothingElse) {
  EXPECT_EQ(judge(asks("POST", "/oauth2/introspect", "token=unknown"), replies(200, inactive)), "");
  EXPECT_NE(judge(asks("POST", "/oauth2/introspect", "token=unknown"), replies(200, R"({"active":false,"sub":"i1"})")),
            "");
}

TEST_F(Told, ATokenWithTwoUsesHasTwo) {
  issue(R"(,"max_usage":2)");
  EXPECT_EQ(judge(introspecting(), replies(200, active)), "");
  EXPECT_NE(judge(introspecting(), replies(200, inactive)), "") << "one is left";
  EXPECT_EQ(judge(introspecting(), replies(200, active)), "");
  EXPECT_NE(judge(introspecting(), replies(200, active)), "");
}

TEST_F(Told, ALostUseMayHaveTakenPlace) {
  issue(R"(,"max_usage":1)");
  EXPECT_EQ(judge(introspecting(), lost()), "");
  EXPECT_EQ(oracle.worlds_of("i1").size(), 2u);
  EXPECT_EQ(judge(introspecting(), replies(200, inactive)), "");
  EXPECT_EQ(oracle.worlds_of("i1").size(), 1u) << "now it is known";
  EXPECT_NE(judge(introspecting(), replies(200, active)), "");
}

TEST_F(Told, ALostRevocationOnceSeenStandsForEver) {
  issue();
  const auto revoke = asks("DELETE", "/api/v1/tokens/t1");
  EXPECT_EQ(judge(revoke, replies(503)), "");
  EXPECT_TRUE(may_be_active());
  EXPECT_FALSE(oracle.surely_dead("t1", kAt));
  EXPECT_EQ(judge(introspecting(), replies(200, inactive)), "");
  EXPECT_TRUE(oracle.surely_dead("t1", kAt));
  EXPECT_NE(judge(introspecting(), replies(200, active)), "");
}

TEST_F(Told, SuspendingKillsTokensAndReactivatingRevivesNone) {
  issue();
  EXPECT_EQ(judge(asks("POST", "/api/v1/identities/i1/suspend"), replies(200, R"({"status":"suspended"})")), "");
  EXPECT_TRUE(right(issuing(), 403));
  EXPECT_FALSE(right(issuing(), 201));
  EXPECT_EQ(judge(asks("POST", "/api/v1/identities/i1/reactivate"), replies(200, R"({"status":"active"})")), "");
  EXPECT_FALSE(may_be_active());
  EXPECT_TRUE(right(issuing(), 201));
}

TEST_F(Told, ALostSuspensionKillsOrDoesNotButNeverHalf) {
  issue();
  EXPECT_EQ(judge(asks("POST", "/api/v1/identities/i1/suspend"), lost()), "");
  EXPECT_EQ(judge(introspecting(), replies(200, active)), "");
  EXPECT_FALSE(right(issuing(), 403)) << "its token lives, so it was not suspended";
}

TEST_F(Told, WhatIsRetiredStaysRetired) {
  EXPECT_EQ(judge(asks("POST", "/api/v1/identities/i1/retire"), replies(200, R"({"status":"retired"})")), "");
  EXPECT_NE(judge(asks("POST", "/api/v1/identities/i1/reactivate"), replies(200, R"({"status":"active"})")), "");
}

TEST_F(Told, EveryReasonToRefuseIsARightAnswerAndGrantingIsNot) {
  auto outside = issuing(R"(,"duration_seconds":601)");
  outside.peer = "10.0.2.1";
  EXPECT_TRUE(right(outside, 403));
  EXPECT_TRUE(right(outside, 422));
  EXPECT_FALSE(right(outside, 201));
  const auto scope = asks("POST", "/api/v1/tokens/jit", R"({"identity_id":"i1","requested_scopes":["a","c"],"justification":"w"})");
  EXPECT_NE(judge(scope, replies(400, R"({"code":"request.body.wrong"})")), "");
  EXPECT_EQ(judge(scope, replies(400, R"({"code":"token.jit.invalid_scope"})")), "");
  EXPECT_NE(judge(scope, replies(201, kIssued)), "");
}

TEST_F(Told, WithoutAPermissionNothingIsToldOfTheSubject) {
  const std::string body = R"({"token_name":"n","permissions":["api_read"]})";
  ASSERT_EQ(judge(asks("POST", "/api/v1/auth/tokens", body),
                  replies(201, R"({"id":"s1","token":"sk_1","token_name":"n","permissions":["api_read"],)"
                               R"("identity_id":"root"})")),
            "");
  auto revoke = asks("DELETE", "/api/v1/tokens/none");
  revoke.caller = "sk_1";
  EXPECT_TRUE(right(revoke, 403));
  EXPECT_FALSE(right(revoke, 404));
  EXPECT_TRUE(right(asks("POST", "/api/v1/auth/tokens", body), 409)) << "its name is taken";
  EXPECT_FALSE(right(asks("POST", "/api/v1/auth/tokens", body), 201));
}

TEST_F(Told, AnIdentityAsksForItselfAndForNobodyElse) {
  const std::string body = R"({"token_name":"n","permissions":["api_read"],"identity_id":"i1"})";
  ASSERT_EQ(judge(asks("POST", "/api/v1/auth/tokens", body),
                  replies(201, R"({"id":"s1","token":"sk_1","token_name":"n","permissions":["api_read"],)"
                               R"("identity_id":"i1"})")),
            "");
  auto own = issuing();
  own.caller = "sk_1";
  EXPECT_TRUE(right(own, 201));
  EXPECT_FALSE(right(own, 403));
  auto of_another = asks("POST", "/api/v1/tokens/jit",
                         R"({"identity_id":"root","requested_scopes":["a"],"justification":"why"})");
  of_another.caller = "sk_1";
  EXPECT_FALSE(right(of_another, 201));
}

TEST_F(Told, ARepeatedKeyGetsTheFirstAnswerAndAnotherBodyIsRefused) {
  ASSERT_EQ(judge(issuing("", "k1"), replies(201, kIssued)), "");
  std::string again = kIssued;
  again.replace(again.find("jwt1"), 4, "jwt2");
  EXPECT_EQ(judge(issuing("", "k1"), replies(201, again)), "") << "signed again";
  again.replace(again.find("t1\""), 3, "t2\"");
  EXPECT_NE(judge(issuing("", "k1"), replies(201, again)), "") << "a second token";
  EXPECT_TRUE(right(issuing(R"(,"max_usage":3)", "k1"), 422));
  EXPECT_FALSE(right(issuing(R"(,"max_usage":3)", "k1"), 201));
}

TEST_F(Told, ARepeatAfterALostAnswerIsTheSameToken) {
  ASSERT_EQ(judge(issuing("", "k1"), lost()), "");
  ASSERT_EQ(judge(asks("POST", "/api/v1/identities/i1/suspend"), replies(200, R"({"status":"suspended"})")), "");
  ASSERT_EQ(judge(issuing("", "k1"), replies(201, kIssued)), "") << "it was issued before";
  EXPECT_FALSE(may_be_active()) << "and fell with the suspension";
}

Request observing(const std::string& items) {
  auto request = asks("POST", "/api/v1/events", items);
  request.observations = boost::json::parse(items).as_array();
  return request;
}

std::string seen(const std::string& id, const std::string& more = {}) {
  return R"({"id":")" + id + R"(","source":"s","time":"2026-09-21T13:33:20Z","subject":"eve","action":"x")" + more + "}";
}

TEST_F(Told, ARepeatedObservationIsADuplicate) {
  EXPECT_EQ(judge(observing("[" + seen("1") + "]"), replies(200, R"({"accepted":1,"duplicates":0,"rejected":[]})")), "");
  const auto both = observing("[" + seen("1") + "," + seen("2") + "]");
  EXPECT_NE(judge(both, replies(200, R"({"accepted":2,"duplicates":0,"rejected":[]})")), "");
  const auto third = observing("[" + seen("1") + "," + seen("3") + "]");
  EXPECT_EQ(judge(third, replies(200, R"({"accepted":1,"duplicates":1,"rejected":[]})")), "");
}

TEST_F(Told, AnObservationWithoutSenseIsRejectedByItself) {
  const auto batch = observing("[null," + seen("1") + "]");
  EXPECT_NE(judge(batch, replies(200, R"({"accepted":2,"duplicates":0,"rejected":[]})")), "");
  const auto again = observing("[null," + seen("2") + "]");
  EXPECT_EQ(judge(again, replies(200, R"({"accepted":1,"duplicates":0,"rejected":[{"index":0}]})")), "");
}

TEST_F(Told, AnUnexpectedStatusIsToldWithWhatWouldBeRight) {
  const auto complaint = judge(asks("GET", "/api/v1/identities/i1"), replies(500));
  EXPECT_NE(complaint.find("answered 500"), std::string::npos);
  EXPECT_NE(complaint.find("200"), std::string::npos);
}

}  // namespace
}  // namespace watchword::simulation
