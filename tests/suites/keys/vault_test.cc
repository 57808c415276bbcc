#include "stores/keys/vault.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "stores/keys/vault_record.h"
#include "tests/suites/keys/directory.h"

namespace watchword::keys {
namespace {

crypto::Key256 wrap_of(uint8_t byte) {
  crypto::Key256 key;
  key.bytes.fill(byte);
  return key;
}

Id person(uint8_t number, uint8_t group = 0) {
  Id id;
  id.bytes.fill(0x11);
  id.bytes[0] = group;
  id.bytes[15] = number;
  return id;
}

class VaultTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Vault>> open(uint8_t wrap = 1) {
    return Vault::open(path_, wrap_of(wrap), system_entropy());
  }
  std::unique_ptr<Vault> opened() {
    auto vault = open();
    EXPECT_TRUE(vault) << vault.error().reason << " " << vault.error().detail;
    return std::move(*vault);
  }
  std::unique_ptr<Vault> opened_on(const std::string& bytes) {
    write_bytes(path_, bytes);
    return opened();
  }
  std::string refusal(const std::string& bytes) {
    write_bytes(path_, bytes);
    const auto vault = open();
    return vault ? "accepted" : std::string(vault.error().reason) + ": " + vault.error().detail;
  }
  std::string bytes() const { return bytes_of(path_); }

  Directory directory_;
  std::filesystem::path path_ = directory_ / "people.vault";
};

v1::Sealed sealed(Vault& vault, const Id& id, std::string_view text) {
  auto result = vault.seal(id, text);
  EXPECT_TRUE(result) << result.error().detail;
  return std::move(*result);
}

// What one sees of it: the text, "(erased)" or the reason of the error.
std::string seen(const Vault& vault, const Id& id, const v1::Sealed& what) {
  const auto result = vault.open(id, what);
  if (!result) return std::string(result.error().reason);
  return result->value_or("(erased)");
}

TEST_F(VaultTest, OpensWhatItSealedAlsoAfterARestart) {
  auto vault = opened();
  const auto name = sealed(*vault, person(1), "alice@example.com");
  EXPECT_EQ(name.nonce().size(), 12u);
  EXPECT_EQ(name.ciphertext().find("alice"), std::string::npos);
  EXPECT_EQ(seen(*vault, person(1), name), "alice@example.com");
  vault.reset();
  EXPECT_EQ(seen(*opened(), person(1), name), "alice@example.com");
}

TEST_F(VaultTest, SealsTheSameTextDifferentlyEachTime) {
  auto vault = opened();
  const auto one = sealed(*vault, person(1), "alice"), two = sealed(*vault, person(1), "alice");
  EXPECT_NE(one.nonce(), two.nonce());
  EXPECT_NE(one.ciphertext(), two.ciphertext());
  EXPECT_EQ(seen(*vault, person(1), sealed(*vault, person(1), "")), "");
}

TEST_F(VaultTest, DoesNotOpenOnePersonsTextForAnother) {
  auto vault = opened();
  const auto name = sealed(*vault, person(1), "alice");
  sealed(*vault, person(2), "bob");
  EXPECT_EQ(seen(*vault, person(2), name), "vault.sealed");
  EXPECT_EQ(seen(*vault, person(3), name), "(erased)");
}

TEST_F(VaultTest, SaysThatSealedBytesWereChanged) {
  auto vault = opened();
  const auto name = sealed(*vault, person(1), "alice");
  for (size_t i = 0; i < name.ciphertext().size(); ++i) {
    v1::Sealed changed = name;
    (*changed.mutable_ciphertext())[i] ^= 1;
    EXPECT_EQ(seen(*vault, person(1), changed), "vault.sealed");
  }
  v1::Sealed shorter = name;
  shorter.set_nonce("x");
  EXPECT_EQ(seen(*vault, person(1), shorter), "vault.sealed");
  EXPECT_EQ(seen(*vault, person(1), v1::Sealed()), "vault.sealed");
}

TEST_F(VaultTest, HasMadeTheKeyDurableBeforeSealAnswers) {
  auto vault = opened();
  const auto name = sealed(*vault, person(1), "alice");
  const std::string at_that_moment = bytes();
  vault.reset();
  EXPECT_EQ(seen(*opened_on(at_that_moment), person(1), name), "alice");
}

TEST_F(VaultTest, SyncsOncePerNewPersonAndNeverForAKnownOne) {
  auto vault = opened();
  sealed(*vault, person(1), "alice");
  EXPECT_EQ(vault->syncs(), 1u);
  for (int i = 0; i < 100; ++i) sealed(*vault, person(1), "alice");
  EXPECT_EQ(vault->syncs(), 1u);
}

TEST_F(VaultTest, MakesManyKeysWithOneSync) {
  auto vault = opened();
  std::vector<Id> people;
  for (int i = 0; i < 500; ++i)
    people.push_back(person(static_cast<uint8_t>(i % 250), static_cast<uint8_t>(i / 250)));
  people.push_back(people.front());
  ASSERT_TRUE(vault->ensure(people));
  EXPECT_EQ(vault->syncs(), 1u);
  EXPECT_EQ(vault->keys(), 500u);
  ASSERT_TRUE(vault->ensure(people));
  EXPECT_EQ(vault->syncs(), 1u);
}

TEST_F(VaultTest, GivesOneKeyToAPersonWhomManyThreadsMeetAtOnce) {
  auto vault = opened();
  std::vector<std::vector<v1::Sealed>> names(8);
  std::vector<std::thread> threads;
  for (auto& mine : names)
    threads.emplace_back([&] {
      for (uint8_t i = 0; i < 30; ++i) mine.push_back(sealed(*vault, person(i), "alice"));
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(vault->keys(), 30u);
  EXPECT_LE(vault->syncs(), 30u);
  vault.reset();
  vault = opened();
  EXPECT_EQ(vault->keys(), 30u);
  for (const auto& mine : names)
    for (uint8_t i = 0; i < 30; ++i) EXPECT_EQ(seen(*vault, person(i), mine[i]), "alice");
}

TEST_F(VaultTest, SealsAndErasesOnManyThreadsAtOnce) {
  auto vault = opened();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (uint8_t i = 0; i < 40; ++i) {
        const Id id = person(i % 5);
        const bool done = t % 2 == 0 ? vault->seal(id, "alice").ok() : vault->erase(id).ok();
        EXPECT_TRUE(done);
      }
    });
  for (auto& thread : threads) thread.join();
  const size_t kept = vault->keys();
  vault.reset();
  EXPECT_EQ(opened()->keys(), kept);
}

TEST_F(VaultTest, ErasesForGood) {
  auto vault = opened();
  const auto alice = sealed(*vault, person(1), "alice"), bob = sealed(*vault, person(2), "bob");
  EXPECT_TRUE(vault->erase(person(1)).value());
  EXPECT_EQ(seen(*vault, person(1), alice), "(erased)");
  EXPECT_EQ(seen(*vault, person(2), bob), "bob");
  vault.reset();
  vault = opened();
  EXPECT_EQ(seen(*vault, person(1), alice), "(erased)");
  EXPECT_EQ(seen(*vault, person(2), bob), "bob");
}

TEST_F(VaultTest, LeavesNoByteOfAnErasedKeyInTheFile) {
  auto vault = opened();
  sealed(*vault, person(1), "alice");
  const std::string wrapped = bytes().substr(offset_of(0) + offsetof(Record, key), sizeof(WrappedKey));
  ASSERT_TRUE(vault->erase(person(1)));
  for (size_t i = 0; i + 8 <= wrapped.size(); i += 8)
    EXPECT_EQ(bytes().find(wrapped.substr(i, 8)), std::string::npos);
}

TEST_F(VaultTest, ErasingWhomItDoesNotKnowChangesNothing) {
  auto vault = opened();
  const std::string before = bytes();
  EXPECT_FALSE(vault->erase(person(1)).value());
  EXPECT_EQ(bytes(), before);
}

TEST_F(VaultTest, GivesAPersonWhoComesBackANewKeyThatOpensNothingOld) {
  auto vault = opened();
  const auto old = sealed(*vault, person(1), "alice");
  ASSERT_TRUE(vault->erase(person(1)));
  const auto fresh = sealed(*vault, person(1), "alice again");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(seen(*vault, person(1), old), "(erased)");
    EXPECT_EQ(seen(*vault, person(1), fresh), "alice again");
    vault.reset();
    vault = opened();
  }
}

TEST_F(VaultTest, LosesOnlyTheLastKeyWhenCutAtAnyByteOfIt) {
  auto vault = opened();
  const auto alice = sealed(*vault, person(1), "alice"), bob = sealed(*vault, person(2), "bob");
  vault.reset();
  const std::string whole = bytes();
  for (size_t size = offset_of(1); size < whole.size(); ++size) {
    for (const bool zeros_follow : {false, true}) {
      std::string torn = whole.substr(0, size);
      if (zeros_follow) torn.resize(whole.size() + 3 * kPieceBytes, '\0');
      vault = opened_on(torn);
      ASSERT_EQ(seen(*vault, person(1), alice), "alice") << size;
      ASSERT_EQ(seen(*vault, person(2), bob), "(erased)") << size;
      const auto again = sealed(*vault, person(2), "bob");
      vault.reset();
      ASSERT_EQ(seen(*opened(), person(2), again), "bob") << size;
    }
  }
}

TEST_F(VaultTest, CutsABatchWhoseFirstRecordNeverCameThoughALaterOneDid) {
  auto vault = opened();
  const auto alice = sealed(*vault, person(1), "alice");
  ASSERT_TRUE(vault->ensure(std::vector{person(2), person(3), person(4)}));
  vault.reset();
  std::string torn = bytes();
  torn.replace(offset_of(2), kPieceBytes, kPieceBytes, '\0');
  vault = opened_on(torn);
  EXPECT_EQ(vault->keys(), 2u);
  EXPECT_EQ(seen(*vault, person(1), alice), "alice");
  EXPECT_EQ(bytes().size(), offset_of(2));
}

TEST_F(VaultTest, NamesAFlippedBitInAnyByteOfARecordAlsoOfTheLast) {
  auto vault = opened();
  sealed(*vault, person(1), "alice");
  sealed(*vault, person(2), "bob");
  vault.reset();
  const std::string whole = bytes();
  for (size_t i = offset_of(0); i < whole.size(); ++i) {
    std::string flipped = whole;
    flipped[i] ^= static_cast<char>(1 << i % 8);
    const uint64_t number = i / kPieceBytes - 1;
    ASSERT_EQ(refusal(flipped), "vault.record: " + path_.string() + ": record " +
                                    std::to_string(number) + " at byte " +
                                    std::to_string(offset_of(number)) +
                                    (number == 0 ? " is damaged, and it was durable" : " is damaged"));
  }
  EXPECT_EQ(refusal(whole), "accepted");
}

TEST_F(VaultTest, RefusesAHoleBeforeWhatWasDurable) {
  auto vault = opened();
  sealed(*vault, person(1), "alice");
  sealed(*vault, person(2), "bob");
  vault.reset();
  std::string holed = bytes();
  holed.replace(offset_of(0), kPieceBytes, kPieceBytes, '\0');
  EXPECT_EQ(refusal(holed).substr(0, 12), "vault.record");
}

TEST_F(VaultTest, RefusesRecordsInAnotherOrder) {
  auto vault = opened();
  sealed(*vault, person(1), "alice");
  sealed(*vault, person(2), "bob");
  vault.reset();
  const std::string whole = bytes();
  const std::string first = whole.substr(offset_of(0), kPieceBytes);
  EXPECT_EQ(refusal(whole + first).substr(0, 12), "vault.record");
}

TEST_F(VaultTest, DoesNotTakeTheKeyOfOnePersonForAnothers) {
  auto vault = opened();
  const auto name = sealed(*vault, person(1), "alice");
  sealed(*vault, person(2), "bob");
  vault.reset();
  std::string forged = bytes();
  Record first, second;
  const auto piece = [&](size_t number) {
    return std::string_view(forged).substr((1 + number) * kPieceBytes, kPieceBytes);
  };
  ASSERT_EQ(read_record(piece(0), 0, first), Reading::whole);
  ASSERT_EQ(read_record(piece(1), 1, second), Reading::whole);
  std::swap(first.key, second.key);
  forged.replace(kPieceBytes, 2 * kPieceBytes, record_bytes(first) + record_bytes(second));
  EXPECT_EQ(seen(*opened_on(forged), person(1), name), "vault.wrapped");
}

TEST_F(VaultTest, RefusesADamagedHeaderAnotherMasterKeyAndAnEmptyFile) {
  auto vault = opened();
  sealed(*vault, person(1), "alice");
  vault.reset();
  const std::string whole = bytes();
  for (size_t i = 0; i < kPieceBytes; ++i) {
    std::string flipped = whole;
    flipped[i] ^= 4;
    ASSERT_EQ(refusal(flipped).substr(0, 12), "vault.header");
  }
  EXPECT_NE(refusal(""), "accepted");
  write_bytes(path_, whole);
  EXPECT_EQ(open(2).error().reason, "vault.other_key");
  EXPECT_EQ(open(2).error().code, Errc::denied);
}

TEST_F(VaultTest, FinishesAnErasureThatACrashInterrupted) {
  auto vault = opened();
  const auto alice = sealed(*vault, person(1), "alice"), bob = sealed(*vault, person(2), "bob");
  const std::string before = bytes();
  ASSERT_TRUE(vault->erase(person(1)));
  vault.reset();
  const std::string after = bytes();
  std::string halfway = after;  // the erasure is recorded, the key stands there still
  halfway.replace(offset_of(0), kPieceBytes, before, offset_of(0), kPieceBytes);
  std::string torn = halfway;  // or what stands there is neither
  torn.replace(offset_of(0) + 40, 50, 50, 'x');
  for (const std::string& crashed : {halfway, torn}) {
    vault = opened_on(crashed);
    EXPECT_EQ(seen(*vault, person(1), alice), "(erased)");
    EXPECT_EQ(seen(*vault, person(2), bob), "bob");
    vault.reset();
    EXPECT_EQ(bytes(), after);
  }
}

TEST_F(VaultTest, KeepsAKeyWhoseErasureWasTornBeforeItWasDurable) {
  auto vault = opened();
  const auto alice = sealed(*vault, person(1), "alice");
  const std::string before = bytes();
  ASSERT_TRUE(vault->erase(person(1)));
  const std::string record = bytes().substr(before.size());
  vault.reset();
  for (size_t size = 0; size < record.size(); ++size) {
    vault = opened_on(before + record.substr(0, size));
    ASSERT_EQ(seen(*vault, person(1), alice), "alice") << size;
    vault.reset();
  }
}

TEST_F(VaultTest, ThatOthersCanReadIsRefused) {
  opened().reset();
  std::filesystem::permissions(path_, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_EQ(open().error().reason, "keys.file.permissions");
}

TEST_F(VaultTest, IsOpenInOnePlaceOnly) {
  const auto vault = opened();
  EXPECT_EQ(open().error().reason, "keys.file.in_use");
}

TEST_F(VaultTest, GoesOnAfterAWriteThatDidNotFit) {
  auto vault = opened();
  const auto alice = sealed(*vault, person(1), "alice");
  rlimit usual;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &usual), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit narrow{offset_of(1) + 50, usual.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &narrow), 0);
  const auto failed = vault->seal(person(2), "bob");
  const auto known = vault->seal(person(1), "alice");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &usual), 0);
  EXPECT_FALSE(failed);
  EXPECT_TRUE(known);
  const auto bob = sealed(*vault, person(2), "bob");
  vault.reset();
  vault = opened();
  EXPECT_EQ(seen(*vault, person(1), alice), "alice");
  EXPECT_EQ(seen(*vault, person(2), bob), "bob");
}

}  // namespace
}  // namespace watchword::keys
