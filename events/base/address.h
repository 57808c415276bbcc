// An IP address as a value: 4 or 16 bytes. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2)
// is its IPv4.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace watchword {

struct Address {
  std::array<uint8_t, 16> bytes{};  // network order; IPv4 in the first four, the rest zero
  uint8_t size = 0;                 // 4, 16, or 0 for "not known"

  auto operator<=>(const Address&) const = default;
  bool known() const { return size != 0; }
  bool is_ipv4() const { return size == 4; }
  unsigned bits() const { return size * 8u; }
  bool is_loopback() const;  // 127.0.0.0/8 or ::1
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), size}; }
  // Dotted decimal, or RFC 5952 for IPv6; empty when not known.
  std::string text() const;
  // The first `prefix_bits` bits kept and the others zero; a prefix longer than the address keeps
  // it whole.
  Address truncated(unsigned prefix_bits) const;

  // Dotted decimal without leading zeros, or RFC 4291 text. No zone, port, brackets, space or
  // shorthand ("127.1").
  static std::optional<Address> parse(std::string_view text);
  // 4 or 16 raw bytes in network order; any other length gives the unknown address.
  static Address from_view(std::string_view raw);
};

}  // namespace watchword
