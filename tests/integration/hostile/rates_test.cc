// Guessing is slowed down by where it comes from, and nobody comes from elsewhere by saying so.
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

constexpr int kBurst = 20;  // limits.failed_authentications_per_second

std::string unknown_token() { return "sk_" + std::string(64, '0'); }

// How many of `tries` guesses are told 429; `forwarded(i)` is the X-Forwarded-For of the i-th.
int limited(Node& node, int tries, const std::function<std::string(int)>& forwarded) {
  Caller guesser = node.as(unknown_token());
  int count = 0;
  for (int i = 0; i < tries; ++i) {
    std::vector<std::string> headers;
    if (const std::string hop = forwarded(i); !hop.empty()) headers.push_back(hop);
    count += guesser.get("/api/v1/identities", headers).status == 429;
  }
  return count;
}
std::string from(const std::string& address) { return "X-Forwarded-For: " + address; }

// Stands behind a proxy at 127.0.0.1.
class Rates : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    node_ = std::make_unique<Node>(
        std::vector<std::string>{"--set", "api.trusted_proxies=127.0.0.1/32"});
    ASSERT_TRUE(node_->start()) << node_->errors();
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(node_->stop(), 0) << node_->errors();
    node_.reset();
  }
  static inline std::unique_ptr<Node> node_;
};

TEST_F(Rates, AddressesOfOneIpv6NetworkAreOne) {
  EXPECT_GT(
      limited(*node_, 3 * kBurst,
              [](int i) {
                return from("2001:db8:1:1:" + std::to_string(i + 1) + "::" + std::to_string(i));
              }),
      kBurst);
}

TEST_F(Rates, NetworksDoNotPayForEachOther) {
  EXPECT_EQ(limited(*node_, 3 * kBurst,
                    [](int i) { return from("2001:db8:2:" + std::to_string(i + 1) + "::1"); }),
            0);
}

TEST_F(Rates, AnAddressIsTheSameHoweverItIsWritten) {
  const std::vector<std::string> forms{"198.51.100.7", "::ffff:198.51.100.7", "::FFFF:c633:6407",
                                       "0:0:0:0:0:ffff:198.51.100.7",
                                       "0000:0000:0000:0000:0000:ffff:c633:6407"};
  EXPECT_GT(limited(*node_, 3 * kBurst,
                    [&](int i) { return from(forms[static_cast<size_t>(i) % forms.size()]); }),
            kBurst);
  const std::vector<std::string> six{"2001:db8:7::1", "2001:DB8:7:0::1",
                                     "2001:0db8:0007:0000:0000:0000:0000:0001"};
  EXPECT_GT(limited(*node_, 3 * kBurst,
                    [&](int i) { return from(six[static_cast<size_t>(i) % six.size()]); }),
            kBurst);
}

TEST_F(Rates, OnlyTheHopThatTheProxySawCounts) {
  EXPECT_GT(
      limited(*node_, 3 * kBurst,
              [](int i) { return from("203.0.113." + std::to_string(i) + ", 198.51.100.8"); }),
      kBurst);
  EXPECT_GT(limited(*node_, 3 * kBurst,
                    [](int i) {
                      return from("203.0.113." + std::to_string(i)) + "\r\n" +
                             from("198.51.100.9") + "\r\n" + from("127.0.0.1");
                    }),
            kBurst);
}

TEST_F(Rates, NoOtherHeaderNamesAClient) {
  for (const std::string name :
       {"Forwarded: for=", "X-Real-IP: ", "X-Client-IP: ", "True-Client-IP: ", "CF-Connecting-IP: ",
        "X-Forwarded: ", "X_Forwarded_For: ", "X-Forwarded-For-Original: ",
        "X-Cluster-Client-IP: "})
    EXPECT_GT(
        limited(*node_, 2 * kBurst, [&](int i) { return name + "203.0.113." + std::to_string(i); }),
        0)
        << name;
}

TEST_F(Rates, WhatATrustedProxyCannotMeanIsRefused) {
  Caller caller = node_->admin();
  for (const std::string value :
       {"unknown", "_hidden", "1.2.3.4:80", "[2001:db8::1]", "01.2.3.4", "1.2.3", "1.2.3.4,", ",",
        "1.2.3.4, x", "fe80::1%eth0", "1.2.3.4\t5", "2130706433"})
    EXPECT_EQ(caller.get("/api/v1/auth/me", {from(value)}).status, 400) << value;
}

TEST_F(Rates, EveryDoorThatTakesACredentialCountsItsGuesses) {
  Caller guesser = node_->as(unknown_token()), nobody = node_->as("");
  const std::string id = node_->admin().register_service("guessed");
  const std::string body =
      R"({"identity_id":")" + id + R"(","requested_scopes":["a:read"],"justification":"x")";
  int by_bearer = 0, by_attestation = 0;
  for (int i = 0; i < 3 * kBurst; ++i) {
    by_bearer +=
        guesser.post("/api/v1/tokens/jit", body + "}", {from("198.51.100.20")}).status == 429;
    by_attestation += nobody
                          .post("/api/v1/tokens/jit", body + R"(,"attestation_data":"a.b.c"})",
                                {from("198.51.100.21")})
                          .status == 429;
  }
  EXPECT_GT(by_bearer, kBurst);
  EXPECT_GT(by_attestation, kBurst);
}

TEST_F(Rates, AValidCredentialIsNeverRefusedForItsNeighbours) {
  Caller admin = node_->admin();
  const std::string there = from("198.51.100.30");
  const std::string id = admin.register_service("neighbour");
  EXPECT_GT(limited(*node_, 3 * kBurst, [&](int) { return there; }), kBurst);
  EXPECT_EQ(admin.get("/api/v1/auth/me", {there}).status, 200);
  EXPECT_EQ(admin
                .post("/api/v1/tokens/jit",
                      R"({"identity_id":")" + id +
                          R"(","requested_scopes":["a:read"],"justification":"x"})",
                      {there})
                .status,
            201);
}

TEST_F(Rates, WithoutATrustedProxyNobodyIsBelieved) {
  Node plain;
  ASSERT_TRUE(plain.start()) << plain.errors();
  EXPECT_GT(
      limited(plain, 3 * kBurst, [](int i) { return from("203.0.113." + std::to_string(i)); }),
      kBurst);
  EXPECT_GT(limited(plain, 2 * kBurst, [](int i) { return from("nonsense" + std::to_string(i)); }),
            0);
  EXPECT_EQ(plain.stop(), 0);
}

}  // namespace
}  // namespace watchword::testing
