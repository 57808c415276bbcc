// JWTs whose signature this core has verified or made: equal bytes skip the signature, never the state (PROTOCOL.md section 6).
// Keyed by the SHA-256 of the token's bytes; of a fixed size; one core's thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "events/base/ids.h"

namespace watchword::api {

class TokenCache {
 public:
  explicit TokenCache(size_t entries) {
    size_t sets = 1;
    while (sets * kWays < entries) sets *= 2;
    entries_.resize(sets * kWays);
    mask_ = sets - 1;
  }

  // `digest`: 32 bytes.
  std::optional<Id> find(std::string_view digest) const {
    const Entry* set = &entries_[set_of(digest) * kWays];
    uint64_t first;
    std::memcpy(&first, digest.data(), 8);
    for (size_t way = 0; way < kWays; ++way)
      if (std::memcmp(set[way].digest, &first, 8) == 0 &&
          std::memcmp(set[way].digest, digest.data(), sizeof set[way].digest) == 0)
        return set[way].token;
    return std::nullopt;
  }
  // The oldest of its set gives way.
  void put(std::string_view digest, const Id& token) {
    Entry* set = &entries_[set_of(digest) * kWays];
    if (find(digest)) return;
    std::memmove(set + 1, set, (kWays - 1) * sizeof(Entry));
    std::memcpy(set[0].digest, digest.data(), sizeof set[0].digest);
    set[0].token = token;
  }
  size_t bytes() const { return entries_.size() * sizeof(Entry); }

 private:
  static constexpr size_t kWays = 8;
  struct Entry {
    uint8_t digest[24] = {};  // 192 bits: as hard to meet by chance or search as the signature
    Id token;
  };
  size_t set_of(std::string_view digest) const {
    uint64_t bits;
    std::memcpy(&bits, digest.data() + 24, 8);
    return bits & mask_;
  }
  std::vector<Entry> entries_;
  size_t mask_;
};

}  // namespace watchword::api
