// Bytes that must not linger: key material, bearer tokens. Cleansed when dropped or moved from.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/crypto/hash.h"

namespace watchword::crypto {

// Moves only, so that every copy is written out in the code. Never printed: it has no conversion to text.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  // Takes the bytes over and cleanses where they stood.
  static Secret take(std::string& bytes) {
    Secret secret{std::string_view(bytes)};
    crypto::cleanse(bytes.data(), bytes.size());
    bytes.clear();
    return secret;
  }
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) {}
  Secret& operator=(Secret&& other) noexcept {
    wipe();
    bytes_ = std::move(other.bytes_);
    other.bytes_.clear();
    return *this;
  }
  ~Secret() { wipe(); }

  Secret copy() const { return Secret(view()); }
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }
  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }
  bool operator==(const Secret& other) const { return equal_constant_time(view(), other.view()); }

 private:
  void wipe() { crypto::cleanse(bytes_.data(), bytes_.size()); }

  std::vector<char> bytes_;  // not a string: a short one would leave its bytes behind when moved
};

// A 256-bit key by value, cleansed at the end of its life.
struct Key256 {
  std::array<uint8_t, 32> bytes{};

  Key256() = default;
  explicit Key256(const std::array<uint8_t, 32>& from) : bytes(from) {}
  Key256(const Key256&) = default;
  Key256& operator=(const Key256&) = default;
  ~Key256() { crypto::cleanse(bytes.data(), bytes.size()); }

  std::string_view view() const { return crypto::view(bytes); }
};

}  // namespace watchword::crypto
