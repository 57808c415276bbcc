#include "events/crypto/keys.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"
#include "events/crypto/key_state.h"

namespace watchword::crypto {
namespace {

constexpr size_t kHalf = 32;  // bytes of r, of s, and of a P-256 coordinate

using OwnedDer = std::unique_ptr<unsigned char, Freed<[](unsigned char* der) { OPENSSL_free(der); }>>;

OwnedKeyContext ready_context(EVP_PKEY* key, Algorithm algorithm, int (*init)(EVP_PKEY_CTX*)) {
  if (algorithm == Algorithm::eddsa) return nullptr;  // signs messages, not digests
  OwnedKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  WATCHWORD_CHECK(context && init(context.get()) == 1);
  if (algorithm == Algorithm::rs256) {
    WATCHWORD_CHECK(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1);
    WATCHWORD_CHECK(EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1);
  }
  return context;
}

std::optional<Algorithm> algorithm_of(EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519")) return Algorithm::eddsa;
  if (EVP_PKEY_is_a(key, "RSA")) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= kMinRsaBits && bits <= kMaxRsaBits) return Algorithm::rs256;
  }
  char group[32];
  if (EVP_PKEY_is_a(key, "EC") &&
      EVP_PKEY_get_group_name(key, group, sizeof group, nullptr) == 1 &&
      std::string_view(group) == "prime256v1")
    return Algorithm::es256;
  return std::nullopt;
}

std::string number_bytes(const BIGNUM* number, size_t width) {
  std::string bytes(width, '\0');
  WATCHWORD_CHECK(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()),
                               static_cast<int>(width)) == static_cast<int>(width));
  return bytes;
}

std::string number_of(EVP_PKEY* key, const char* name, size_t width) {
  BIGNUM* number = nullptr;
  WATCHWORD_CHECK(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  const OwnedNumber owned(number);
  return number_bytes(number, width ? width : static_cast<size_t>(BN_num_bytes(number)));
}

std::string ed25519_public(EVP_PKEY* key) {
  std::string bytes(kHalf, '\0');
  size_t size = bytes.size();
  WATCHWORD_CHECK(EVP_PKEY_get_raw_public_key(
                      key, reinterpret_cast<unsigned char*>(bytes.data()), &size) == 1);
  return bytes;
}

// The required members in lexical order without white space: what RFC 7638 hashes, braces left off.
std::string required_members(EVP_PKEY* key, Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256:
      return "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" +
             base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, kHalf)) + "\",\"y\":\"" +
             base64url(number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, kHalf)) + '"';
    case Algorithm::rs256:
      return "\"e\":\"" + base64url(number_of(key, OSSL_PKEY_PARAM_RSA_E, 0)) +
             "\",\"kty\":\"RSA\",\"n\":\"" + base64url(number_of(key, OSSL_PKEY_PARAM_RSA_N, 0)) +
             '"';
    case Algorithm::eddsa:
      return "\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + base64url(ed25519_public(key)) + '"';
  }
  return {};
}

std::string raw_from_der(std::string_view der) {
  const unsigned char* at = raw(der);
  const OwnedEcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  WATCHWORD_CHECK(signature != nullptr);
  return number_bytes(ECDSA_SIG_get0_r(signature.get()), kHalf) +
         number_bytes(ECDSA_SIG_get0_s(signature.get()), kHalf);
}

std::string der_from_raw(std::string_view signature) {
  const OwnedEcdsaSignature parts(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(raw(signature), kHalf, nullptr);
  BIGNUM* s = BN_bin2bn(raw(signature) + kHalf, kHalf, nullptr);
  WATCHWORD_CHECK(parts && r && s && ECDSA_SIG_set0(parts.get(), r, s) == 1);
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(parts.get(), &der);
  WATCHWORD_CHECK(size > 0);
  const OwnedDer owned(der);
  return {reinterpret_cast<char*>(der), static_cast<size_t>(size)};
}

bool verify_digest(const KeyState& state, std::string_view bytes, std::string_view signature) {
  const Digest digest = sha256(bytes);
  const OwnedKeyContext context(EVP_PKEY_CTX_dup(state.verify_context.get()));
  WATCHWORD_CHECK(context != nullptr);
  return EVP_PKEY_verify(context.get(), raw(signature), signature.size(), digest.data(),
                         digest.size()) == 1;
}

bool verify_message(const KeyState& state, std::string_view bytes, std::string_view signature) {
  const OwnedDigestContext context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, state.key.get()) == 1 &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(bytes),
                          bytes.size()) == 1;
}

std::string sign_digest(const KeyState& state, std::string_view bytes) {
  const Digest digest = sha256(bytes);
  const OwnedKeyContext context(EVP_PKEY_CTX_dup(state.sign_context.get()));
  WATCHWORD_CHECK(context != nullptr);
  std::string out(kMaxRsaBits / 8, '\0');
  size_t size = out.size();
  WATCHWORD_CHECK(EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                digest.data(), digest.size()) == 1);
  out.resize(size);
  return out;
}

std::string sign_message(const KeyState& state, std::string_view bytes) {
  const OwnedDigestContext context(EVP_MD_CTX_new());
  std::string out(2 * kHalf, '\0');
  size_t size = out.size();
  WATCHWORD_CHECK(
      EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, state.key.get()) == 1 &&
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, raw(bytes),
                     bytes.size()) == 1);
  return out;
}

// Where a key does not load, OpenSSL leaves its reasons in a queue of the thread that later calls would trip over.
Error refused(std::string_view reason, std::string detail) {
  ERR_clear_error();
  return {Errc::invalid, reason, std::move(detail)};
}

OwnedKey generate_key(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256: return OwnedKey(EVP_EC_gen("P-256"));
    case Algorithm::rs256: return OwnedKey(EVP_RSA_gen(kMinRsaBits));
    case Algorithm::eddsa: return OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }
  return nullptr;
}

}  // namespace

KeyState::KeyState(OwnedKey owned, Algorithm of, bool is_private)
    : key(std::move(owned)),
      algorithm(of),
      verify_context(ready_context(key.get(), of, EVP_PKEY_verify_init)),
      sign_context(is_private ? ready_context(key.get(), of, EVP_PKEY_sign_init) : nullptr),
      members(required_members(key.get(), of)) {}

std::string_view name_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256: return "ES256";
    case Algorithm::rs256: return "RS256";
    case Algorithm::eddsa: return "EdDSA";
  }
  return {};
}

std::optional<Algorithm> algorithm_named(std::string_view name) {
  for (const auto algorithm : {Algorithm::es256, Algorithm::rs256, Algorithm::eddsa})
    if (name_of(algorithm) == name) return algorithm;
  return std::nullopt;
}

VerifyKey::VerifyKey(std::shared_ptr<const KeyState> state, std::string kid)
    : state_(std::move(state)),
      thumbprint_(base64url(view(sha256("{" + state_->members + "}")))),
      kid_(kid.empty() ? thumbprint_ : std::move(kid)) {}

Algorithm VerifyKey::algorithm() const { return state_->algorithm; }

std::string VerifyKey::jwk() const {
  return "{" + state_->members + ",\"alg\":\"" + std::string(name_of(algorithm())) +
         "\",\"kid\":" + boost::json::serialize(boost::json::string(kid_)) + ",\"use\":\"sig\"}";
}

bool VerifyKey::verify(std::string_view bytes, std::string_view signature) const {
  bool good = false;
  switch (algorithm()) {
    case Algorithm::es256:
      good = signature.size() == 2 * kHalf && verify_digest(*state_, bytes, der_from_raw(signature));
      break;
    case Algorithm::rs256:
      good = verify_digest(*state_, bytes, signature);
      break;
    case Algorithm::eddsa:
      good = verify_message(*state_, bytes, signature);
      break;
  }
  if (!good) ERR_clear_error();
  return good;
}

SigningKey::SigningKey(std::shared_ptr<const KeyState> state)
    : state_(std::move(state)), kid_(verify_key().thumbprint()) {}

SigningKey SigningKey::generate(Algorithm algorithm) {
  OwnedKey key = generate_key(algorithm);
  WATCHWORD_CHECK(key != nullptr);
  return SigningKey(std::make_shared<const KeyState>(std::move(key), algorithm, true));
}

Result<SigningKey> SigningKey::from_pkcs8(std::string_view der) {
  const unsigned char* at = raw(der);
  const OwnedPkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  if (!info || at != raw(der) + der.size())
    return refused("signing_key.der", "not the DER of a PrivateKeyInfo");
  OwnedKey key(EVP_PKCS82PKEY(info.get()));
  if (!key) return refused("signing_key.load", "OpenSSL does not read this private key");
  const auto algorithm = algorithm_of(key.get());
  if (!algorithm)
    return refused("signing_key.kind", "neither P-256, Ed25519 nor RSA with 2048 to 4096 bits");
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  if (!context || EVP_PKEY_pairwise_check(context.get()) != 1)
    return refused("signing_key.pair", "the private half does not match the public half");
  return SigningKey(std::make_shared<const KeyState>(std::move(key), *algorithm, true));
}

Secret SigningKey::pkcs8() const {
  const OwnedPkcs8 info(EVP_PKEY2PKCS8(state_->key.get()));
  unsigned char* der = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info.get(), &der);
  WATCHWORD_CHECK(info && size > 0);
  const OwnedDer owned(der);
  Secret secret{std::string_view(reinterpret_cast<char*>(der), static_cast<size_t>(size))};
  crypto::cleanse(der, static_cast<size_t>(size));
  return secret;
}

Algorithm SigningKey::algorithm() const { return state_->algorithm; }

VerifyKey SigningKey::verify_key() const { return VerifyKey(state_, ""); }

std::string SigningKey::sign(std::string_view bytes) const {
  switch (algorithm()) {
    case Algorithm::es256: return raw_from_der(sign_digest(*state_, bytes));
    case Algorithm::rs256: return sign_digest(*state_, bytes);
    case Algorithm::eddsa: return sign_message(*state_, bytes);
  }
  return {};
}

}  // namespace watchword::crypto
