// Ids that route themselves. What we mint is a UUID version 8 (RFC 9562): 48 bits of ms time, 12 bits of slot, 62 random.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "events/base/clock.h"

namespace watchword {

inline constexpr uint32_t kSlots = 4096;
using Slot = uint16_t;  // 0..4095, fixed for ever

// Principal, token, session, challenge or alert: 16 bytes, the first of them time, so that ids sort by age.
struct Id {
  std::array<uint8_t, 16> bytes{};

  auto operator<=>(const Id&) const = default;
  bool is_nil() const { return *this == Id{}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), 16}; }
  std::string text() const;  // 36 characters, lower case
  Slot slot() const { return static_cast<Slot>((bytes[6] & 0x0f) << 8 | bytes[7]); }
  int64_t time_ms() const;
  // 16 raw bytes; any other length gives the nil id.
  static Id from_view(std::string_view raw);
  // The canonical text form only: lower or upper case, hyphens in place, nothing around it.
  static std::optional<Id> parse(std::string_view text);
};

struct IdHash {
  using is_avalanching = void;
  size_t operator()(const Id& id) const {
    uint64_t low, high;
    std::memcpy(&high, id.bytes.data(), 8);
    std::memcpy(&low, id.bytes.data() + 8, 8);
    uint64_t mixed = (low ^ high * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
    return mixed ^ mixed >> 29;
  }
};

// Kafka's murmur2 (org.apache.kafka.common.utils.Utils.murmur2, seed 0x9747b28c).
uint32_t murmur2(std::string_view key);

// Where a key that we did not mint belongs: (murmur2(key) & 0x7fffffff) mod 4096, as Kafka's default partitioner has it.
Slot slot_of_key(std::string_view key);

// First 12 bits of a SHA-256: the slot of an `sk_` token, of a directory row, of an idempotency key.
Slot slot_of_digest(std::string_view digest);

// A token, session or alert of the principal that lives in `slot`.
Id mint_id(int64_t now_ms, Slot slot, Entropy& entropy);

// The same without chance: `unique` is made from a position, which no two things share.
Id mint_id_from(int64_t now_ms, Slot slot, uint64_t unique);

// A principal: drawn until slot_of_key(text) equals the embedded slot; about 4,096 draws, 1 ms. Never on a partition's loop.
Id mint_principal_id(int64_t now_ms, Entropy& entropy);
// The same in a given slot (what an Idempotency-Key demands).
Id mint_principal_id_in(int64_t now_ms, Slot slot, Entropy& entropy);

// A foreign subject's principal id: the slot of its text, the rest from `keyed_hash` (HMAC of the text, at least 16 bytes).
Id foreign_principal_id(std::string_view subject, std::string_view keyed_hash);

struct Position {
  uint32_t partition = 0;
  uint64_t seq = 0;
  auto operator<=>(const Position&) const = default;
  std::string text() const;  // "<partition>:<seq>"
  static std::optional<Position> parse(std::string_view text);
};

}  // namespace watchword
