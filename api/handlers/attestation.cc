#include "api/handlers/attestation.h"

#include <algorithm>

#include "events/crypto/hash.h"
#include "events/crypto/jwt.h"

namespace watchword::api {
namespace {

Error refused(std::string detail) {
  return {Errc::denied, "token.jit.attestation.refused", std::move(detail)};
}

}  // namespace

Result<Attestation> check_attestation(std::string_view jwt, const v1::AttestationTrust& trust,
                                      std::string_view issuer, const Id& identity, int64_t now_ms) {
  if (trust.jwks().empty())
    return Error{Errc::denied, "token.jit.attestation.no_keys",
                 "this identity trusts an outside issuer, whose keys are not held here"};
  const auto keys = crypto::parse_jwks(trust.jwks());
  if (!keys) return refused("the registered keys cannot be read");
  crypto::JwtRules rules;
  rules.audience = issuer;
  rules.max_age_ms = kAttestationAgeMs;
  const auto proof = crypto::verify_jwt(
      jwt,
      [&](std::string_view kid, crypto::Algorithm algorithm) -> const crypto::VerifyKey* {
        const auto found = std::find_if(keys->begin(), keys->end(), [&](const auto& key) {
          return key.algorithm() == algorithm &&
                 (kid.empty() ? keys->size() == 1 : key.kid() == kid || key.thumbprint() == kid);
        });
        return found != keys->end() ? &*found : nullptr;
      },
      rules, now_ms);
  if (!proof) return refused("the attestation is not valid: " + proof.error().detail);
  if (proof->subject != identity.text()) return refused("its sub is another identity");
  if (proof->id.empty()) return refused("it has no jti");
  Attestation out;
  out.jti_hash = crypto::view(crypto::sha256(identity.view(), proof->id));
  out.expires_at_ms = std::max(proof->expires_at_ms.value_or(0),
                               proof->issued_at_ms.value_or(now_ms) + 2 * kAttestationAgeMs);
  return out;
}

}  // namespace watchword::api
