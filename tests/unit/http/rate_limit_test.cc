#include "api/http/rate_limit.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace watchword::http {
namespace {

constexpr int64_t kSecondUs = 1'000'000;

int allowed_of(RateLimiter& limiter, uint64_t key, int64_t now_us, int calls) {
  int allowed = 0;
  for (int i = 0; i < calls; ++i) allowed += limiter.take(key, now_us).allowed;
  return allowed;
}

TEST(RateLimit, AllowsTheBurstAndThenTheRate) {
  RateLimiter limiter({.per_s = 20, .burst = 5}, 64);
  EXPECT_EQ(allowed_of(limiter, 1, kSecondUs, 100), 5);
  EXPECT_EQ(allowed_of(limiter, 1, kSecondUs + 49'999, 100), 0);
  EXPECT_EQ(allowed_of(limiter, 1, kSecondUs + 50'000, 100), 1);
  EXPECT_EQ(allowed_of(limiter, 1, kSecondUs + 150'000, 100), 2);
  EXPECT_EQ(allowed_of(limiter, 1, 60 * kSecondUs, 100), 5);
}

TEST(RateLimit, OverAMinuteTheRateHolds) {
  RateLimiter limiter({.per_s = 20, .burst = 20}, 64);
  int allowed = 0;
  for (int64_t ms = 0; ms < 60'000; ++ms) allowed += limiter.take(7, ms * 1000).allowed;
  EXPECT_NEAR(allowed, 20 * 60 + 20, 1);
}

TEST(RateLimit, KeysDoNotDisturbEachOther) {
  RateLimiter limiter({.per_s = 1, .burst = 1}, 1024);
  EXPECT_TRUE(limiter.take(rate_key("a"), 0).allowed);
  EXPECT_FALSE(limiter.take(rate_key("a"), 0).allowed);
  EXPECT_TRUE(limiter.take(rate_key("b"), 0).allowed);
}

TEST(RateLimit, TellsWhatRemainsAndWhenToComeBack) {
  RateLimiter limiter({.per_s = 1, .burst = 3}, 64);
  const auto first = limiter.take(1, 0);
  EXPECT_EQ(first.remaining, 2u);
  EXPECT_EQ(first.reset_s, 1u);
  EXPECT_EQ(first.retry_after_s, 0u);
  EXPECT_EQ(allowed_of(limiter, 1, 0, 2), 2);
  const auto refused = limiter.take(1, 0);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0u);
  EXPECT_EQ(refused.retry_after_s, 1u);
  EXPECT_TRUE(limiter.take(1, kSecondUs).allowed);
}

TEST(RateLimit, LookingDoesNotCharge) {
  RateLimiter limiter({.per_s = 1, .burst = 1}, 64);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(limiter.look(1, 0).allowed);
  EXPECT_TRUE(limiter.take(1, 0).allowed);
  EXPECT_FALSE(limiter.look(1, 0).allowed);
}

TEST(RateLimit, MemoryDoesNotGrowWithTheKeys) {
  RateLimiter limiter({.per_s = 1, .burst = 1}, 256);
  const size_t bytes = limiter.bytes();
  EXPECT_EQ(bytes, 256u * 16);
  for (uint64_t key = 1; key < 100'000; ++key)
    EXPECT_TRUE(limiter.take(rate_key(std::to_string(key)), 0).allowed);
  EXPECT_EQ(limiter.bytes(), bytes);
}

TEST(RateLimit, ManyThreadsTogetherGetNoMoreThanTheBurst) {
  RateLimiter limiter({.per_s = 1, .burst = 1000}, 64);
  std::atomic<int> allowed = 0;
  limiter.take(1, 0);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { allowed += allowed_of(limiter, 1, 0, 1000); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(allowed, 999);
}

TEST(RateLimit, AnIpv6NetworkIsOneKeyAndAnIpv4AddressIsOne) {
  const auto key = [](const char* text) { return rate_key(*Address::parse(text)); };
  EXPECT_EQ(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
  EXPECT_NE(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
  EXPECT_NE(key("10.0.0.1"), key("10.0.0.2"));
}

TEST(RateLimit, HeadersFollowTheDraft) {
  Response response;
  set_rate_headers("principal", {.per_s = 50, .burst = 100}, {true, 99, 1, 0}, response);
  EXPECT_EQ(response.headers(),
            "RateLimit-Policy: \"principal\";q=100;w=2\r\nRateLimit: \"principal\";r=99;t=1\r\n");
}

}  // namespace
}  // namespace watchword::http
