#include "stores/keys/key_file.h"

#include <gtest/gtest.h>

#include "stores/keys/file.h"
#include "tests/suites/keys/directory.h"

namespace watchword::keys {
namespace {

using std::filesystem::perms;

TEST(KeyFile, IsCreatedForUsAloneAndReadTheSameAgain) {
  const Directory directory;
  const auto first = KeyFile::open(directory / "master.key", system_entropy());
  ASSERT_TRUE(first);
  EXPECT_EQ(std::filesystem::status(directory / "master.key").permissions(),
            perms::owner_read | perms::owner_write);
  EXPECT_EQ(std::filesystem::file_size(directory / "master.key"), 32u);
  EXPECT_EQ(directory.files(), 1u);
  const auto second = KeyFile::open(directory / "master.key", system_entropy());
  ASSERT_TRUE(second);
  EXPECT_EQ(first->wrap_key().bytes, second->wrap_key().bytes);
  EXPECT_EQ(first->lookup("alice"), second->lookup("alice"));
}

TEST(KeyFile, WhatCrashesLeftBesideItIsRemovedAndNothingElse) {
  const Directory directory;
  ASSERT_TRUE(KeyFile::open(directory / "master.key", system_entropy()));
  const std::string key = bytes_of(directory / "master.key");
  std::filesystem::create_hard_link(directory / "master.key", directory / "master.key.new-0123456789abcdef");
  std::ofstream(directory / "signing.ring.new-fedcba9876543210") << "half of one";
  std::ofstream(directory / "vault") << "a vault";
  remove_unfinished(directory / "");
  EXPECT_EQ(directory.files(), 2u);
  EXPECT_EQ(bytes_of(directory / "master.key"), key);
  EXPECT_EQ(bytes_of(directory / "vault"), "a vault");
  remove_unfinished(directory / "absent");
}

TEST(KeyFile, GivesEachPurposeAKeyOfItsOwn) {
  const Directory directory;
  const auto keys = KeyFile::open(directory / "master.key", system_entropy());
  ASSERT_TRUE(keys);
  const std::string master = bytes_of(directory / "master.key");
  const std::vector<std::string> all{master, std::string(keys->wrap_key().view()),
                                     std::string(keys->ring_key().view()),
                                     std::string(keys->lookup_key().view()),
                                     std::string(keys->body_hmac_key().view())};
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_NE(all[i], all[j]);
  EXPECT_NE(keys->lookup("alice"), keys->body_hmac("alice"));
  EXPECT_NE(keys->lookup("alice"), keys->lookup("bob"));
}

TEST(KeyFile, OfAnotherInstallationFindsNothing) {
  const Directory directory;
  const auto one = KeyFile::open(directory / "one.key", system_entropy());
  const auto other = KeyFile::open(directory / "other.key", system_entropy());
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->lookup("alice"), other->lookup("alice"));
}

TEST(KeyFile, ThatOthersCanReadIsRefusedWithASentence) {
  const Directory directory;
  write_bytes(directory / "master.key", std::string(32, 'k'));
  for (const perms loose : {perms::group_read, perms::others_read, perms::group_write}) {
    std::filesystem::permissions(directory / "master.key", perms::owner_read | loose);
    const auto opened = KeyFile::open(directory / "master.key", system_entropy());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().reason, "keys.file.permissions");
    EXPECT_NE(opened.error().detail.find("chmod 600"), std::string::npos);
  }
  std::filesystem::permissions(directory / "master.key", perms::owner_read);
  EXPECT_TRUE(KeyFile::open(directory / "master.key", system_entropy()));
}

TEST(KeyFile, OfAnotherLengthIsRefusedAndLeftAlone) {
  const Directory directory;
  for (const size_t size : {0, 31, 33, 64}) {
    write_bytes(directory / "master.key", std::string(size, 'k'));
    const auto opened = KeyFile::open(directory / "master.key", system_entropy());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().reason, "keys.key_file.size");
    EXPECT_EQ(bytes_of(directory / "master.key").size(), size);
  }
}

TEST(KeyFile, ThatIsADirectoryOrInNoDirectoryIsRefused) {
  const Directory directory;
  std::filesystem::create_directory(directory / "folder");
  EXPECT_FALSE(KeyFile::open(directory / "folder", system_entropy()));
  EXPECT_FALSE(KeyFile::open(directory / "absent/master.key", system_entropy()));
}

}  // namespace
}  // namespace watchword::keys
