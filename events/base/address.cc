#include "events/base/address.h"

#include <arpa/inet.h>

#include <cstring>

namespace watchword {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

bool Address::is_loopback() const {
  if (is_ipv4()) return bytes[0] == 127;
  constexpr std::array<uint8_t, 16> kOne{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return size == 16 && bytes == kOne;
}

std::string Address::text() const {
  if (!known()) return {};
  char out[INET6_ADDRSTRLEN];
  return inet_ntop(is_ipv4() ? AF_INET : AF_INET6, bytes.data(), out, sizeof out) ? out : "";
}

Address Address::truncated(unsigned prefix_bits) const {
  Address kept = *this;
  for (unsigned i = 0; i < size; ++i) {
    const unsigned whole = i * 8;
    if (prefix_bits >= whole + 8) continue;
    const unsigned rest = prefix_bits > whole ? prefix_bits - whole : 0;
    kept.bytes[i] &= static_cast<uint8_t>(0xff00u >> rest);
  }
  return kept;
}

std::optional<Address> Address::parse(std::string_view text) {
  char copy[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof copy || text.find('\0') != text.npos) return {};
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  uint8_t raw[16];
  if (inet_pton(AF_INET, copy, raw) == 1) return from_view({reinterpret_cast<char*>(raw), 4});
  if (inet_pton(AF_INET6, copy, raw) == 1) return from_view({reinterpret_cast<char*>(raw), 16});
  return {};
}

Address Address::from_view(std::string_view raw) {
  Address address;
  if (raw.size() == 16 && std::memcmp(raw.data(), kMappedPrefix.data(), 12) == 0)
    raw.remove_prefix(12);
  if (raw.size() != 4 && raw.size() != 16) return address;
  std::memcpy(address.bytes.data(), raw.data(), raw.size());
  address.size = static_cast<uint8_t>(raw.size());
  return address;
}

}  // namespace watchword
