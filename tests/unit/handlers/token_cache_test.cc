#include "api/handlers/token_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace watchword::api {
namespace {

Id id(uint64_t number) { return mint_id_from(1, 7, number); }

TEST(TokenCache, FindsWhatWasPutByAllOfItsDigest) {
  TokenCache cache(1'024);
  const std::string digest(32, 'd');
  EXPECT_FALSE(cache.find(digest).has_value());
  cache.put(digest, id(1));
  EXPECT_EQ(cache.find(digest), id(1));
  for (const size_t at : {0u, 7u, 8u, 15u, 23u}) {
    std::string other = digest;
    other[at] ^= 1;
    EXPECT_FALSE(cache.find(other).has_value()) << "byte " << at << " differs";
  }
}

TEST(TokenCache, ForgetsTheOldestOfItsSetAndNeverAnswersForAnother) {
  TokenCache cache(8);  // one set
  std::string digest(32, '\0');
  for (uint64_t i = 1; i <= 20; ++i) {
    std::memcpy(digest.data(), &i, sizeof i);
    cache.put(digest, id(i));
  }
  for (uint64_t i = 1; i <= 20; ++i) {
    std::memcpy(digest.data(), &i, sizeof i);
    EXPECT_EQ(cache.find(digest), i > 12 ? std::optional(id(i)) : std::nullopt) << i;
  }
}

}  // namespace
}  // namespace watchword::api
