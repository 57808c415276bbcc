// AES-256-GCM (NIST SP 800-38D) with 96-bit nonces and 128-bit tags. Thread-safe.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "events/crypto/secret.h"

namespace watchword::crypto {

inline constexpr size_t kGcmTagBytes = 16;
using Nonce = std::array<uint8_t, 12>;

inline std::string_view view(const Nonce& nonce) {
  return {reinterpret_cast<const char*>(nonce.data()), nonce.size()};
}

// Ciphertext with the tag at its end. The nonce must never come twice under one key: drawn at random, at most 2^32 per key.
std::string aes_gcm_seal(const Key256& key, const Nonce& nonce, std::string_view additional,
                         std::string_view plaintext);

// nullopt: a wrong key, nonce or additional data, or changed bytes; which of them cannot be told.
std::optional<std::string> aes_gcm_open(const Key256& key, std::string_view nonce,
                                        std::string_view additional, std::string_view sealed);

}  // namespace watchword::crypto
