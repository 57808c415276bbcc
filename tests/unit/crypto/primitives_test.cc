#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "events/crypto/aead.h"
#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"
#include "events/crypto/secret.h"

namespace watchword::crypto {
namespace {

std::string bytes_of(std::string_view digits) { return from_hex(digits).value(); }
std::string hex_of(const Digest& digest) { return hex(view(digest)); }

Key256 key_of(std::string_view digits) {
  Key256 key;
  const std::string bytes = bytes_of(digits);
  std::copy(bytes.begin(), bytes.end(), key.bytes.begin());
  return key;
}

TEST(Sha256, GivesTheDigestsOfFips180) {
  EXPECT_EQ(hex_of(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of(sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, GivesTheSameDigestInPiecesAsAtOnce) {
  Sha256 pieces;
  pieces.update("a");
  pieces.update("");
  pieces.update("bc");
  EXPECT_EQ(pieces.finish(), sha256("abc"));
  pieces.update("abc");
  EXPECT_EQ(pieces.finish(), sha256("abc"));
  EXPECT_EQ(sha256("ab", "c"), sha256("abc"));
}

TEST(Sha256, MayRunOnManyThreads) {
  std::vector<std::thread> threads;
  std::vector<Digest> last(4);
  for (size_t i = 0; i < last.size(); ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 1000; ++round) last[i] = sha256("abc");
    });
  for (auto& thread : threads) thread.join();
  for (const Digest& digest : last) EXPECT_EQ(digest, sha256("abc"));
}

TEST(Hmac, GivesTheTagsOfRfc4231) {
  EXPECT_EQ(hex_of(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex_of(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex_of(hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd'))),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hex_of(hmac_sha256(std::string(131, '\xaa'),
                               "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, DoesNotTakeAnEmptyKeyForTheKeyOfLastTime) {
  const std::string empty_key_of_nothing =
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
  (void)hmac_sha256("Jefe", "x");
  EXPECT_EQ(hex_of(hmac_sha256(std::string_view(), "")), empty_key_of_nothing);
}

TEST(Hkdf, GivesTheKeysOfRfc5869) {
  EXPECT_EQ(hex_of(hkdf_sha256(std::string(22, '\x0b'), bytes_of("f0f1f2f3f4f5f6f7f8f9"),
                               bytes_of("000102030405060708090a0b0c"))),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
  EXPECT_EQ(hex_of(hkdf_sha256(std::string(22, '\x0b'), "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(AesGcm, SealsAsNistDoes) {
  const Key256 key = key_of("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  Nonce nonce;
  const std::string nonce_bytes = bytes_of("cafebabefacedbaddecaf888");
  std::copy(nonce_bytes.begin(), nonce_bytes.end(), nonce.begin());
  const std::string plaintext = bytes_of(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  const std::string additional = bytes_of("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const std::string sealed = aes_gcm_seal(key, nonce, additional, plaintext);
  EXPECT_EQ(hex(sealed),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(aes_gcm_open(key, nonce_bytes, additional, sealed), plaintext);
}

TEST(AesGcm, SealsNothingIntoATagAsNistDoes) {
  EXPECT_EQ(hex(aes_gcm_seal(Key256{}, Nonce{}, "", "")), "530f8afbc74536b9a963b4f1c4cb738b");
}

TEST(AesGcm, DoesNotOpenWhatWasChangedAnywhere) {
  const Key256 key = key_of(std::string(64, '5'));
  const std::string nonce(12, '\0');
  const std::string sealed = aes_gcm_seal(key, Nonce{}, "id", "alice@example.com");
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] ^= 1;
    EXPECT_FALSE(aes_gcm_open(key, nonce, "id", changed)) << i;
  }
  EXPECT_FALSE(aes_gcm_open(key, nonce, "ie", sealed));
  EXPECT_FALSE(aes_gcm_open(Key256{}, nonce, "id", sealed));
  EXPECT_FALSE(aes_gcm_open(key, nonce.substr(1), "id", sealed));
  EXPECT_FALSE(aes_gcm_open(key, nonce, "id", sealed.substr(0, 15)));
  EXPECT_TRUE(aes_gcm_open(key, nonce, "id", sealed));
}

TEST(Base64Url, GivesTheTextOfRfc7515AppendixC) {
  EXPECT_EQ(base64url("\x03\xec\xff\xe0\xc1"), "A-z_4ME");
  for (const char* bytes : {"", "f", "fo", "foo", "foob"})
    EXPECT_EQ(from_base64url(base64url(bytes)), bytes);
}

TEST(Base64Url, TakesTheCanonicalFormOnly) {
  EXPECT_EQ(from_base64url("Zg"), "f");
  for (const char* text : {"Zh", "Zg==", "Z", "Zm9=", "Zm9v\n", " Zm9v", "Zm+v", "Zm/v", "Zm9vZ",
                           "Zm9vYb"})
    EXPECT_FALSE(from_base64url(text)) << text;
}

TEST(Hex, ReadsBothCasesAndNothingElse) {
  EXPECT_EQ(hex("\x01\xaf"), "01af");
  EXPECT_EQ(from_hex("01aF"), std::string("\x01\xaf"));
  for (const char* text : {"0", "0g", "0x01", " 1"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(EqualConstantTime, ComparesAllBytes) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
}

TEST(Secret, LeavesNothingWhereItWasTakenFrom) {
  std::string text = "sk_0123";
  const char* stood = text.data();
  const Secret secret = Secret::take(text);
  EXPECT_EQ(secret.view(), "sk_0123");
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(std::string(stood, 7), std::string(7, '\0'));
}

TEST(Secret, IsMovedAndComparedByItsBytes) {
  Secret first("abc");
  const Secret second = std::move(first);
  EXPECT_EQ(second, Secret("abc"));
  EXPECT_EQ(second.copy(), second);
  first = Secret("other");
  EXPECT_FALSE(first == second);
}

}  // namespace
}  // namespace watchword::crypto
