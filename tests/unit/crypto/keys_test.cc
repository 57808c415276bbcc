#include "events/crypto/keys.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "events/crypto/encoding.h"

namespace watchword::crypto {
namespace {

// RFC 7638 section 3.1.
constexpr std::string_view kRsaJwk =
    R"({"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"})";
// RFC 7515 appendix A.3.
constexpr std::string_view kEcJwk =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
constexpr std::string_view kEcSigned =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9"
    "pc19yb290Ijp0cnVlfQ";
constexpr std::string_view kEcSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
// RFC 7515 appendix A.2.
constexpr std::string_view kRsaSigningJwk =
    R"({"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"})";
constexpr std::string_view kRsaSigned =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9"
    "pc19yb290Ijp0cnVlfQ";
constexpr std::string_view kRsaSignature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbd"
    "s9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZR"
    "mB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98"
    "rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
// RFC 8037 appendix A.
constexpr std::string_view kEdJwk =
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
constexpr std::string_view kEdSecret =
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
constexpr std::string_view kEdSigned = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
constexpr std::string_view kEdSignature =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

constexpr std::string_view kOrder = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

std::string decoded(std::string_view text) { return from_base64url(text).value(); }
std::string bytes_of(std::string_view digits) { return from_hex(digits).value(); }

VerifyKey key(std::string_view jwk) {
  auto read = VerifyKey::from_jwk(jwk);
  EXPECT_TRUE(read) << read.error().reason;
  return std::move(*read);
}

std::string refusal(std::string_view jwk) {
  const auto read = VerifyKey::from_jwk(jwk);
  return read ? "accepted" : std::string(read.error().reason);
}

std::string with(std::string_view jwk, std::string_view member) {
  return std::string(jwk.substr(0, jwk.size() - 1)) + "," + std::string(member) + "}";
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  return out.replace(out.find(from), from.size(), to);
}

class EachAlgorithm : public testing::TestWithParam<Algorithm> {};
INSTANTIATE_TEST_SUITE_P(Keys, EachAlgorithm,
                         testing::Values(Algorithm::es256, Algorithm::rs256, Algorithm::eddsa),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(EachAlgorithm, SignsWhatItsPublicHalfVerifies) {
  const SigningKey signer = SigningKey::generate(GetParam());
  const VerifyKey verifier = key(signer.verify_key().jwk());
  const std::string signature = signer.sign("message");
  EXPECT_EQ(verifier.algorithm(), GetParam());
  EXPECT_EQ(verifier.kid(), signer.kid());
  EXPECT_TRUE(verifier.verify("message", signature));
  EXPECT_FALSE(verifier.verify("messagf", signature));
  EXPECT_FALSE(verifier.verify("message", signature.substr(1)));
  EXPECT_FALSE(verifier.verify("message", signature + '\0'));
  EXPECT_FALSE(verifier.verify("message", ""));
  EXPECT_FALSE(SigningKey::generate(GetParam()).verify_key().verify("message", signature));
}

TEST_P(EachAlgorithm, SurvivesBeingWrittenAndReadAgain) {
  const SigningKey signer = SigningKey::generate(GetParam());
  const auto again = SigningKey::from_pkcs8(signer.pkcs8().view());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->algorithm(), GetParam());
  EXPECT_EQ(again->kid(), signer.kid());
  EXPECT_TRUE(signer.verify_key().verify("message", again->sign("message")));
}

TEST_P(EachAlgorithm, RefusesAPrivateKeyCutShortOrFollowedByMore) {
  const std::string der(SigningKey::generate(GetParam()).pkcs8().view());
  EXPECT_FALSE(SigningKey::from_pkcs8(der.substr(0, der.size() - 1)));
  EXPECT_FALSE(SigningKey::from_pkcs8(der + "x"));
  EXPECT_FALSE(SigningKey::from_pkcs8(""));
}

TEST_P(EachAlgorithm, SignsAndVerifiesOnManyThreadsAtOnce) {
  const SigningKey signer = SigningKey::generate(GetParam());
  const VerifyKey verifier = signer.verify_key();
  std::vector<int> good(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < good.size(); ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        const std::string message = std::to_string(i) + ":" + std::to_string(round);
        good[i] += verifier.verify(message, signer.sign(message));
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, std::vector<int>(4, 20));
}

TEST(Keys, NamesAKeyByTheThumbprintOfRfc7638) {
  const VerifyKey rsa = key(kRsaJwk);
  EXPECT_EQ(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  EXPECT_EQ(rsa.kid(), "2011-04-29");
  EXPECT_EQ(key(kEdJwk).thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
  EXPECT_EQ(key(kEdJwk).kid(), key(kEdJwk).thumbprint());
}

TEST(Keys, WritesAPublicJwkThatReadsBackTheSame) {
  for (const auto jwk : {kRsaJwk, kEcJwk, kEdJwk}) {
    const VerifyKey first = key(jwk);
    EXPECT_EQ(key(first.jwk()).jwk(), first.jwk());
    EXPECT_EQ(key(first.jwk()).thumbprint(), first.thumbprint());
  }
}

TEST(Keys, VerifiesTheSignaturesOfRfc7515AndRfc8037) {
  EXPECT_TRUE(key(kEcJwk).verify(kEcSigned, decoded(kEcSignature)));
  EXPECT_TRUE(key(kRsaSigningJwk).verify(kRsaSigned, decoded(kRsaSignature)));
  EXPECT_TRUE(key(kEdJwk).verify(kEdSigned, decoded(kEdSignature)));
  EXPECT_FALSE(key(kEcJwk).verify(kRsaSigned, decoded(kEcSignature)));
}

TEST(Keys, SignsEd25519AsRfc8037Does) {
  const auto signer =
      SigningKey::from_pkcs8(bytes_of("302e020100300506032b657004220420") + bytes_of(kEdSecret));
  ASSERT_TRUE(signer);
  EXPECT_EQ(base64url(signer->sign(kEdSigned)), kEdSignature);
}

TEST(Keys, RefusesEcdsaNumbersAtTheEdges) {
  const std::string good = decoded(kEcSignature), r = good.substr(0, 32), s = good.substr(32);
  const std::string zero(32, '\0'), order = bytes_of(kOrder), top(32, '\xff');
  for (const std::string& edge : {zero, order, top}) {
    EXPECT_FALSE(key(kEcJwk).verify(kEcSigned, edge + s));
    EXPECT_FALSE(key(kEcJwk).verify(kEcSigned, r + edge));
    EXPECT_FALSE(key(kEcJwk).verify(kEcSigned, edge + edge));
  }
  EXPECT_TRUE(key(kEcJwk).verify(kEcSigned, r + s));
}

TEST(Keys, RefusesADerSignatureWhereTheRawOneBelongs) {
  const std::string good = decoded(kEcSignature);
  const auto number = [](std::string part) {
    if (part[0] & 0x80) part.insert(0, 1, '\0');
    return std::string("\x02") + static_cast<char>(part.size()) + part;
  };
  const std::string body = number(good.substr(0, 32)) + number(good.substr(32));
  EXPECT_FALSE(
      key(kEcJwk).verify(kEcSigned, std::string("\x30") + static_cast<char>(body.size()) + body));
}

TEST(Keys, RefusesAJwkThatIsNotOneOfTheThreeKinds) {
  EXPECT_EQ(refusal("[]"), "jwk.object");
  EXPECT_EQ(refusal("{}"), "jwk.kty");
  EXPECT_EQ(refusal(R"({"kty":"oct","k":"AAAA"})"), "jwk.kty");
  EXPECT_EQ(refusal(replaced(kEcJwk, "P-256", "P-384")), "jwk.curve");
  EXPECT_EQ(refusal(replaced(kEdJwk, "Ed25519", "X25519")), "jwk.curve");
  EXPECT_EQ(refusal(R"({"kty":"EC","kty":"RSA"})"), "json.duplicate_key");
}

TEST(Keys, RefusesPrivateMembers) {
  for (const auto jwk : {kRsaJwk, kEcJwk, kEdJwk}) {
    EXPECT_EQ(refusal(with(jwk, R"("d":"AQAB")")), "jwk.private");
    EXPECT_EQ(refusal(with(jwk, R"("k":"AQAB")")), "jwk.private");
  }
}

TEST(Keys, RefusesAKeyMeantForSomethingElse) {
  EXPECT_EQ(refusal(with(kEcJwk, R"("alg":"ES384")")), "jwk.alg");
  EXPECT_EQ(refusal(with(kEcJwk, R"("alg":"HS256")")), "jwk.alg");
  EXPECT_EQ(refusal(with(kEcJwk, R"("use":"enc")")), "jwk.use");
  EXPECT_EQ(refusal(with(kEcJwk, R"("key_ops":["encrypt"])")), "jwk.key_ops");
  EXPECT_EQ(refusal(with(kEcJwk, R"("kid":7)")), "jwk.kid");
  EXPECT_EQ(refusal(with(kEcJwk, R"("alg":"ES256","use":"sig","key_ops":["verify"],"kid":"a")")),
            "accepted");
}

TEST(Keys, RefusesCoordinatesThatAreShortOrOffTheCurve) {
  EXPECT_EQ(refusal(replaced(kEcJwk, "f83OJ", "f83OK")), "jwk.point");
  EXPECT_EQ(refusal(replaced(kEcJwk, "f83O", "")), "jwk.coordinate");
  EXPECT_EQ(refusal(replaced(kEcJwk, "VEU\"", "VEV\"")), "jwk.member");
  EXPECT_EQ(refusal(replaced(kEdJwk, "11qY", "")), "jwk.coordinate");
  const std::string zero = base64url(std::string(32, '\0'));
  EXPECT_EQ(refusal(R"({"kty":"EC","crv":"P-256","x":")" + zero + R"(","y":")" + zero + "\"}"),
            "jwk.point");
}

TEST(Keys, RefusesRsaNumbersThatAreWeakOrNotCanonical) {
  const auto rsa = [](const std::string& n, const std::string& e) {
    return refusal(R"({"kty":"RSA","n":")" + base64url(n) + R"(","e":")" + base64url(e) + "\"}");
  };
  const std::string e("\x01\x00\x01", 3);
  EXPECT_EQ(rsa(std::string(255, '\xff'), e), "jwk.modulus");
  EXPECT_EQ(rsa(std::string(513, '\xff'), e), "jwk.modulus");
  EXPECT_EQ(rsa(std::string(255, '\xff') + '\xfe', e), "jwk.modulus");
  EXPECT_EQ(rsa('\0' + std::string(256, '\xff'), e), "jwk.number");
  EXPECT_EQ(rsa(std::string(256, '\xff'), "\x03"), "jwk.exponent");
  EXPECT_EQ(rsa(std::string(256, '\xff'), std::string("\x01\x00\x02", 3)), "jwk.exponent");
  EXPECT_EQ(rsa(std::string(256, '\xff'), std::string(9, '\x01')), "jwk.exponent");
  EXPECT_EQ(rsa(std::string(256, '\xff'), ""), "jwk.member");
}

TEST(Jwks, ReadsAllThreeKinds) {
  const auto keys = parse_jwks("{\"keys\":[" + std::string(kRsaJwk) + "," + std::string(kEcJwk) + "," +
                               std::string(kEdJwk) + "]}");
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 3u);
  EXPECT_EQ((*keys)[1].algorithm(), Algorithm::es256);
}

TEST(Jwks, NamesTheKeyThatItRefuses) {
  const auto keys =
      parse_jwks("{\"keys\":[" + std::string(kEcJwk) + "," + with(kEdJwk, R"("d":"AA")") + "]}");
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().reason, "jwk.private");
  EXPECT_EQ(keys.error().detail.substr(0, 9), "keys[1]: ");
}

TEST(Jwks, RefusesAnEmptySetTheSameKeyTwiceAndTooMany) {
  const std::string one(kEcJwk);
  std::string many = one;
  for (int i = 0; i < 32; ++i) many += "," + one;
  for (const std::string& list : {std::string(), one + "," + one, many, std::string("1")})
    EXPECT_FALSE(parse_jwks("{\"keys\":[" + list + "]}"));
  EXPECT_FALSE(parse_jwks("{\"keys\":{}}"));
  EXPECT_FALSE(parse_jwks("{}"));
}

}  // namespace
}  // namespace watchword::crypto
