// Networks as policy writes them: "10.0.1.0/24", "2001:db8::/32". Canonical or refused; membership is an exact bit
// test.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "events/base/address.h"
#include "events/base/result.h"
#include "schemas/identity.pb.h"

namespace watchword::policy {

// An IPv4 network holds IPv4 addresses only, an IPv6 network IPv6 addresses only: ::/0 does not hold 10.0.0.1.
struct Cidr {
  Address network;
  unsigned prefix = 0;  // 0..32 or 0..128

  bool operator==(const Cidr&) const = default;
  // RFC 4632 and RFC 4291 notation with the prefix written out; no bit set beyond it. ::ffff:a.b.c.d/n with n >= 96 is
  // a.b.c.d/(n - 96). Errors, all invalid: "cidr.malformed", "cidr.prefix_out_of_range", "cidr.host_bits_set" (its
  // detail gives the network that was probably meant).
  static Result<Cidr> parse(std::string_view text);
  bool contains(const Address& address) const;
  std::string text() const;
};

using Networks = google::protobuf::RepeatedPtrField<std::string>;

// No network at all allows every address, also one that is not known; else one must hold it. Text that is no CIDR holds
// nothing.
bool address_allowed(const Networks& networks, const Address& address);

// What may be kept of an address: of machines all of it; of people, and of subjects that we do not know, /24 or /48.
Address recorded_address(v1::IdentityKind kind, const Address& address);
// The same as the 4 or 16 bytes that records carry.
std::string recorded_network(v1::IdentityKind kind, const Address& address);

}  // namespace watchword::policy
