// Signing keys and the public halves that check them: ES256, RS256 and EdDSA with Ed25519 (RFC 7518, RFC 8037). Keys are
// cheap to copy (shared, immutable) and every const member may run on many threads at once.
#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "events/crypto/secret.h"

namespace watchword::crypto {

enum class Algorithm : uint8_t { es256, rs256, eddsa };

std::string_view name_of(Algorithm algorithm);  // "ES256", "RS256", "EdDSA"
std::optional<Algorithm> algorithm_named(std::string_view name);

struct KeyState;

// A public key, bound to the one algorithm that it may check.
class VerifyKey {
 public:
  // From a public JWK (RFC 7517): kty EC with crv P-256, RSA with 2048 to 4096 bits and an odd exponent of 65537 or above,
  // OKP with crv Ed25519. Refused: private members, non-canonical base64url, a point off its curve, `alg`, `use` or
  // `key_ops` that say something else. Other members are ignored (RFC 7517 section 4). Errors: invalid, "jwk.*".
  static Result<VerifyKey> from_jwk(std::string_view text);
  static Result<VerifyKey> from_jwk(const boost::json::object& jwk);

  Algorithm algorithm() const;
  // RFC 7638, SHA-256, base64url: 43 characters. What our own keys go by.
  const std::string& thumbprint() const { return thumbprint_; }
  // The JWK's own `kid`, else the thumbprint.
  const std::string& kid() const { return kid_; }
  // Public members, kid, alg and use; members in the order of RFC 7638, then alg, kid, use.
  std::string jwk() const;

  // Whether `signature` is the raw JOSE form (ES256: r || s, 64 bytes) over exactly these bytes. r and s outside 1..n-1 and
  // every other length or encoding: false. ES256 about 60 µs, RS256 and EdDSA 20 to 130.
  bool verify(std::string_view bytes, std::string_view signature) const;

 private:
  friend class SigningKey;
  VerifyKey(std::shared_ptr<const KeyState> state, std::string kid);

  std::shared_ptr<const KeyState> state_;
  std::string thumbprint_;
  std::string kid_;
};

class SigningKey {
 public:
  // A new key: P-256, RSA with 2048 bits (some 100 ms), or Ed25519.
  static SigningKey generate(Algorithm algorithm);
  // DER of a PrivateKeyInfo (RFC 5208) of one of the three kinds, checked. Errors: invalid, "signing_key.*".
  static Result<SigningKey> from_pkcs8(std::string_view der);

  Secret pkcs8() const;
  Algorithm algorithm() const;
  VerifyKey verify_key() const;
  const std::string& kid() const { return kid_; }  // the thumbprint of the public half

  // The raw JOSE signature. ES256 about 21 µs, RS256 about 1 ms: not on a partition's loop.
  std::string sign(std::string_view bytes) const;

 private:
  explicit SigningKey(std::shared_ptr<const KeyState> state);

  std::shared_ptr<const KeyState> state_;
  std::string kid_;
};

// A JWK set for attestation: 1 to 32 keys, each as from_jwk demands, no kid or thumbprint twice. One bad key refuses the
// set and the detail names it (`keys[1]: ...`). Errors: invalid, "jwks.*", "jwk.*", "json.*".
Result<std::vector<VerifyKey>> parse_jwks(std::string_view text);

}  // namespace watchword::crypto
