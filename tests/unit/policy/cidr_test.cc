#include "events/policy/cidr.h"

#include <gtest/gtest.h>

#include <random>

namespace watchword::policy {
namespace {

Address address(std::string_view text) { return Address::parse(text).value(); }
Cidr cidr(std::string_view text) {
  const auto parsed = Cidr::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Cidr{};
}
std::string_view refusal(std::string_view text) {
  const auto parsed = Cidr::parse(text);
  return parsed ? "accepted" : parsed.error().reason;
}

TEST(Cidr, KeepsItsCanonicalText) {
  for (const auto* text : {"0.0.0.0/0", "10.0.1.0/24", "10.0.1.7/32", "10.0.1.6/31", "::/0",
                           "2001:db8::/32", "::1/128", "fe80::/10"}) {
    EXPECT_EQ(cidr(text).text(), text);
  }
  EXPECT_EQ(cidr("2001:0DB8:0:0::/32").text(), "2001:db8::/32");
}

TEST(Cidr, RefusesWhatIsNotAddressSlashPrefix) {
  for (const auto* text :
       {"", "/", "10.0.0.1", "/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/ 8",
        "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0/8/8", "10.0/8", "010.0.0.0/8", "10.0.0.0.0/8",
        "0x0a.0.0.0/8", "256.0.0.0/8", "10.0.0.0/255.0.0.0", "fe80::%eth0/10", "[::1]/128",
        "10.0.0.0/-1", "10.0.0.0/4294967304", ":::/0", "1:2:3:4:5:6:7:8:9/128", "localhost/8"}) {
    EXPECT_EQ(refusal(text), "cidr.malformed") << text;
  }
  EXPECT_EQ(refusal(std::string_view("10.0.0.0\0/8", 11)), "cidr.malformed");
}

TEST(Cidr, RefusesAPrefixLongerThanTheAddress) {
  EXPECT_EQ(refusal("10.0.0.0/33"), "cidr.prefix_out_of_range");
  EXPECT_EQ(refusal("::/129"), "cidr.prefix_out_of_range");
  EXPECT_EQ(refusal("10.0.0.0/128"), "cidr.prefix_out_of_range");
}

TEST(Cidr, RefusesBitsBeyondThePrefixAndNamesTheNetwork) {
  EXPECT_EQ(refusal("10.0.1.7/24"), "cidr.host_bits_set");
  EXPECT_EQ(refusal("10.0.1.7/31"), "cidr.host_bits_set");
  EXPECT_EQ(refusal("0.0.0.1/0"), "cidr.host_bits_set");
  EXPECT_EQ(refusal("2001:db8::1/127"), "cidr.host_bits_set");
  EXPECT_NE(Cidr::parse("10.0.1.7/24").error().detail.find("10.0.1.0/24"), std::string::npos);
}

TEST(Cidr, TakesAnIpv4MappedNetworkForItsIpv4) {
  EXPECT_EQ(cidr("::ffff:10.0.1.0/120"), cidr("10.0.1.0/24"));
  EXPECT_EQ(cidr("::ffff:0:0/96"), cidr("0.0.0.0/0"));
  EXPECT_EQ(refusal("::ffff:0:0/95"), "cidr.host_bits_set");
  EXPECT_EQ(refusal("::ffff:10.0.1.7/120"), "cidr.host_bits_set");
  EXPECT_TRUE(cidr("10.0.1.0/24").contains(address("::ffff:10.0.1.9")));
}

TEST(Cidr, HoldsExactlyItsAddressesAtTheEdges) {
  EXPECT_TRUE(cidr("0.0.0.0/0").contains(address("255.255.255.255")));
  EXPECT_TRUE(cidr("10.0.0.6/31").contains(address("10.0.0.7")));
  EXPECT_FALSE(cidr("10.0.0.6/31").contains(address("10.0.0.8")));
  EXPECT_FALSE(cidr("10.0.0.6/31").contains(address("10.0.0.5")));
  EXPECT_TRUE(cidr("10.0.0.7/32").contains(address("10.0.0.7")));
  EXPECT_FALSE(cidr("10.0.0.7/32").contains(address("10.0.0.6")));
  EXPECT_TRUE(cidr("2001:db8::1/128").contains(address("2001:db8::1")));
  EXPECT_FALSE(cidr("2001:db8::1/128").contains(address("2001:db8::")));
  EXPECT_TRUE(cidr("::/0").contains(address("ffff::1")));
}

TEST(Cidr, NeverMixesTheTwoFamilies) {
  EXPECT_FALSE(cidr("::/0").contains(address("10.0.0.1")));
  EXPECT_FALSE(cidr("0.0.0.0/0").contains(address("::1")));
  EXPECT_FALSE(cidr("0.0.0.0/0").contains(Address{}));
}

// The rule as one would say it: the first `prefix` bits are the same, one by one.
bool naive_contains(const Cidr& network, const Address& candidate) {
  if (network.network.size != candidate.size) return false;
  const auto bit = [](const Address& of, unsigned at) {
    return of.bytes[at / 8] >> (7 - at % 8) & 1;
  };
  for (unsigned at = 0; at < network.prefix; ++at) {
    if (bit(network.network, at) != bit(candidate, at)) return false;
  }
  return true;
}

Address random_address(std::mt19937& random, uint8_t size) {
  Address drawn;
  drawn.size = size;
  for (unsigned byte = 0; byte < size; ++byte) drawn.bytes[byte] = static_cast<uint8_t>(random());
  return drawn;
}

TEST(Cidr, AgreesWithABitLoopForEveryPrefixAndEveryFlippedBit) {
  std::mt19937 random(20250808);
  size_t held = 0;
  for (const uint8_t size : {uint8_t{4}, uint8_t{16}}) {
    for (unsigned prefix = 0; prefix <= size * 8u; ++prefix) {
      const Address base = random_address(random, size).truncated(prefix);
      const auto network = cidr(base.text() + "/" + std::to_string(prefix));
      ASSERT_EQ(network, (Cidr{base, prefix}));
      for (unsigned flipped = 0; flipped < size * 8u; ++flipped) {
        Address near = base;
        near.bytes[flipped / 8] ^= static_cast<uint8_t>(0x80 >> flipped % 8);
        ASSERT_EQ(network.contains(near), naive_contains(network, near)) << network.text();
        ASSERT_EQ(network.contains(near), flipped >= prefix) << network.text();
        held += network.contains(near);
      }
      const Address far = random_address(random, size);
      ASSERT_EQ(network.contains(far), naive_contains(network, far)) << network.text();
    }
  }
  EXPECT_EQ(held, 32u * 33 / 2 + 128u * 129 / 2);
}

TEST(AllowedNetworks, AllowEverythingWhenThereAreNone) {
  EXPECT_TRUE(address_allowed({}, address("203.0.113.9")));
  EXPECT_TRUE(address_allowed({}, Address{}));
}

TEST(AllowedNetworks, AllowWhatOneOfThemHoldsAndNothingElse) {
  Networks networks;
  *networks.Add() = "10.0.1.0/24";
  *networks.Add() = "2001:db8::/32";
  EXPECT_TRUE(address_allowed(networks, address("10.0.1.255")));
  EXPECT_TRUE(address_allowed(networks, address("2001:db8::7")));
  EXPECT_FALSE(address_allowed(networks, address("10.0.2.0")));
  EXPECT_FALSE(address_allowed(networks, Address{}));
}

TEST(AllowedNetworks, HoldNothingWhenTheirTextIsBroken) {
  Networks networks;
  *networks.Add() = "everywhere";
  EXPECT_FALSE(address_allowed(networks, address("10.0.1.1")));
}

TEST(RecordedNetwork, KeepsTheWholeAddressOfAMachine) {
  for (const auto kind : {v1::SERVICE_ACCOUNT, v1::AI_AGENT, v1::API_KEY}) {
    EXPECT_EQ(recorded_address(kind, address("10.0.1.7")).text(), "10.0.1.7");
    EXPECT_EQ(recorded_address(kind, address("2001:db8:1:2::3")).text(), "2001:db8:1:2::3");
  }
}

TEST(RecordedNetwork, KeepsOnlyThePrefixOfAPersonOrAStranger) {
  for (const auto kind : {v1::HUMAN, v1::FOREIGN, v1::IDENTITY_KIND_UNSPECIFIED,
                          static_cast<v1::IdentityKind>(77)}) {
    EXPECT_EQ(recorded_address(kind, address("10.0.1.7")).text(), "10.0.1.0");
    EXPECT_EQ(recorded_address(kind, address("2001:db8:1:2::3")).text(), "2001:db8:1::");
  }
  EXPECT_EQ(recorded_network(v1::HUMAN, address("10.0.1.7")), std::string("\x0a\x00\x01\x00", 4));
  EXPECT_EQ(recorded_network(v1::HUMAN, Address{}), "");
}

}  // namespace
}  // namespace watchword::policy
