// SHA-256 (FIPS 180-4), HMAC (RFC 2104) and HKDF (RFC 5869) as plain functions. All are thread-safe. None can fail but for
// want of memory, which ends the process: there is no safe way on without a hash.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace watchword::crypto {

using Digest = std::array<uint8_t, 32>;

inline std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// About 0.1 µs for 64 bytes.
Digest sha256(std::string_view bytes);
// SHA-256(first || second) without joining them: a link of a hash chain.
Digest sha256(std::string_view first, std::string_view second);

// For input that comes in pieces. One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  Digest finish();  // and starts anew

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest hmac_sha256(std::string_view key, std::string_view bytes);

// Extract and expand with an empty salt unless given; `info` says what the 32 bytes are for.
Digest hkdf_sha256(std::string_view secret, std::string_view info, std::string_view salt = {});

// Takes as long whatever differs; only a difference in length shows.
bool equal_constant_time(std::string_view a, std::string_view b);

// Overwrites so that no compiler drops it.
void cleanse(void* bytes, size_t size);

}  // namespace watchword::crypto
