#include "events/base/address.h"

#include <gtest/gtest.h>

namespace watchword {
namespace {

std::string parsed(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? address->text() : "refused";
}

TEST(Address, TextGoesThroughUnchanged) {
  for (const char* text :
       {"10.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:0:0:1"})
    EXPECT_EQ(parsed(text), text);
}

TEST(Address, WhatIsNotOneAddressIsRefused) {
  for (std::string_view text :
       {"", " 10.0.0.1", "10.0.0.1 ", "10.0.0", "127.1", "010.0.0.1", "10.0.0.256", "10.0.0.1.2",
        "[::1]", "::1%eth0", "1::2::3", "10.0.0.1:80", "0x7f.0.0.1", "12345::"})
    EXPECT_EQ(parsed(text), "refused") << text;
  EXPECT_EQ(parsed(std::string_view("1.2.3.4\0", 8)), "refused");
}

TEST(Address, AnIpv4MappedAddressIsItsIpv4) {
  EXPECT_EQ(*Address::parse("::ffff:10.1.2.3"), *Address::parse("10.1.2.3"));
  EXPECT_EQ(parsed("::ffff:a01:203"), "10.1.2.3");
}

TEST(Address, TruncationKeepsThePrefixAndClearsTheRest) {
  const auto four = *Address::parse("203.0.113.255");
  EXPECT_EQ(four.truncated(24).text(), "203.0.113.0");
  EXPECT_EQ(four.truncated(25).text(), "203.0.113.128");
  EXPECT_EQ(four.truncated(0).text(), "0.0.0.0");
  EXPECT_EQ(four.truncated(64), four);
  EXPECT_EQ(Address::parse("2001:db8:1:2:3:4:5:6")->truncated(64).text(), "2001:db8:1:2::");
}

TEST(Address, OnlyLoopbackIsLoopback) {
  EXPECT_TRUE(Address::parse("127.9.0.1")->is_loopback());
  EXPECT_TRUE(Address::parse("::1")->is_loopback());
  EXPECT_TRUE(Address::parse("::ffff:127.0.0.1")->is_loopback());
  EXPECT_FALSE(Address::parse("128.0.0.1")->is_loopback());
  EXPECT_FALSE(Address{}.is_loopback());
}

}  // namespace
}  // namespace watchword
