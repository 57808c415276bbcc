// JWTs that were tampered with. Each says in its name what was done to it.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "events/crypto/keys.h"

namespace watchword::testing {

struct Forgery {
  std::string name, token;
};

struct Victim {
  std::string token;         // good, ES256
  std::string kid;           // of its key
  std::string public_jwk;    // of its key
  std::string other_claims;  // what the forger would rather have signed
  std::string url;           // where the forger's keys would be fetched
};

// header.claims.signature of these texts.
std::string compact(std::string_view header, std::string_view claims, std::string_view signature);
struct Opened {
  std::string header, claims, signature;  // decoded
};
Opened opened(std::string_view token);

// Made without the victim's private key. None may ever pass.
std::vector<Forgery> forgeries(const Victim& victim);

// r || s of a P-256 signature, and the curve's order; arithmetic on 32 bytes, big-endian.
std::string order_minus(std::string_view number);
std::string p256_order();

}  // namespace watchword::testing
