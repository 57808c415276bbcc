// JSON Web Tokens in JWS compact form (RFC 7519, RFC 7515), with the advice of RFC 8725 made into refusals. Thread-safe.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "events/crypto/keys.h"

namespace watchword::crypto {

// What one use of tokens demands. Times in ms.
struct JwtRules {
  std::vector<std::string> types;  // allowed `typ`, no case, "application/" left off; "" lets it be absent; none: any
  std::string issuer;              // what `iss` must be; empty: not looked at
  std::string audience;            // what `aud` must be or hold; empty: not looked at
  size_t max_bytes = 8192;
  bool needs_expiry = true;
  int64_t leeway_ms = 0;    // for clocks that differ: on exp, nbf and iat
  int64_t max_age_ms = 0;   // above 0: `iat` must be there and at most this old
};

struct JwtHeader {
  Algorithm algorithm = Algorithm::es256;
  std::string kid;   // empty: absent
  std::string type;  // as written; empty: absent
};

struct Jwt {
  JwtHeader header;
  std::string issuer, subject, id;      // iss, sub, jti; empty: absent
  std::vector<std::string> audience;    // aud, one or many
  std::optional<int64_t> expires_at_ms, not_before_ms, issued_at_ms;
  boost::json::object claims;           // all of them
};

// Read and well formed, yet anybody may have written it. For finding the row that remembers the digest of bytes once
// verified (same bytes, same verdict); never for a decision of its own.
struct UnverifiedJwt {
  Jwt jwt;
  std::string_view signed_part;  // into the text that was read
  std::string signature;
};

// The key for a `kid` (empty: the token has none) and algorithm; null: unknown. Valid until the call returns.
using KeyLookup = std::function<const VerifyKey*(std::string_view kid, Algorithm algorithm)>;

// `claims`: the text of a JSON object. `kid` and `type` are left out of the header when empty.
std::string sign_jwt(const SigningKey& key, std::string_view kid, std::string_view type,
                     std::string_view claims);

// The form alone, and typ, iss, aud: no signature, no times. Refused besides malformed text: over max_bytes, padding or
// trailing bits in base64url, a member twice in header or claims, alg other than ES256, RS256, EdDSA (so `none` and HS256),
// crit and b64, jku, jwk, x5u and x5c (keys come from our own list, never from the token), registered claims of a wrong
// type, times outside 1970 to 9999. Errors: unauthenticated, "jwt.*".
Result<UnverifiedJwt> read_jwt(std::string_view text, const JwtRules& rules);

// The signature, by a key that is bound to the header's algorithm. Errors: unauthenticated.
Result<> check_signature(const UnverifiedJwt& token, const KeyLookup& lookup);

// exp, nbf, iat against `now_ms`; valid while now < exp + leeway. Errors: unauthenticated.
Result<> check_times(const Jwt& jwt, const JwtRules& rules, int64_t now_ms);

// All three. The detail of an error is for the operator, never for the caller.
Result<Jwt> verify_jwt(std::string_view text, const KeyLookup& lookup, const JwtRules& rules,
                       int64_t now_ms);

}  // namespace watchword::crypto
