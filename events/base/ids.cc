#include "events/base/ids.h"

#include <charconv>

namespace watchword {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr bool hyphen_before(size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void write_text(const Id& id, char* out) {
  for (size_t i = 0; i < 16; ++i) {
    if (hyphen_before(i)) *out++ = '-';
    *out++ = kHex[id.bytes[i] >> 4];
    *out++ = kHex[id.bytes[i] & 0xf];
  }
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void set_time(Id& id, int64_t now_ms) {
  for (int i = 0; i < 6; ++i) id.bytes[i] = static_cast<uint8_t>(now_ms >> (40 - 8 * i));
}

void set_slot(Id& id, Slot slot) {
  id.bytes[6] = static_cast<uint8_t>(0x80 | (slot >> 8));
  id.bytes[7] = static_cast<uint8_t>(slot);
}

void set_random(Id& id, Entropy& entropy) {
  entropy.fill(std::span(id.bytes).subspan(8));
  id.bytes[8] = static_cast<uint8_t>(0x80 | (id.bytes[8] & 0x3f));
}

// Counts the low 32 bits up from a random start until `fits`: one draw of entropy, many candidates.
template <class Fits>
Id search(Id id, Fits fits) {
  char text[36];
  uint32_t counter;
  std::memcpy(&counter, id.bytes.data() + 12, 4);
  for (;; ++counter) {
    std::memcpy(id.bytes.data() + 12, &counter, 4);
    write_text(id, text);
    if (fits(id, slot_of_key({text, sizeof text}))) return id;
  }
}

}  // namespace

std::string Id::text() const {
  std::string out(36, '\0');
  write_text(*this, out.data());
  return out;
}

int64_t Id::time_ms() const {
  int64_t time = 0;
  for (int i = 0; i < 6; ++i) time = time << 8 | bytes[i];
  return time;
}

Id Id::from_view(std::string_view raw) {
  Id id;
  if (raw.size() == 16) std::memcpy(id.bytes.data(), raw.data(), 16);
  return id;
}

std::optional<Id> Id::parse(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Id id;
  size_t at = 0;
  for (size_t i = 0; i < 16; ++i) {
    if (hyphen_before(i) && text[at++] != '-') return std::nullopt;
    const int high = nibble(text[at]), low = nibble(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[i] = static_cast<uint8_t>(high << 4 | low);
    at += 2;
  }
  return id;
}

uint32_t murmur2(std::string_view key) {
  constexpr uint32_t kM = 0x5bd1e995;
  const auto size = static_cast<uint32_t>(key.size());
  uint32_t hash = 0x9747b28cu ^ size;
  const auto* data = reinterpret_cast<const uint8_t*>(key.data());
  uint32_t i = 0;
  for (; i + 4 <= size; i += 4) {
    uint32_t k;
    std::memcpy(&k, data + i, 4);
    k *= kM;
    k ^= k >> 24;
    hash = hash * kM ^ k * kM;
  }
  const uint32_t rest = size - i;
  if (rest >= 3) hash ^= uint32_t{data[i + 2]} << 16;
  if (rest >= 2) hash ^= uint32_t{data[i + 1]} << 8;
  if (rest >= 1) hash = (hash ^ data[i]) * kM;
  hash = (hash ^ hash >> 13) * kM;
  return hash ^ hash >> 15;
}

Slot slot_of_key(std::string_view key) {
  return static_cast<Slot>((murmur2(key) & 0x7fffffff) % kSlots);
}

Slot slot_of_digest(std::string_view digest) {
  return static_cast<Slot>(static_cast<uint8_t>(digest[0]) << 4 |
                           static_cast<uint8_t>(digest[1]) >> 4);
}

Id mint_id(int64_t now_ms, Slot slot, Entropy& entropy) {
  Id id;
  set_time(id, now_ms);
  set_slot(id, slot);
  set_random(id, entropy);
  return id;
}

Id mint_id_from(int64_t now_ms, Slot slot, uint64_t unique) {
  Id id;
  set_time(id, now_ms);
  set_slot(id, slot);
  for (int i = 0; i < 8; ++i) id.bytes[8 + i] = static_cast<uint8_t>(unique >> (56 - 8 * i));
  id.bytes[8] = static_cast<uint8_t>(0x80 | (id.bytes[8] & 0x3f));
  return id;
}

Id mint_principal_id(int64_t now_ms, Entropy& entropy) {
  const auto chosen = entropy.draw<2>();
  return mint_principal_id_in(
      now_ms, static_cast<Slot>((chosen[0] << 8 | chosen[1]) % kSlots), entropy);
}

Id mint_principal_id_in(int64_t now_ms, Slot slot, Entropy& entropy) {
  return search(mint_id(now_ms, slot, entropy),
                [&](const Id&, Slot of_text) { return of_text == slot; });
}

Id foreign_principal_id(std::string_view subject, std::string_view keyed_hash) {
  Id id = Id::from_view(keyed_hash.substr(0, 16));
  set_slot(id, slot_of_key(subject));
  id.bytes[8] = static_cast<uint8_t>(0x80 | (id.bytes[8] & 0x3f));
  return id;
}

std::string Position::text() const {
  return std::to_string(partition) + ":" + std::to_string(seq);
}

std::optional<Position> Position::parse(std::string_view text) {
  Position position;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, position.partition);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ':') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, position.seq);
  if (second.ec != std::errc{} || second.ptr != end) return std::nullopt;
  if (position.text() != text) return std::nullopt;  // "00:1": one text for one position
  return position;
}

}  // namespace watchword
