// Public keys from outside: JWK (RFC 7517) and JWK sets.
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "events/base/json.h"
#include "events/crypto/encoding.h"
#include "events/crypto/key_state.h"

namespace watchword::crypto {
namespace {

namespace json = boost::json;

constexpr size_t kCoordinateBytes = 32;
constexpr size_t kMaxKeys = 32;
constexpr size_t kMaxKidBytes = 256;
constexpr unsigned long kMinExponent = 65'537;

using OwnedBuild = std::unique_ptr<OSSL_PARAM_BLD, Freed<OSSL_PARAM_BLD_free>>;
using OwnedParams = std::unique_ptr<OSSL_PARAM, Freed<OSSL_PARAM_free>>;

Error refused(std::string_view reason, std::string detail) {
  ERR_clear_error();
  return {Errc::invalid, reason, std::move(detail)};
}

// An absent member is an empty text; so is one that is not a string, which no caller accepts either.
std::string_view text_of(const json::object& jwk, std::string_view name) {
  const json::value* member = jwk.if_contains(name);
  const json::string* text = member ? member->if_string() : nullptr;
  return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

Result<std::string> bytes_of(const json::object& jwk, std::string_view name) {
  auto bytes = from_base64url(text_of(jwk, name));
  if (!bytes || bytes->empty())
    return refused("jwk.member", "\"" + std::string(name) + "\" is not canonical base64url");
  return std::move(*bytes);
}

Result<std::string> coordinate_of(const json::object& jwk, std::string_view name) {
  auto bytes = bytes_of(jwk, name);
  if (bytes && bytes->size() != kCoordinateBytes)
    return refused("jwk.coordinate", "\"" + std::string(name) + "\" is not 32 bytes");
  return bytes;
}

OwnedKey key_from(const char* kind, OSSL_PARAM_BLD* build) {
  const OwnedParams params(OSSL_PARAM_BLD_to_param(build));
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* key = nullptr;
  if (params && context && EVP_PKEY_fromdata_init(context.get()) == 1)
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get());
  return OwnedKey(key);
}

bool is_sound(EVP_PKEY* key) {
  const OwnedKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

Result<OwnedKey> elliptic_key(const json::object& jwk) {
  if (text_of(jwk, "crv") != "P-256") return refused("jwk.curve", "an EC key must be on P-256");
  const auto x = coordinate_of(jwk, "x"), y = coordinate_of(jwk, "y");
  if (!x) return x.error();
  if (!y) return y.error();
  const std::string point = "\x04" + *x + *y;
  const OwnedBuild build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  OwnedKey key = key_from("EC", build.get());
  if (!key || !is_sound(key.get())) return refused("jwk.point", "the point is not on P-256");
  return key;
}

Result<OwnedKey> edwards_key(const json::object& jwk) {
  if (text_of(jwk, "crv") != "Ed25519") return refused("jwk.curve", "an OKP key must be Ed25519");
  const auto x = coordinate_of(jwk, "x");
  if (!x) return x.error();
  OwnedKey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(*x), x->size()));
  if (!key) return refused("jwk.point", "not an Ed25519 key");
  return key;
}

Error bad_exponent() {
  return refused("jwk.exponent", "\"e\" must be odd, 65537 or above, and at most 32 bits");
}

Result<OwnedKey> rsa_key(const json::object& jwk) {
  const auto n = bytes_of(jwk, "n"), e = bytes_of(jwk, "e");
  if (!n) return n.error();
  if (!e) return e.error();
  if (n->front() == 0 || e->front() == 0)
    return refused("jwk.number", "\"n\" and \"e\" take no leading zero bytes");
  const OwnedNumber modulus(BN_bin2bn(raw(*n), static_cast<int>(n->size()), nullptr));
  const OwnedNumber exponent(BN_bin2bn(raw(*e), static_cast<int>(e->size()), nullptr));
  const int bits = BN_num_bits(modulus.get());
  if (bits < kMinRsaBits || bits > kMaxRsaBits || !BN_is_odd(modulus.get()))
    return refused("jwk.modulus", "\"n\" must be odd and have 2048 to 4096 bits");
  if (e->size() > 4 || !BN_is_odd(exponent.get()) || BN_get_word(exponent.get()) < kMinExponent)
    return bad_exponent();
  const OwnedBuild build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  OwnedKey key = key_from("RSA", build.get());
  if (!key) return refused("jwk.modulus", "not an RSA key");
  return key;
}

Result<OwnedKey> key_of(const json::object& jwk, Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::es256: return elliptic_key(jwk);
    case Algorithm::rs256: return rsa_key(jwk);
    case Algorithm::eddsa: return edwards_key(jwk);
  }
  return refused("jwk.kty", "unknown kind of key");
}

std::optional<Algorithm> algorithm_of_kind(std::string_view kty) {
  if (kty == "EC") return Algorithm::es256;
  if (kty == "RSA") return Algorithm::rs256;
  if (kty == "OKP") return Algorithm::eddsa;
  return std::nullopt;
}

bool may_verify(const json::value& operations) {
  const json::array* list = operations.if_array();
  return list && std::any_of(list->begin(), list->end(), [](const json::value& operation) {
           return operation.is_string() && operation.get_string() == "verify";
         });
}

// Members that say what the key is for, if they are there.
Result<> check_purpose(const json::object& jwk, Algorithm algorithm) {
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
    if (jwk.contains(name))
      return refused("jwk.private", "\"" + std::string(name) + "\" is private; publish without it");
  if (jwk.contains("alg") && text_of(jwk, "alg") != name_of(algorithm))
    return refused("jwk.alg", "\"alg\" must be " + std::string(name_of(algorithm)));
  if (jwk.contains("use") && text_of(jwk, "use") != "sig")
    return refused("jwk.use", "\"use\" must be \"sig\"");
  const json::value* operations = jwk.if_contains("key_ops");
  if (operations && !may_verify(*operations))
    return refused("jwk.key_ops", "\"key_ops\" must have \"verify\"");
  if (jwk.contains("kid") && (text_of(jwk, "kid").empty() || text_of(jwk, "kid").size() > kMaxKidBytes))
    return refused("jwk.kid", "\"kid\" must be a text of 1 to 256 bytes");
  return {};
}

Error in_key(size_t index, Error error) {
  error.detail = "keys[" + std::to_string(index) + "]: " + error.detail;
  return error;
}

bool is_known(const std::vector<VerifyKey>& keys, const VerifyKey& key) {
  return std::any_of(keys.begin(), keys.end(), [&](const VerifyKey& known) {
    return known.kid() == key.kid() || known.thumbprint() == key.thumbprint();
  });
}

}  // namespace

Result<VerifyKey> VerifyKey::from_jwk(std::string_view text) {
  auto parsed = parse_json_strict(text, {.max_depth = 8, .max_bytes = 16 * 1024});
  if (!parsed) return parsed.error();
  if (!parsed->is_object()) return refused("jwk.object", "a JWK must be an object");
  return from_jwk(parsed->get_object());
}

Result<VerifyKey> VerifyKey::from_jwk(const json::object& jwk) {
  const auto algorithm = algorithm_of_kind(text_of(jwk, "kty"));
  if (!algorithm) return refused("jwk.kty", "\"kty\" must be EC, RSA or OKP");
  if (const auto checked = check_purpose(jwk, *algorithm); !checked) return checked.error();
  auto key = key_of(jwk, *algorithm);
  if (!key) return key.error();
  return VerifyKey(std::make_shared<const KeyState>(std::move(*key), *algorithm, false),
                   std::string(text_of(jwk, "kid")));
}

Result<std::vector<VerifyKey>> parse_jwks(std::string_view text) {
  const auto parsed = parse_json_strict(text, {.max_depth = 8, .max_bytes = 128 * 1024});
  if (!parsed) return parsed.error();
  const json::value* list = parsed->is_object() ? parsed->get_object().if_contains("keys") : nullptr;
  if (!list || !list->is_array()) return refused("jwks.keys", "a JWK set must have a list \"keys\"");
  const json::array& items = list->get_array();
  if (items.empty() || items.size() > kMaxKeys)
    return refused("jwks.count", "a JWK set must have 1 to 32 keys");
  std::vector<VerifyKey> keys;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_object()) return in_key(i, refused("jwk.not_object", "not an object"));
    auto key = VerifyKey::from_jwk(items[i].get_object());
    if (!key) return in_key(i, key.error());
    if (is_known(keys, *key)) return in_key(i, refused("jwks.twice", "the same key or kid again"));
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace watchword::crypto
