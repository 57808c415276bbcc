// Attestations of agents, over real HTTP, where the signature is good and something else is not.
#include "events/crypto/jwt.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

class Attestations : public SharedNode {
 protected:
  // An agent that trusts the key.
  std::string agent(const crypto::SigningKey& key) {
    const auto made = admin_.post(
        "/api/v1/identities",
        R"({"identity_type":{"type":"AIAgent","agent_name":"helper","model":"m","owner_team":"tests"},
        "allowed_scopes":["a:read"]})");
    EXPECT_EQ(made.status, 201) << made.reply.body;
    const std::string id = made.text("/identity_id");
    const auto patched =
        admin_.patch("/api/v1/identities/" + id,
                     R"({"attestation":{"jwks":{"keys":[)" + key.verify_key().jwk() + "]}}}");
    EXPECT_EQ(patched.status, 200) << patched.reply.body;
    return id;
  }
  static std::string proof(const crypto::SigningKey& key, const std::string& subject,
                           const std::string& more) {
    return crypto::sign_jwt(key, key.kid(), "JWT",
                            R"({"aud":")" + node().api_url() + R"(","sub":")" + subject + R"(","iat":)" +
                                std::to_string(time(nullptr)) + more + "}");
  }
  static int asked(const std::string& id, const std::string& attestation) {
    return node().as("").issue(id, R"("attestation_data":")" + attestation + R"(")").status;
  }
};

TEST_F(Attestations, OfOneAgentAreNothingForAnotherThatTrustsTheSameKey) {
  const auto key = crypto::SigningKey::generate(crypto::Algorithm::es256);
  const std::string one = agent(key), other = agent(key);
  const std::string until = R"(,"exp":)" + std::to_string(time(nullptr) + 60);
  EXPECT_EQ(asked(other, proof(key, one, R"(,"jti":"a")" + until)), 403);
  EXPECT_EQ(asked(one, proof(key, one, until)), 403) << "without a jti it could come twice";
  EXPECT_EQ(asked(one, proof(key, one, R"(,"jti":"b")" + until)), 201);
}

}  // namespace
}  // namespace watchword::testing
