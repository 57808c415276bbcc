// Just-in-time tokens over real HTTP: issue, introspect, count, revoke.
#include <algorithm>
#include <atomic>
#include <thread>

#include "events/crypto/jwt.h"
#include "events/crypto/keys.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

class Tokens : public SharedNode {};

TEST_F(Tokens, ARegisteredIdentityGetsATokenThatIsActiveUntilItIsRevoked) {
  const std::string id = admin_.register_service("thin-line");
  ASSERT_EQ(id.size(), 36u);
  const auto issued = admin_.issue(id);
  ASSERT_EQ(issued.status, 201) << issued.reply.body;
  EXPECT_EQ(issued.text("/token_type"), "Bearer");
  EXPECT_EQ(issued.number("/expires_in"), 3600);
  EXPECT_EQ(issued.text("/scopes/0"), "a:read");
  EXPECT_EQ(issued.count("/scopes"), 1u);
  EXPECT_EQ(issued.header("Cache-Control"), "no-store");
  const std::string token = issued.text("/access_token");

  const auto told = admin_.post("/oauth2/introspect", "token=" + token);
  EXPECT_EQ(told.status, 200);
  EXPECT_TRUE(told.at("/active").as_bool());
  EXPECT_EQ(told.text("/identity_id"), id);
  EXPECT_EQ(told.text("/sub"), id);
  EXPECT_EQ(told.text("/jti"), issued.text("/token_id"));
  EXPECT_EQ(told.text("/scope"), "a:read");
  EXPECT_EQ(told.number("/exp") - told.number("/iat"), 3600);

  const auto revoked = admin_.remove("/api/v1/tokens/" + issued.text("/token_id"));
  EXPECT_EQ(revoked.status, 204);
  EXPECT_FALSE(revoked.header("Watchword-Position").empty());
  EXPECT_EQ(admin_.introspect(token), kInactive);
  const auto row = admin_.get("/api/v1/tokens/" + issued.text("/token_id"));
  EXPECT_EQ(row.text("/status"), "revoked");
}

TEST_F(Tokens, WhatIsNoTokenOfOursIsExactlyInactive) {
  for (const std::string token :
       {"x", "sk_0000000000000000000000000000000000000000000000000000000000000000",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "a.b.c"})
    EXPECT_EQ(admin_.introspect(token), kInactive) << token;
  std::string forged = admin_.issue(admin_.register_service("forged")).text("/access_token");
  ASSERT_TRUE(admin_.is_active(forged));
  auto& one = forged[forged.size() - 10];
  one = one == 'A' ? 'B' : 'A';
  EXPECT_EQ(admin_.introspect(forged), kInactive);
}

TEST_F(Tokens, AnExpiredTokenIsInactive) {
  const std::string id = admin_.register_service("short");
  const auto issued = admin_.issue(id, R"("duration_seconds":1)");
  ASSERT_EQ(issued.status, 201) << issued.reply.body;
  const std::string token = issued.text("/access_token");
  EXPECT_TRUE(wait_until([&] { return admin_.introspect(token) == kInactive; }, 5'000));
  EXPECT_TRUE(wait_until([&] {
    return admin_.get("/api/v1/tokens/" + issued.text("/token_id")).text("/status") == "expired";
  }));
}

TEST_F(Tokens, OAuthRevocationEndsJitAndServiceTokensAndForgivesUnknownOnes) {
  const auto issued = admin_.issue(admin_.register_service("oauth"));
  EXPECT_EQ(admin_.post("/oauth2/revoke", "token=" + issued.text("/access_token")).status, 200);
  EXPECT_EQ(admin_.introspect(issued.text("/access_token")), kInactive);
  const std::string service = node().token_with({"api_read"});
  EXPECT_TRUE(admin_.is_active(service));
  EXPECT_EQ(admin_.post("/oauth2/revoke", "token=" + service).status, 200);
  EXPECT_EQ(admin_.introspect(service), kInactive);
  EXPECT_EQ(node().as(service).get("/api/v1/identities").status, 401);
  EXPECT_EQ(admin_.post("/oauth2/revoke", "token=unknown").status, 200);
}

TEST_F(Tokens, SuspendingKillsEveryTokenAndReactivatingRevivesNone) {
  const std::string id = admin_.register_service("suspended");
  const std::string at = "/api/v1/identities/" + id;
  std::vector<std::string> tokens;
  for (int i = 0; i < 5; ++i) tokens.push_back(admin_.issue(id).text("/access_token"));
  const auto suspended = admin_.post(at + "/suspend", R"({"reason":"stolen"})");
  EXPECT_EQ(suspended.status, 200) << suspended.reply.body;
  EXPECT_EQ(admin_.get(at).text("/status"), "suspended");
  EXPECT_EQ(admin_.get(at).text("/suspension_reason"), "stolen");
  for (const auto& token : tokens) EXPECT_EQ(admin_.introspect(token), kInactive);
  EXPECT_EQ(admin_.issue(id).status, 403);
  EXPECT_EQ(admin_.post(at + "/suspend").status, 200);  // it is suspended, as asked

  EXPECT_EQ(admin_.post(at + "/reactivate").status, 200);
  EXPECT_EQ(admin_.get(at).text("/status"), "active");
  for (const auto& token : tokens) EXPECT_EQ(admin_.introspect(token), kInactive);
  EXPECT_TRUE(admin_.is_active(admin_.issue(id).text("/access_token")));
}

TEST_F(Tokens, ARetiredIdentityIsOverForGood) {
  const std::string id = admin_.register_service("retired");
  const std::string token = admin_.issue(id).text("/access_token");
  EXPECT_EQ(admin_.post("/api/v1/identities/" + id + "/retire").status, 200);
  EXPECT_EQ(admin_.introspect(token), kInactive);
  EXPECT_EQ(admin_.post("/api/v1/identities/" + id + "/reactivate").status, 409);
  EXPECT_EQ(admin_.issue(id).status, 403);
}

TEST_F(Tokens, AHundredCallersRacingForTenUsesGetTen) {
  const std::string id = admin_.register_service("counted");
  const auto issued = admin_.issue(id, R"("max_usage":10)");
  ASSERT_EQ(issued.status, 201) << issued.reply.body;
  const std::string token = issued.text("/access_token");
  std::atomic<int> active = 0, inactive = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 100; ++i)
    callers.emplace_back([&] {
      const std::string told = node().admin().introspect(token);
      if (told.find(R"("active":true)") != told.npos) ++active;
      if (told == kInactive) ++inactive;
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(active, 10);
  EXPECT_EQ(inactive, 90);
  const auto row = admin_.get("/api/v1/tokens/" + issued.text("/token_id"));
  EXPECT_EQ(row.text("/status"), "exhausted");
  EXPECT_EQ(row.number("/usage_count"), 10);
}

TEST_F(Tokens, UsesWithoutALimitAreCountedInTheEnd) {
  const std::string id = admin_.register_service("uncounted");
  const auto issued = admin_.issue(id);
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(admin_.is_active(issued.text("/access_token"), "client_ip=10.1.1.1"));
  EXPECT_TRUE(wait_until([&] {
    const auto usage = admin_.get("/api/v1/tokens/usage/" + issued.text("/token_id"));
    return usage.number("/usage_count") == 20;
  })) << admin_.get("/api/v1/tokens/usage/" + issued.text("/token_id")).reply.body;
}

TEST_F(Tokens, ARevocationThatWasAnsweredIsSeenByEveryLaterReader) {
  const std::string id = admin_.register_service("monotone");
  for (int round = 0; round < 20; ++round) {
    const auto issued = admin_.issue(id);
    const std::string token = issued.text("/access_token");
    std::atomic<bool> revoked = false;
    std::atomic<int> late = 0;
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; ++i)
      readers.emplace_back([&] {
        auto reader = node().admin();
        for (int asked = 0; asked < 30; ++asked) {
          const bool was_revoked = revoked;
          if (reader.is_active(token) && was_revoked) ++late;
        }
      });
    EXPECT_EQ(admin_.remove("/api/v1/tokens/" + issued.text("/token_id")).status, 204);
    revoked = true;
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(late, 0);
  }
}

TEST_F(Tokens, ThePolicyRefusesWithItsOwnStatus) {
  const std::string id = admin_.register_service("policy");
  const auto scope = admin_.post("/api/v1/tokens/jit", R"({"identity_id":")" + id +
                                                           R"(","requested_scopes":["a:read","b:all"],
                                                           "justification":"x"})");
  EXPECT_EQ(scope.status, 400);
  EXPECT_NE(scope.reply.body.find("invalid_scope"), std::string::npos) << scope.reply.body;
  EXPECT_EQ(admin_.issue(id, R"("duration_seconds":3600)").status, 201);
  EXPECT_EQ(admin_.issue(id, R"("duration_seconds":3601)").status, 422);
  EXPECT_EQ(admin_.issue("01a1fe33-2cb9-8d1d-a277-88a1df6de65b").status, 404);
  EXPECT_EQ(admin_.remove("/api/v1/tokens/01a1fe33-2cb9-8d1d-a277-88a1df6de65b").status, 404);
}

TEST_F(Tokens, TheSocketsAddressDecidesNotTheClaimedOne) {
  const auto made = admin_.post("/api/v1/identities", R"({"identity_type":{"type":"ServiceAccount",
      "service_name":"elsewhere","environment":"test","owner_team":"tests"},
      "allowed_scopes":["a:read"],"allowed_ips":["10.0.0.0/8"]})");
  ASSERT_EQ(made.status, 201) << made.reply.body;
  const std::string id = made.text("/identity_id");
  EXPECT_EQ(admin_.issue(id, R"("source_ip":"10.1.2.3")").status, 403);
  EXPECT_EQ(admin_.patch("/api/v1/identities/" + id, R"({"allowed_ips":["127.0.0.0/8"]})").status, 200);
  const auto issued = admin_.issue(id);
  ASSERT_EQ(issued.status, 201) << issued.reply.body;
  EXPECT_TRUE(admin_.is_active(issued.text("/access_token"), "client_ip=127.0.0.9"));
  EXPECT_EQ(admin_.introspect(issued.text("/access_token"), "client_ip=192.0.2.1"), kInactive);
  EXPECT_TRUE(admin_.is_active(issued.text("/access_token")));
}

TEST_F(Tokens, AnIdentitysOwnTokenMayAskForItselfOnly) {
  const std::string mine = admin_.register_service("own"), other = admin_.register_service("other");
  const auto made = admin_.post("/api/v1/auth/tokens", R"({"token_name":"own-token","permissions":["api_read"],
      "identity_id":")" + mine + R"("})");
  ASSERT_EQ(made.status, 201) << made.reply.body;
  auto own = node().as(made.text("/token"));
  EXPECT_EQ(own.issue(mine).status, 201);
  EXPECT_EQ(own.issue(other).status, 403);
  EXPECT_EQ(node().as("").issue(mine).status, 401);
  EXPECT_EQ(node().as(node().token_with({"token_issue"})).issue(other).status, 201);
}

TEST_F(Tokens, AnAgentIsIssuedATokenForAnAttestationByItsKeyAndOnlyOnce) {
  const auto key = crypto::SigningKey::generate(crypto::Algorithm::es256);
  const auto made = admin_.post(
      "/api/v1/identities",
      R"({"identity_type":{"type":"AIAgent","agent_name":"helper","model":"m","owner_team":"tests"},
      "allowed_scopes":["a:read"]})");
  ASSERT_EQ(made.status, 201) << made.reply.body;
  EXPECT_TRUE(made.at("/requires_attestation").as_bool());
  const std::string id = made.text("/identity_id");
  EXPECT_EQ(admin_.issue(id).status, 403);  // admin waives no policy
  const auto proof = [&](std::string_view jti, std::string_view audience) {
    const auto now_s = std::to_string(time(nullptr)), until_s = std::to_string(time(nullptr) + 60);
    return crypto::sign_jwt(key, key.kid(), "JWT",
                            R"({"aud":")" + std::string(audience) + R"(","sub":")" + id + R"(","jti":")" +
                                std::string(jti) + R"(","iat":)" + now_s + R"(,"exp":)" + until_s + "}");
  };
  const auto ask = [&](const std::string& attestation) {
    return node().as("").issue(id, R"("attestation_data":")" + attestation + R"(")");
  };
  EXPECT_EQ(ask(proof("early", node().api_url())).status, 403);  // no key is registered yet
  const auto patched = admin_.patch("/api/v1/identities/" + id,
                                    R"({"attestation":{"jwks":{"keys":[)" + key.verify_key().jwk() + "]}}}");
  ASSERT_EQ(patched.status, 200) << patched.reply.body;
  EXPECT_EQ(ask(proof("1", "https://elsewhere")).status, 403);
  const std::string good = proof("2", node().api_url());
  const auto issued = ask(good);
  ASSERT_EQ(issued.status, 201) << issued.reply.body;
  EXPECT_EQ(issued.number("/expires_in"), 300);
  EXPECT_TRUE(admin_.is_active(issued.text("/access_token")));
  const int again = ask(good).status;
  EXPECT_TRUE(again == 403 || again == 409) << again;
  const auto stranger = crypto::SigningKey::generate(crypto::Algorithm::es256);
  const std::string theirs = crypto::sign_jwt(
      stranger, key.kid(), "JWT",
      R"({"aud":")" + node().api_url() + R"(","sub":")" + id + R"(","jti":"3","iat":)" +
          std::to_string(time(nullptr)) + R"(,"exp":)" + std::to_string(time(nullptr) + 60) + "}");
  EXPECT_EQ(ask(theirs).status, 403);
}

TEST_F(Tokens, TheSameIdempotencyKeyGetsTheSameTokenAndAnotherBodyIsRefused) {
  const std::string id = admin_.register_service("idempotent");
  const std::string body = R"({"identity_id":")" + id + R"(","requested_scopes":["a:read"],"justification":"x"})";
  const std::vector<std::string> key{"Idempotency-Key: jit-1"};
  const auto first = admin_.post("/api/v1/tokens/jit", body, key);
  const auto second = admin_.post("/api/v1/tokens/jit", body, key);
  ASSERT_EQ(first.status, 201) << first.reply.body;
  ASSERT_EQ(second.status, 201) << second.reply.body;
  EXPECT_EQ(first.text("/token_id"), second.text("/token_id"));
  EXPECT_TRUE(admin_.is_active(second.text("/access_token")));
  EXPECT_EQ(second.header("Watchword-Position"), first.header("Watchword-Position"));
  const std::string other = R"({"identity_id":")" + id + R"(","requested_scopes":["a:write"],"justification":"x"})";
  EXPECT_EQ(admin_.post("/api/v1/tokens/jit", other, key).status, 422);
}

TEST_F(Tokens, AGatewayIsToldWhoAsksAndWhatTheyMay) {
  const std::string id = admin_.register_service("gateway");
  const auto issued = admin_.issue(id);
  auto holder = node().as(issued.text("/access_token"));
  const auto passed = holder.get("/authz/forward/any/path?scope=a:read", {"X-Forwarded-Uri: /page"});
  EXPECT_EQ(passed.status, 200);
  EXPECT_EQ(passed.header("Watchword-Identity"), id);
  EXPECT_EQ(passed.header("Watchword-Scope"), "a:read");
  EXPECT_FALSE(passed.header("Watchword-Risk").empty());
  EXPECT_EQ(holder.post("/authz/forward", "").status, 200);
  EXPECT_EQ(holder.get("/authz/forward/x?scope=a:write").status, 403);
  EXPECT_EQ(holder.get("/authz/forward/x?aud=other").status, 403);
  const auto nobody = node().as("").get("/authz/forward/x");
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(nobody.header("WWW-Authenticate").substr(0, 6), "Bearer");
  admin_.remove("/api/v1/tokens/" + issued.text("/token_id"));
  EXPECT_EQ(holder.get("/authz/forward/x").status, 401);
}

TEST_F(Tokens, ACallThatTheTokenDoesNotCoverIsNoUse) {
  const auto issued = admin_.issue(admin_.register_service("one-use"), R"("max_usage":1)");
  auto holder = node().as(issued.text("/access_token"));
  EXPECT_EQ(holder.get("/authz/forward?scope=a:write").status, 403);
  EXPECT_EQ(holder.get("/authz/forward?aud=other").status, 403);
  EXPECT_EQ(holder.get("/authz/forward?scope=a:read").status, 200);
  EXPECT_EQ(holder.get("/authz/forward?scope=a:read").status, 401);
}

TEST_F(Tokens, AnyoneCanCheckASignatureByThePublishedKeys) {
  const auto issued = admin_.issue(admin_.register_service("verified"));
  const auto published = node().as("").get("/.well-known/jwks.json");
  ASSERT_EQ(published.status, 200);
  const auto keys = crypto::parse_jwks(published.reply.body);
  ASSERT_TRUE(keys.ok());
  crypto::JwtRules rules;
  rules.issuer = node().api_url();
  const auto read = crypto::verify_jwt(
      issued.text("/access_token"),
      [&](std::string_view kid, crypto::Algorithm) -> const crypto::VerifyKey* {
        for (const auto& key : *keys)
          if (key.kid() == kid) return &key;
        return nullptr;
      },
      rules, int64_t{1'000} * time(nullptr));
  ASSERT_TRUE(read.ok()) << read.error().detail;
  EXPECT_EQ(read->id, issued.text("/token_id"));
  EXPECT_EQ(read->header.type, "at+jwt");
}

}  // namespace
}  // namespace watchword::testing
