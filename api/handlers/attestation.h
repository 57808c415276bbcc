// Proof that a workload holds the key registered for its identity: a JWT (RFC 7519) signed by it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "schemas/identity.pb.h"

namespace watchword::api {

inline constexpr int64_t kAttestationAgeMs = 60'000;

struct Attestation {
  std::string jti_hash;  // SHA-256 of identity and jti: used once
  int64_t expires_at_ms = 0;
};

// aud = our issuer, sub = the identity, jti, iat within 60 s, signed by one of `trust.jwks`. CPU-bound: for a worker.
// Errors: denied "token.jit.attestation.*".
Result<Attestation> check_attestation(std::string_view jwt, const v1::AttestationTrust& trust,
                                      std::string_view issuer, const Id& identity, int64_t now_ms);

}  // namespace watchword::api
