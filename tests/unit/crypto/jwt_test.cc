#include "events/crypto/jwt.h"

#include <gtest/gtest.h>

#include <string>

#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"

namespace watchword::crypto {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;
constexpr std::string_view kClaims =
    R"({"iss":"https://id.example","sub":"alice","aud":["api","web"],"exp":1700000300,"nbf":1700000000,"iat":1700000000,"jti":"j1","scope":"read"})";

const SigningKey& signer() {
  static const SigningKey key = SigningKey::generate(Algorithm::es256);
  return key;
}
const VerifyKey& verifier() {
  static const VerifyKey key = signer().verify_key();
  return key;
}
const SigningKey& rsa_signer() {
  static const SigningKey key = SigningKey::generate(Algorithm::rs256);
  return key;
}

// As a careless caller would write it: the algorithm is not looked at.
const VerifyKey* by_kid(std::string_view kid, Algorithm) {
  static const VerifyKey rsa = rsa_signer().verify_key();
  if (kid == signer().kid()) return &verifier();
  return kid == rsa.kid() ? &rsa : nullptr;
}

std::string verdict(std::string_view text, const JwtRules& rules = {}, int64_t now_ms = kNowMs) {
  const auto verified = verify_jwt(text, by_kid, rules, now_ms);
  if (verified) return "accepted";
  EXPECT_EQ(verified.error().code, Errc::unauthenticated);
  return std::string(verified.error().reason);
}

// A rightly signed token with any header and claims at all.
std::string signed_token(std::string_view header, std::string_view claims = kClaims) {
  const std::string text = base64url(header) + "." + base64url(claims);
  return text + "." + base64url(signer().sign(text));
}

std::string header(std::string_view more = "") {
  return R"({"alg":"ES256","typ":"at+jwt","kid":")" + signer().kid() + "\"" + std::string(more) + "}";
}

std::string token(std::string_view claims = kClaims) {
  return sign_jwt(signer(), signer().kid(), "at+jwt", claims);
}

TEST(Jwt, ReadsBackWhatWasSigned) {
  const auto jwt = verify_jwt(token(), by_kid, {}, kNowMs);
  ASSERT_TRUE(jwt);
  EXPECT_EQ(jwt->header.kid, signer().kid());
  EXPECT_EQ(jwt->header.type, "at+jwt");
  EXPECT_EQ(jwt->issuer, "https://id.example");
  EXPECT_EQ(jwt->subject, "alice");
  EXPECT_EQ(jwt->id, "j1");
  EXPECT_EQ(jwt->audience, (std::vector<std::string>{"api", "web"}));
  EXPECT_EQ(jwt->expires_at_ms, kNowMs + 300'000);
  EXPECT_EQ(jwt->claims.at("scope"), "read");
}

TEST(Jwt, IsVerifiedWithTheAlgorithmOfEachKind) {
  for (const auto algorithm : {Algorithm::es256, Algorithm::rs256, Algorithm::eddsa}) {
    const SigningKey key = SigningKey::generate(algorithm);
    const VerifyKey half = key.verify_key();
    const auto lookup = [&](std::string_view, Algorithm) { return &half; };
    EXPECT_TRUE(verify_jwt(sign_jwt(key, "", "", kClaims), lookup, {}, kNowMs));
  }
}

TEST(Jwt, MayBeReadBeforeItsSignatureIsChecked) {
  std::string text = token();
  text.replace(text.rfind('.') + 1, 4, "AAAA");
  const auto read = read_jwt(text, {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->jwt.id, "j1");
  EXPECT_EQ(check_signature(*read, by_kid).error().reason, "jwt.signature");
}

TEST(Jwt, WithoutASignatureIsRefused) {
  const std::string claims = "." + base64url(kClaims) + ".";
  for (const char* none : {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"NONE"})", R"({"alg":""})",
                           R"({})", R"({"alg":null})", R"({"alg":["ES256"]})"})
    EXPECT_EQ(verdict(base64url(none) + claims), "jwt.algorithm") << none;
  EXPECT_EQ(verdict(base64url(header()) + claims), "jwt.signature");
}

TEST(Jwt, SignedByHmacOfThePublicKeyIsRefused) {
  const std::string text =
      base64url(R"({"alg":"HS256","kid":")" + rsa_signer().kid() + "\"}") + "." + base64url(kClaims);
  const Digest tag = hmac_sha256(rsa_signer().verify_key().jwk(), text);
  EXPECT_EQ(verdict(text + "." + base64url(view(tag))), "jwt.algorithm");
}

TEST(Jwt, NamingAnAlgorithmThatIsNotItsKeysIsRefused) {
  EXPECT_EQ(verdict(signed_token(R"({"alg":"RS256","kid":")" + signer().kid() + "\"}")),
            "jwt.key_algorithm");
  EXPECT_EQ(verdict(signed_token(R"({"alg":"es256","kid":")" + signer().kid() + "\"}")),
            "jwt.algorithm");
}

TEST(Jwt, OfAnUnknownOrAnothersKeyIsRefused) {
  EXPECT_EQ(verdict(sign_jwt(signer(), "other", "at+jwt", kClaims)), "jwt.key_unknown");
  EXPECT_EQ(verdict(sign_jwt(signer(), "", "at+jwt", kClaims)), "jwt.key_unknown");
  EXPECT_EQ(verdict(sign_jwt(SigningKey::generate(Algorithm::es256), signer().kid(), "", kClaims)),
            "jwt.signature");
}

TEST(Jwt, BringingItsOwnKeyOrExtensionsIsRefused) {
  for (const char* more : {R"(,"crit":["exp"])", R"(,"crit":[])", R"(,"b64":false)", R"(,"jku":"https://x")",
                           R"(,"jwk":{})", R"(,"x5u":"https://x")", R"(,"x5c":["AA"])", R"(,"cty":"JWT")"})
    EXPECT_EQ(verdict(signed_token(header(more))), "jwt.header") << more;
}

TEST(Jwt, WithAHeaderMemberThatMeansNothingIsTaken) {
  EXPECT_EQ(verdict(signed_token(header(R"(,"note":"x")"))), "accepted");
}

TEST(Jwt, WithAMemberTwiceIsRefused) {
  EXPECT_EQ(verdict(signed_token(header(R"(,"alg":"ES256")"))), "jwt.json");
  EXPECT_EQ(verdict(token(R"({"sub":"a","sub":"b","exp":1700000300})")), "jwt.json");
  EXPECT_EQ(verdict(token(R"({"exp":1700000300,"act":{"sub":"a","s\u0075b":"b"}})")), "jwt.json");
}

TEST(Jwt, WithBase64ThatIsNotCanonicalIsRefused) {
  const std::string good = token();
  ASSERT_EQ(verdict(good), "accepted");
  // 64 bytes of signature leave 4 bits over in the last character: a fourth of the alphabet has them zero.
  std::string trailing = good;
  trailing.back() = static_cast<char>(trailing.back() + 1);
  EXPECT_EQ(verdict(trailing), "jwt.signature_text");
  EXPECT_EQ(verdict(good + "=="), "jwt.signature_text");
  EXPECT_EQ(verdict(good + "\n"), "jwt.signature_text");
  EXPECT_EQ(verdict(" " + good), "jwt.base64url");
  EXPECT_EQ(verdict(good + '\0'), "jwt.signature_text");
}

TEST(Jwt, WithTooFewOrTooManyPartsIsRefused) {
  for (const std::string& text : {std::string(), std::string("a"), std::string("a.b"),
                                 token() + ".x", token() + "."})
    EXPECT_EQ(verdict(text), "jwt.parts");
  EXPECT_EQ(verdict(".."), "jwt.json");
}

TEST(Jwt, OverTheSizeOrDepthAllowedIsRefused) {
  const std::string long_claims =
      R"({"exp":1700000300,"x":")" + std::string(8192, 'x') + "\"}";
  EXPECT_EQ(verdict(token(long_claims)), "jwt.too_large");
  EXPECT_EQ(verdict(token(long_claims), {.max_bytes = 16384}), "accepted");
  EXPECT_EQ(verdict(token(R"({"exp":1700000300,"x":)" + std::string(40, '[') +
                          std::string(40, ']') + "}")),
            "jwt.json");
}

TEST(Jwt, WithClaimsThatAreNoObjectOrNoTextIsRefused) {
  EXPECT_EQ(verdict(token("[]")), "jwt.object");
  EXPECT_EQ(verdict(token("\"x\"")), "jwt.object");
  EXPECT_EQ(verdict(token("{} ")), "jwt.no_expiry");
  EXPECT_EQ(verdict(token("{}{}")), "jwt.json");
  EXPECT_EQ(verdict(token("{\"exp\":1700000300,\"x\":\"\xff\"}")), "jwt.json");
  EXPECT_EQ(verdict(token("{\"exp\":1700000300,\"sub\":\"a\\u0000b\"}")), "jwt.json");
}

TEST(Jwt, WithARegisteredClaimOfAWrongTypeIsRefused) {
  const auto with = [](std::string_view claim) {
    return verdict(token("{" + std::string(claim) + ",\"x\":1}"), {.needs_expiry = false});
  };
  for (const char* claim : {R"("sub":1)", R"("iss":["x"])", R"("jti":null)", R"("sub":"")"})
    EXPECT_EQ(with(claim), "jwt.member") << claim;
  for (const char* claim : {R"("exp":"1700000300")", R"("exp":-1)", R"("exp":1e18)", R"("nbf":true)",
                            R"("iat":null)", R"("exp":9223372036854775808)"})
    EXPECT_EQ(with(claim), "jwt.time") << claim;
  for (const char* claim : {R"("aud":1)", R"("aud":["a",1])", R"("aud":{"a":1})"})
    EXPECT_EQ(with(claim), "jwt.audience_type") << claim;
  EXPECT_EQ(with(R"("aud":"api")"), "accepted");
}

TEST(Jwt, IsOfATypeThatTheRulesAllow) {
  const auto typed = [](std::string_view type, std::vector<std::string> allowed) {
    return verdict(sign_jwt(signer(), signer().kid(), type, kClaims), {.types = std::move(allowed)});
  };
  EXPECT_EQ(typed("at+jwt", {"at+jwt"}), "accepted");
  EXPECT_EQ(typed("application/AT+JWT", {"at+jwt"}), "accepted");
  EXPECT_EQ(typed("JWT", {"at+jwt"}), "jwt.type");
  EXPECT_EQ(typed("", {"at+jwt"}), "jwt.type");
  EXPECT_EQ(typed("", {"at+jwt", ""}), "accepted");
  EXPECT_EQ(typed("anything", {}), "accepted");
}

TEST(Jwt, IsForTheIssuerAndAudienceThatTheRulesName) {
  EXPECT_EQ(verdict(token(), {.issuer = "https://id.example", .audience = "web"}), "accepted");
  EXPECT_EQ(verdict(token(), {.issuer = "https://id.example/"}), "jwt.issuer");
  EXPECT_EQ(verdict(token(), {.audience = "we"}), "jwt.audience");
  EXPECT_EQ(verdict(token(R"({"exp":1700000300})"), {.audience = "web"}), "jwt.audience");
}

TEST(Jwt, IsValidFromItsStartUntilJustBeforeItsExpiry) {
  EXPECT_EQ(verdict(token(), {}, kNowMs), "accepted");
  EXPECT_EQ(verdict(token(), {}, kNowMs + 299'999), "accepted");
  EXPECT_EQ(verdict(token(), {}, kNowMs + 300'000), "jwt.expired");
  EXPECT_EQ(verdict(token(), {.leeway_ms = 1}, kNowMs + 300'000), "accepted");
  EXPECT_EQ(verdict(token(), {}, kNowMs - 1), "jwt.not_yet");
  EXPECT_EQ(verdict(token(), {.leeway_ms = 1}, kNowMs - 1), "accepted");
  EXPECT_EQ(verdict(token(R"({"exp":1700000300,"iat":1700000001})")), "jwt.issued_ahead");
  EXPECT_EQ(verdict(token(R"({"exp":1700000000.5})"), {}, kNowMs + 499), "accepted");
  EXPECT_EQ(verdict(token(R"({"exp":1700000000.5})"), {}, kNowMs + 500), "jwt.expired");
}

TEST(Jwt, NeedsItsExpiryAndAYoungIssueTimeWhereAsked) {
  EXPECT_EQ(verdict(token("{}")), "jwt.no_expiry");
  EXPECT_EQ(verdict(token("{}"), {.needs_expiry = false}), "accepted");
  EXPECT_EQ(verdict(token(), {.max_age_ms = 60'000}, kNowMs + 60'000), "accepted");
  EXPECT_EQ(verdict(token(), {.max_age_ms = 60'000}, kNowMs + 60'001), "jwt.too_old");
  EXPECT_EQ(verdict(token(R"({"exp":1700000300})"), {.max_age_ms = 60'000}), "jwt.no_issue_time");
}

TEST(Jwt, ChangedInAnyByteIsRefused) {
  const std::string good = token();
  for (size_t i = 0; i < good.size(); i += 7) {
    std::string changed = good;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_NE(verdict(changed), "accepted") << i;
  }
}

}  // namespace
}  // namespace watchword::crypto
