// Character classes of RFC 9110 and RFC 3986 as tables, and the fast searches built on them.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace watchword::http {

using CharacterTable = std::array<uint8_t, 256>;

constexpr CharacterTable table_of(std::string_view extra) {
  CharacterTable table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = 1;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = 1;
  for (const char c : extra) table[static_cast<uint8_t>(c)] = 1;
  return table;
}

inline constexpr CharacterTable kToken = table_of("!#$%&'*+-.^_`|~");          // RFC 9110 5.6.2
inline constexpr CharacterTable kTarget = table_of("-._~!$&'()*+,;=:@/?%");    // RFC 3986 3.3, 3.4
inline constexpr CharacterTable kAuthority = table_of("-._~!$&'()*+,;=:[]%");  // RFC 3986 3.2.2

constexpr bool is_in(const CharacterTable& table, char c) {
  return table[static_cast<uint8_t>(c)] != 0;
}

constexpr bool all_in(const CharacterTable& table, std::string_view text) {
  for (const char c : text)
    if (!is_in(table, c)) return false;
  return true;
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// 0..15, or -1.
constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

// The first byte below 0x20, or 0x7f, at or after `at`; `end` when there is none. Eight bytes a
// step.
inline const char* find_control(const char* at, const char* end) {
  static_assert(std::endian::native == std::endian::little);
  constexpr uint64_t kOnes = 0x0101010101010101u, kHigh = 0x8080808080808080u;
  for (; end - at >= 8; at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    const uint64_t deleted = word ^ kOnes * 0x7f;
    const uint64_t hits =
        (((word - kOnes * 0x20) & ~word) | ((deleted - kOnes) & ~deleted)) & kHigh;
    if (hits)
      return at + std::countr_zero(hits) / 8;  // the lowest hit is exact: no borrow reached it
  }
  for (; at != end; ++at)
    if (static_cast<uint8_t>(*at) < 0x20 || *at == 0x7f) break;
  return at;
}

}  // namespace watchword::http
