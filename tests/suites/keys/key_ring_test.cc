#include "stores/keys/key_ring.h"

#include <gtest/gtest.h>

#include "tests/suites/keys/directory.h"

namespace watchword::keys {
namespace {

using crypto::Algorithm;
using crypto::SigningKey;

crypto::Key256 wrap_of(uint8_t byte) {
  crypto::Key256 key;
  key.bytes.fill(byte);
  return key;
}

class Ring : public testing::Test {
 protected:
  Result<std::unique_ptr<KeyRing>> open(uint8_t wrap = 1) {
    return KeyRing::open(path_, wrap_of(wrap), system_entropy());
  }
  std::unique_ptr<KeyRing> opened() {
    auto ring = open();
    EXPECT_TRUE(ring) << ring.error().detail;
    return std::move(*ring);
  }
  std::string refusal(const std::string& bytes) {
    write_bytes(path_, bytes);
    const auto ring = open();
    if (ring) return "accepted";
    EXPECT_EQ(ring.error().code, Errc::corrupt);
    return std::string(ring.error().reason);
  }

  Directory directory_;
  std::filesystem::path path_ = directory_ / "signing.keys";
};

TEST_F(Ring, IsEmptyWhereThereIsNoFile) {
  const auto ring = opened();
  EXPECT_EQ(ring->public_jwks(), "{\"keys\":[]}");
  EXPECT_FALSE(ring->current(Algorithm::es256, 1000));
  EXPECT_FALSE(ring->by_kid("x"));
}

TEST_F(Ring, KeepsItsKeysOverARestart) {
  std::string kid;
  {
    const auto added = opened()->add(SigningKey::generate(Algorithm::es256), 5, 10);
    ASSERT_TRUE(added);
    kid = (*added)->key.kid();
  }
  const auto held = opened()->by_kid(kid);
  ASSERT_TRUE(held);
  EXPECT_EQ(held->added_at_ms, 5);
  EXPECT_EQ(held->use_from_ms, 10);
  EXPECT_TRUE(held->verify_key.verify("message", held->key.sign("message")));
}

TEST_F(Ring, SignsWithTheNewestKeyThatIsInUseAlready) {
  const auto ring = opened();
  const auto first = ring->add(SigningKey::generate(Algorithm::es256), 0, 100);
  const auto second = ring->add(SigningKey::generate(Algorithm::es256), 50, 200);
  const auto other = ring->add(SigningKey::generate(Algorithm::eddsa), 50, 300);
  ASSERT_TRUE(first && second && other);
  EXPECT_EQ(ring->current(Algorithm::es256, 99), nullptr);
  EXPECT_EQ(ring->current(Algorithm::es256, 199), *first);
  EXPECT_EQ(ring->current(Algorithm::es256, 200), *second);
  EXPECT_EQ(ring->current(Algorithm::eddsa, 300), *other);
  EXPECT_EQ(ring->current(Algorithm::rs256, 300), nullptr);
}

TEST_F(Ring, PublishesPublicHalvesOnly) {
  const auto ring = opened();
  ASSERT_TRUE(ring->add(SigningKey::generate(Algorithm::es256), 0, 0));
  ASSERT_TRUE(ring->add(SigningKey::generate(Algorithm::rs256), 0, 0));
  ASSERT_TRUE(ring->add(SigningKey::generate(Algorithm::eddsa), 0, 0));
  const auto published = crypto::parse_jwks(ring->public_jwks());  // refuses private members
  ASSERT_TRUE(published) << published.error().detail;
  ASSERT_EQ(published->size(), 3u);
  for (const auto& key : *published) EXPECT_TRUE(ring->by_kid(key.kid()));
}

TEST_F(Ring, ForgetsARemovedKeyForGood) {
  const auto ring = opened();
  const auto added = ring->add(SigningKey::generate(Algorithm::es256), 0, 0);
  ASSERT_TRUE(added);
  const std::string kid = (*added)->key.kid();
  EXPECT_TRUE(ring->remove(kid));
  EXPECT_FALSE(ring->by_kid(kid));
  EXPECT_EQ(ring->remove(kid).error().reason, "key_ring.unknown");
  EXPECT_FALSE(opened()->by_kid(kid));
  EXPECT_EQ((*added)->key.kid(), kid);  // whoever holds it may finish
}

TEST_F(Ring, RefusesTheSameKeyTwice) {
  const auto ring = opened();
  const SigningKey key = SigningKey::generate(Algorithm::es256);
  ASSERT_TRUE(ring->add(key, 0, 0));
  EXPECT_EQ(ring->add(key, 1, 1).error().reason, "key_ring.known");
}

TEST_F(Ring, HoldsNoPrivateBytesInItsFileAndLeavesNoOtherFile) {
  const SigningKey key = SigningKey::generate(Algorithm::eddsa);
  ASSERT_TRUE(opened()->add(key, 0, 0));
  const std::string file = bytes_of(path_), der(key.pkcs8().view());
  EXPECT_EQ(file.find(crypto::base64url(der)), std::string::npos);
  EXPECT_EQ(file.find(der.substr(16)), std::string::npos);
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(directory_.files(), 1u);
}

TEST_F(Ring, UnderAnotherMasterKeyIsRefused) {
  ASSERT_TRUE(opened()->add(SigningKey::generate(Algorithm::es256), 0, 0));
  const auto other = open(2);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, "key_ring.sealed");
  EXPECT_NE(other.error().detail.find("signing.keys: keys[0]"), std::string::npos);
}

TEST_F(Ring, ChangedOrCutAnywhereIsRefused) {
  ASSERT_TRUE(opened()->add(SigningKey::generate(Algorithm::eddsa), 7, 8));
  const std::string good = bytes_of(path_);
  for (size_t size = 0; size + 1 < good.size(); size += 5)
    EXPECT_NE(refusal(good.substr(0, size)), "accepted") << size;
  for (const char* value : {"added_at_ms\":7", "use_from_ms\":8", "kid\":\"", "sealed\":\"", "nonce\":\""}) {
    std::string changed = good;
    const size_t at = changed.find(value) + std::string_view(value).size();
    changed[at - (changed[at - 1] >= '7' && changed[at - 1] <= '8')] ^= 1;
    EXPECT_NE(refusal(changed), "accepted") << value;
  }
  EXPECT_EQ(refusal(good), "accepted");
}

TEST_F(Ring, ThatOthersCanReadIsRefused) {
  ASSERT_TRUE(opened()->add(SigningKey::generate(Algorithm::es256), 0, 0));
  std::filesystem::permissions(path_, std::filesystem::perms::group_read,
                               std::filesystem::perm_options::add);
  EXPECT_EQ(open().error().reason, "keys.file.permissions");
}

}  // namespace
}  // namespace watchword::keys
