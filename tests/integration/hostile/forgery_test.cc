// Tampered JWTs at the three doors that take one: introspection, a request's credential, an
// attestation.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "events/crypto/encoding.h"
#include "events/crypto/jwt.h"
#include "tests/integration/hostile/forger.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

using Texts = std::vector<std::string>;

// Nobody may ever connect here.
class Trap {
 public:
  Trap() {
    descriptor_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ready_ = bind(descriptor_, reinterpret_cast<sockaddr*>(&at), size) == 0 &&
             listen(descriptor_, 8) == 0 &&
             getsockname(descriptor_, reinterpret_cast<sockaddr*>(&at), &size) == 0;
    port_ = ntohs(at.sin_port);
  }
  ~Trap() { close(descriptor_); }
  bool ready() const { return ready_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/jwks.json"; }
  bool was_visited() const {
    pollfd waiting{descriptor_, POLLIN, 0};
    return poll(&waiting, 1, 0) == 1;
  }

 private:
  int descriptor_ = -1;
  uint16_t port_ = 0;
  bool ready_ = false;
};

std::string form_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) out += "%" + crypto::hex(std::string(1, c));
  return out;
}

bool fits_a_header(std::string_view token) {
  return token.size() < 12'000 &&
         std::ranges::none_of(token, [](unsigned char c) { return c < 0x21 || c > 0x7e; });
}

class Forgeries : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    node_ = std::make_unique<Node>(
        std::vector<std::string>{"--set", "limits.failed_authentications_per_second=1000000"});
    ASSERT_TRUE(node_->start()) << node_->errors();
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(node_->stop(), 0) << node_->errors();
    node_.reset();
  }

  // An identity that attests by `key_`.
  std::string attesting_identity() {
    const auto made = admin_.post(
        "/api/v1/identities",
        R"({"identity_type":{"type":"AIAgent","agent_name":"forged","model":"m","owner_team":"t"},)"
        R"("allowed_scopes":["a:read"],"attestation":{"jwks":{"keys":[)" +
            key_.verify_key().jwk() + "]}}}");
    EXPECT_EQ(made.status, 201) << made.reply.body;
    return made.text("/identity_id");
  }
  std::string claims(const std::string& id, const std::string& jti) const {
    const auto now_s = time(nullptr);
    return R"({"aud":")" + node_->api_url() + R"(","sub":")" + id + R"(","jti":")" + jti +
           R"(","iat":)" + std::to_string(now_s) + R"(,"exp":)" + std::to_string(now_s + 60) + "}";
  }
  std::string signed_text(const std::string& header, const std::string& body) const {
    const std::string text = crypto::base64url(header) + "." + crypto::base64url(body);
    return text + "." + crypto::base64url(key_.sign(text));
  }
  int attest(const std::string& id, const std::string& proof) {
    boost::json::object body{{"identity_id", id},
                             {"requested_scopes", boost::json::array{"a:read"}},
                             {"justification", "x"},
                             {"attestation_data", proof}};
    return node_->as("").post("/api/v1/tokens/jit", boost::json::serialize(body)).status;
  }
  Victim victim_of(const std::string& token, const std::string& jwk, const std::string& kid,
                   const std::string& other) const {
    return {token, kid, jwk, other, trap_.url()};
  }

  static inline std::unique_ptr<Node> node_;
  Caller admin_ = node_->admin();
  Trap trap_;
  const crypto::SigningKey key_ = crypto::SigningKey::generate(crypto::Algorithm::es256);
  const std::string header_ = R"({"alg":"ES256","typ":"JWT","kid":")" + key_.kid() + "\"}";
};

class TokenForgeries : public Forgeries {
 protected:
  void SetUp() override {
    ASSERT_TRUE(trap_.ready());
    const auto made = admin_.post(
        "/api/v1/identities",
        R"({"identity_type":{"type":"ServiceAccount","service_name":"s","environment":"e","owner_team":"t"},)"
        R"("allowed_scopes":["watchword:api_read","watchword:identity_write","watchword:admin"]})");
    const std::string issue = R"({"identity_id":")" + made.text("/identity_id") +
                              R"(","justification":"x","requested_scopes":["watchword:api_read")";
    const auto issued = admin_.post("/api/v1/tokens/jit", issue + "]}");
    other_ = admin_.post("/api/v1/tokens/jit", issue + R"(,"watchword:identity_write"]})")
                 .text("/access_token");
    token_ = issued.text("/access_token");
    ASSERT_FALSE(token_.empty() || other_.empty()) << issued.reply.body;
    const auto keys = admin_.get("/.well-known/jwks.json");
    for (size_t i = 0; i < keys.count("/keys"); ++i)
      if (const auto& key = keys.at("/keys/" + std::to_string(i));
          opened(token_).header.find(std::string(key.at("kid").as_string())) != std::string::npos)
        victim_ = victim_of(token_, boost::json::serialize(key),
                            std::string(key.at("kid").as_string()), opened(other_).claims);
    ASSERT_FALSE(victim_.kid.empty());
  }
  std::string token_, other_;
  Victim victim_;
};

TEST_F(TokenForgeries, NoneIsActiveNoneIsACredentialAndNoneRevokes) {
  const auto all = forgeries(victim_);
  EXPECT_GE(all.size(), 250u);
  Caller nobody = node_->as("");
  for (const auto& [name, token] : all) {
    const auto told =
        admin_.post("/oauth2/introspect", "token=" + form_encoded(token.substr(0, 300'000)));
    const bool no_text = told.status == 400;  // a control character, or no UTF-8
    EXPECT_TRUE(no_text || told.reply.body == kInactive) << name << ": " << told.reply.body;
    admin_.post("/oauth2/revoke", "token=" + form_encoded(token.substr(0, 300'000)));
    if (!fits_a_header(token)) continue;
    const std::vector<std::string> bearer{"Authorization: Bearer " + token};
    EXPECT_EQ(nobody.get("/api/v1/auth/me", bearer).status, 401) << name;
    EXPECT_EQ(nobody.get("/authz/forward/x", bearer).status, 401) << name;
  }
  EXPECT_TRUE(admin_.is_active(token_));
  EXPECT_TRUE(admin_.is_active(other_));
  EXPECT_EQ(node_->as(token_).get("/api/v1/auth/me").status, 200);
  EXPECT_FALSE(trap_.was_visited()) << "a key was fetched from where the token said";
}

TEST_F(TokenForgeries, NoneIsRememberedAsGoodFromTheTokenItWasMadeOf) {
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(admin_.is_active(token_));  // its signature is known now
    const Opened own = opened(token_);
    EXPECT_EQ(admin_.introspect(compact(own.header, opened(other_).claims, own.signature)),
              kInactive);
    EXPECT_EQ(admin_.introspect(compact(own.header, own.claims, opened(other_).signature)),
              kInactive);
  }
}

TEST_F(TokenForgeries, ATwinOfASignatureIsTheSameTokenAndDiesWithIt) {
  const Opened own = opened(token_);
  const std::string twin = compact(
      own.header, own.claims, own.signature.substr(0, 32) + order_minus(own.signature.substr(32)));
  ASSERT_NE(twin, token_);
  admin_.introspect(twin);
  const std::string id = admin_.post("/oauth2/introspect", "token=" + token_).text("/jti");
  EXPECT_EQ(admin_.remove("/api/v1/tokens/" + id).status, 204);
  EXPECT_EQ(admin_.introspect(token_), kInactive);
  EXPECT_EQ(admin_.introspect(twin), kInactive);
}

TEST_F(TokenForgeries, ATokenOfAnotherInstallationIsNothingHere) {
  Node elsewhere;
  ASSERT_TRUE(elsewhere.start()) << elsewhere.errors();
  const std::string theirs =
      elsewhere.admin().issue(elsewhere.admin().register_service("theirs")).text("/access_token");
  ASSERT_TRUE(elsewhere.admin().is_active(theirs));
  EXPECT_EQ(admin_.introspect(theirs), kInactive);
  EXPECT_EQ(elsewhere.admin().introspect(token_), kInactive);
  EXPECT_EQ(node_->as(elsewhere.admin_token()).get("/api/v1/auth/me").status, 401);
}

TEST_F(Forgeries, NoneIsAnAttestation) {
  const std::string id = attesting_identity(), other = attesting_identity();
  const std::string proof = signed_text(header_, claims(id, "good"));
  const auto all =
      forgeries(victim_of(proof, key_.verify_key().jwk(), key_.kid(), claims(id, "forged")));
  for (const auto& [name, token] : all) {
    const int status = attest(id, token);
    EXPECT_TRUE(status == 403 || status == 400) << name << ": " << status;
  }
  EXPECT_EQ(attest(other, proof), 403) << "it is for another identity";
  EXPECT_EQ(attest(id, proof), 201) << "no forgery used it up";
  EXPECT_EQ(attest(id, proof), 403);
  const std::string own = opened(proof).signature;
  EXPECT_EQ(attest(id, compact(header_, opened(proof).claims,
                               own.substr(0, 32) + order_minus(own.substr(32)))),
            403)
      << "the twin of a used proof";
  EXPECT_FALSE(trap_.was_visited());
}

TEST_F(Forgeries, AHeaderThatIsSignedIsStillNotBelieved) {
  const std::string id = attesting_identity(), url = trap_.url();
  int number = 0;
  const auto try_header = [&](const std::string& header) {
    return attest(id, signed_text(header, claims(id, "h" + std::to_string(number++))));
  };
  const std::string start = R"({"alg":"ES256","kid":")" + key_.kid() + "\"";
  EXPECT_EQ(try_header(start + "}"), 201);
  for (const std::string& more :
       Texts{R"(,"crit":["exp"])", R"(,"crit":[])", R"(,"b64":false)", R"(,"jku":")" + url + "\"",
             R"(,"x5u":")" + url + "\"", ",\"jwk\":" + key_.verify_key().jwk(),
             std::string(R"(,"x5c":[])"), std::string(R"(,"x5t":"x")"),
             std::string(R"(,"x5t#S256":"x")"), std::string(R"(,"cty":"JWT")"),
             std::string(R"(,"typ":7)"), std::string(R"(,"alg":"ES256")"),
             R"(,"kid":")" + key_.kid() + "\"", std::string(R"(,"\u0061lg":"ES256")"),
             std::string(R"(,"x":[[[[[[]]]]]])"), std::string(","), std::string(R"(,"x":1e999)"),
             std::string("/**/")})
    EXPECT_EQ(try_header(start + more + "}"), 403) << more;
  for (const std::string& header :
       Texts{R"({"alg":"es256"})", R"({"alg":"ES256 "})", R"({"alg":["ES256"]})", R"(["ES256"])",
             "\"ES256\"", "", R"({"alg":"ES256","kid":7})", R"({"alg":"ES256","kid":"unknown"})",
             R"({"alg":"ES256","kid":""})", "\xef\xbb\xbf{\"alg\":\"ES256\"}",
             R"({"alg":"ES256"} x)", R"({"alg":"RS256"})", R"({"alg":"EdDSA"})"})
    EXPECT_EQ(try_header(header), 403) << header;
  EXPECT_EQ(try_header(R"({"alg":"ES256"})"), 201) << "the only key needs no kid";
  EXPECT_FALSE(trap_.was_visited());
}

TEST_F(Forgeries, ClaimsThatAreSignedMustStillBeExactlyRight) {
  const std::string id = attesting_identity();
  int number = 0;
  const auto try_claims = [&](std::string text, const std::string& from, const std::string& to) {
    const std::string jti = "c" + std::to_string(number++);
    text.replace(text.find("JTI"), 3, jti);
    if (const size_t at = text.find(from); at != text.npos) text.replace(at, from.size(), to);
    return attest(id, signed_text(header_, text));
  };
  const auto now_s = [](int64_t add) { return std::to_string(time(nullptr) + add); };
  const auto good = [&] { return R"({"aud":"AUD","sub":"SUB","jti":"JTI","iat":IAT,"exp":EXP})"; };
  const auto with = [&](const std::string& mark, const std::string& value) {
    std::string text = good();
    for (const auto& [name, usual] : {std::pair{"\"AUD\"", "\"" + node_->api_url() + "\""},
                                      std::pair{"\"SUB\"", "\"" + id + "\""},
                                      std::pair{"IAT", now_s(0)}, std::pair{"EXP", now_s(60)}})
      if (mark != name) text.replace(text.find(name), std::string(name).size(), usual);
    return try_claims(text, mark, value);
  };
  std::string shouted = id;
  for (char& c : shouted) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(with("", ""), 201);
  for (const std::string& aud :
       Texts{R"("https://elsewhere")", R"("")", "7", "null", "[]", R"(["https://elsewhere"])", "{}",
             "\"" + node_->api_url() + "/\"", "\"" + node_->api_url() + " \"", R"([7])"})
    EXPECT_EQ(with("\"AUD\"", aud), 403) << aud;
  EXPECT_EQ(with("\"AUD\"", R"(["https://elsewhere",")" + node_->api_url() + "\"]"), 201);
  for (const std::string& sub :
       Texts{std::string("\"\""), std::string("7"), "\"" + shouted + "\"", "\"" + id + " \"",
             "\" " + id + "\"", "[\"" + id + "\"]", "\"" + id + "\\u0000\"", std::string("null")})
    EXPECT_EQ(with("\"SUB\"", sub), 403) << sub;
  for (const std::string& iat :
       Texts{"null", "\"" + now_s(0) + "\"", now_s(-3'600), now_s(3'600), std::string("-1"),
             std::string("0"), std::string("1e300"), std::string("253402300800"),
             std::string("true"), std::string("[]")})
    EXPECT_EQ(with("IAT", iat), 403) << iat;
  EXPECT_EQ(with("IAT", now_s(-30)), 201);
  for (const std::string& exp :
       Texts{"null", "\"" + now_s(60) + "\"", now_s(0), now_s(-1), std::string("0"),
             std::string("1e300"), std::string("-0.5"), std::string("false")})
    EXPECT_EQ(with("EXP", exp), 403) << exp;
  for (const std::string& more :
       Texts{",\"nbf\":" + now_s(3'600), std::string(R"(,"nbf":"x")"), ",\"exp\":" + now_s(60),
             std::string(R"(,"sub":"x")"), ",\"\\u0073ub\":\"" + id + "\"",
             std::string(R"(,"aud":"x")")})
    EXPECT_EQ(with("EXP", now_s(60) + more), 403) << more;
  EXPECT_EQ(try_claims(R"({"aud":")" + node_->api_url() + R"(","sub":")" + id + R"(","iat":)" +
                           now_s(0) + R"(,"exp":)" + now_s(60) + R"(,"x":"JTI"})",
                       "", ""),
            403)
      << "no jti";
}

TEST_F(Forgeries, KeysThatProveNothingAreNotRegistered) {
  const std::string id = attesting_identity();
  const std::string good = key_.verify_key().jwk(), one(43, 'A');
  for (const std::string& jwk :
       Texts{std::string(R"({"kty":"oct","k":"AAAA"})"),
             std::string(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"),
             R"({"kty":"EC","crv":"P-256","x":")" + one + R"(","y":")" + one + "\"}",
             std::string(R"({"kty":"EC","crv":"P-192"})"),
             good.substr(0, good.size() - 1) + R"(,"d":")" + one + "\"}", std::string("{}"),
             std::string("7"), R"({"kty":"RSA","e":"Aw","n":")" + std::string(342, 'A') + "\"}"})
    EXPECT_EQ(
        admin_
            .patch("/api/v1/identities/" + id, R"({"attestation":{"jwks":{"keys":[)" + jwk + "]}}}")
            .status,
        400)
        << jwk;
  EXPECT_EQ(admin_
                .patch("/api/v1/identities/" + id,
                       R"({"attestation":{"jwks":{"keys":[)" + good + "," + good + "]}}}")
                .status,
            400)
      << "one kid, two keys";
  EXPECT_EQ(attest(id, signed_text(header_, claims(id, "still"))), 201) << "the old key stands";
}

TEST_F(Forgeries, SignaturesOfOtherAlgorithmsHaveOneFormToo) {
  for (const auto algorithm : {crypto::Algorithm::rs256, crypto::Algorithm::eddsa}) {
    const auto key = crypto::SigningKey::generate(algorithm);
    const std::string id = attesting_identity();
    ASSERT_EQ(admin_
                  .patch("/api/v1/identities/" + id,
                         R"({"attestation":{"jwks":{"keys":[)" + key.verify_key().jwk() + "]}}}")
                  .status,
              200);
    const std::string header = R"({"alg":")" + std::string(crypto::name_of(algorithm)) + "\"}";
    const std::string body = claims(id, "1"),
                      text = crypto::base64url(header) + "." + crypto::base64url(body);
    const std::string signature = key.sign(text);
    for (const std::string& bytes :
         Texts{std::string(), std::string(signature.size(), '\0'),
               std::string(signature.size(), '\xff'), signature + '\0', '\0' + signature,
               signature.substr(1), signature + signature,
               signature.substr(0, signature.size() - 1), key_.sign(text)})
      EXPECT_EQ(attest(id, text + "." + crypto::base64url(bytes)), 403) << bytes.size();
    EXPECT_EQ(attest(id, text + "." + crypto::base64url(signature)), 201);
  }
}

}  // namespace
}  // namespace watchword::testing
