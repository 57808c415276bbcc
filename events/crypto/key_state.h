// What SigningKey and VerifyKey share. Included by the .cc files of events/crypto alone.
#pragma once
#include <string>

#include "events/crypto/keys.h"
#include "events/crypto/openssl.h"

namespace watchword::crypto {

inline constexpr int kMinRsaBits = 2048;
inline constexpr int kMaxRsaBits = 4096;  // a longer one is a way to keep us busy

// Immutable once made, so any thread may use it. The contexts are patterns: each call works on a duplicate (80 ns), which
// skips the look-ups of a fresh one (3 µs).
struct KeyState {
  KeyState(OwnedKey owned, Algorithm of, bool is_private);

  OwnedKey key;
  Algorithm algorithm;
  OwnedKeyContext verify_context;  // null for EdDSA, which signs messages and not digests
  OwnedKeyContext sign_context;    // null for EdDSA and for a public key
  std::string members;             // of the JWK, as RFC 7638 hashes them, without braces
};

}  // namespace watchword::crypto
