#include "events/policy/cidr.h"

#include <algorithm>
#include <charconv>

namespace watchword::policy {
namespace {

constexpr unsigned kPersonPrefixV4 = 24;
constexpr unsigned kPersonPrefixV6 = 48;
constexpr unsigned kMappedBits = 96;

Error malformed(std::string_view text) {
  return {Errc::invalid, "cidr.malformed", "\"" + std::string(text) + "\" is not address/prefix"};
}

// Digits only, without leading zeros: "+8", "08" and "8 " are not numbers here.
std::optional<unsigned> parse_prefix(std::string_view text) {
  unsigned prefix = 0;
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, prefix);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return prefix;
}

bool is_person(v1::IdentityKind kind) {
  switch (kind) {
    case v1::SERVICE_ACCOUNT:
    case v1::AI_AGENT:
    case v1::API_KEY: return false;
    case v1::HUMAN:
    case v1::FOREIGN:
    case v1::IDENTITY_KIND_UNSPECIFIED:
    case v1::IdentityKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::IdentityKind_INT_MAX_SENTINEL_DO_NOT_USE_: return true;
  }
  return true;  // a kind of a later version: the careful answer
}

}  // namespace

Result<Cidr> Cidr::parse(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return malformed(text);
  const std::string_view address_text = text.substr(0, slash);
  const auto address = Address::parse(address_text);
  auto prefix = parse_prefix(text.substr(slash + 1));
  if (!address || !prefix) return malformed(text);
  const bool written_as_v6 = address_text.find(':') != address_text.npos;
  if (*prefix > (written_as_v6 ? 128u : 32u)) {
    return Error{Errc::invalid, "cidr.prefix_out_of_range", std::string(text)};
  }
  if (written_as_v6 && address->size == 4) {
    // Below 96 the ffff of the mapping lies beyond the prefix.
    if (*prefix < kMappedBits) return Error{Errc::invalid, "cidr.host_bits_set", std::string(text)};
    *prefix -= kMappedBits;
  }
  const Cidr meant{address->truncated(*prefix), *prefix};
  if (meant.network != *address) {
    return Error{Errc::invalid, "cidr.host_bits_set",
                 std::string(text) + " has bits beyond its prefix; the network is " + meant.text()};
  }
  return meant;
}

bool Cidr::contains(const Address& address) const {
  return address.truncated(prefix) == network;  // equal addresses are of one family
}

std::string Cidr::text() const { return network.text() + "/" + std::to_string(prefix); }

bool address_allowed(const Networks& networks, const Address& address) {
  if (networks.empty()) return true;
  return std::any_of(networks.begin(), networks.end(), [&](const std::string& text) {
    const auto cidr = Cidr::parse(text);
    return cidr && cidr->contains(address);
  });
}

Address recorded_address(v1::IdentityKind kind, const Address& address) {
  if (!is_person(kind)) return address;
  return address.truncated(address.size == 4 ? kPersonPrefixV4 : kPersonPrefixV6);
}

std::string recorded_network(v1::IdentityKind kind, const Address& address) {
  return std::string(recorded_address(kind, address).view());
}

}  // namespace watchword::policy
