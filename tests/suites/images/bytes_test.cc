// One bit flipped in every byte of a small store, a byte at a time: found by the start or by
// verify, or without any effect.
#include <gtest/gtest.h>

#include <fstream>

#include "replay/manifest.h"
#include "stores/journal/catalog.h"
#include "stores/journal/record.h"
#include "stores/keys/key_file.h"
#include "stores/keys/key_ring.h"
#include "stores/keys/vault.h"
#include "stores/views/principal_index.h"
#include "tests/suites/images/rows_kit.h"
#include "tests/suites/images/tally.h"
#include "tests/suites/images/writer.h"
#include "tests/suites/keys/directory.h"

namespace watchword::images {
namespace {

using journal::FaultDisk;
using runtime::testing::principal;

std::mt19937_64& chance() {
  static std::mt19937_64 random(from_environment("WATCHWORD_SEED", 1));
  return random;
}
// WATCHWORD_BIT: always that one.
char one_bit() {
  return static_cast<char>(1u << from_environment("WATCHWORD_BIT", chance()() % 8));
}

// Flips one bit of a real file for as long as it lives.
class Flipped {
 public:
  Flipped(std::filesystem::path path, const std::string& content, uint64_t at)
      : path_(std::move(path)), content_(content) {
    std::string changed = content;
    changed[at] ^= one_bit();
    keys::write_bytes(path_, changed);
  }
  ~Flipped() { keys::write_bytes(path_, content_); }
  Flipped(const Flipped&) = delete;

 private:
  const std::filesystem::path path_;
  const std::string content_;
};

// Two segments. Of the two long frames and of free space one sector in four is looked at, of the
// rest every byte.
TEST(EveryByte, OfTheJournalIsRefusedByNameAtTheStart) {
  Tally tally("bytes of the journal");
  FaultDisk disk;
  std::vector<journal::Kept> written;
  Turns turns;
  auto options = options_on(disk, turns);
  options.segment_bytes = 512 * 1024;
  options.reserve_bytes = 0;
  options.zero_fill = false;
  {
    auto journal = journal::open_segments(options);
    ASSERT_TRUE(journal);
    uint64_t seq = (*journal)->claim("node", journal::kIncarnation, 1)->seq;
    for (const size_t bytes : {10u, 300u, 420u, 262'000u, 262'000u, 20u, 500u, 40u}) {
      (*journal)->append(journal::frame_of(1, ++seq, bytes),
                         [](Result<uint64_t> done) { ASSERT_TRUE(done); });
      turns.run();
    }
    written = journal::everything(**journal);
  }
  ASSERT_EQ(written.size(), 9u);
  for (const uint32_t number : {1u, 2u}) {
    const std::string path = "j/0/" + journal::segment_name(number);
    const std::string content = disk.content(path);
    const size_t used = content.find_last_not_of('\0') + 1;
    ASSERT_GT(used, 262'000u);
    for (size_t at = 0; at < content.size(); ++at) {
      const size_t sector = at / 512;
      const bool is_dense =
          content[sector * 512] == journal::kFirstMark || sector * 512 + 2'048 > used;
      if (at >= (used + 511) / 512 * 512 + 512 || !is_dense)
        at = sector % 4 == 0 ? sector * 512 + chance()() % 512 : (sector + 1) * 512;
      if (at >= content.size()) break;
      const auto damaged = disk.clone();
      damaged->change(path, [at](std::string& bytes) { bytes[at] ^= one_bit(); });
      tally.add(at < used ? "in records" : "behind the end");
      options.disk = damaged.get();
      const auto opened = journal::open_segments(options);
      ASSERT_FALSE(opened.ok()) << path << " at " << at;
      ASSERT_EQ(opened.error().code, Errc::corrupt);
      ASSERT_NE(opened.error().detail.find(".segment at byte "), std::string::npos)
          << opened.error().detail;
      tally.note("found by the start");
      if (at >= used || !is_dense) at = (at / 512 + 1) * 512 - 1;
    }
  }
}

TEST(EveryByte, OfTheKeysIsRefusedByNameAtTheStart) {
  Tally tally("bytes of the keys");
  const keys::Directory folder;
  const auto master = folder / "master.key", vault = folder / "vault",
             ring = folder / "signing.ring";
  Entropy& entropy = system_entropy();
  std::vector<std::pair<Id, v1::Sealed>> sealed;
  std::string jwks;
  {
    const auto file = keys::KeyFile::open(master, entropy);
    auto opened = keys::Vault::open(vault, file->wrap_key(), entropy);
    for (uint8_t i = 0; i < 4; ++i)
      sealed.emplace_back(principal(i), *(*opened)->seal(principal(i), "alice@example.com"));
    ASSERT_TRUE((*opened)->erase(principal(3)));
    const auto rings = keys::KeyRing::open(ring, file->ring_key(), entropy);
    for (const int64_t at : {1, 2})
      ASSERT_TRUE((*rings)->add(crypto::SigningKey::generate(crypto::Algorithm::es256), at, at));
    jwks = (*rings)->public_jwks();
  }
  // True: all opens and answers as before. False: refused, naming a file.
  const auto is_whole = [&]() -> bool {
    const auto refused = [&](const Error& error) {
      EXPECT_NE(error.detail.find(folder / ""), std::string::npos) << error.detail;
      return false;
    };
    const auto file = keys::KeyFile::open(master, entropy);
    if (!file) return refused(file.error());
    const auto opened = keys::Vault::open(vault, file->wrap_key(), entropy);
    if (!opened) return refused(opened.error());
    const auto rings = keys::KeyRing::open(ring, file->ring_key(), entropy);
    if (!rings) return refused(rings.error());
    EXPECT_EQ((*rings)->public_jwks(), jwks);
    for (const auto& [id, text] : sealed) {
      const auto plain = (*opened)->open(id, text);
      EXPECT_TRUE(plain) << plain.error().detail;
      EXPECT_EQ(plain->has_value(), id != principal(3));
    }
    return true;
  };
  ASSERT_TRUE(is_whole());
  for (const auto& path : {master, vault, ring}) {
    const std::string content = keys::bytes_of(path);
    for (size_t at = 0; at < content.size() && !::testing::Test::HasFailure(); ++at) {
      const Flipped flipped(path, content, at);
      tally.add(path.filename().string());
      tally.note(is_whole() ? "without effect" : "found by the start");
    }
  }
  EXPECT_GT(tally.of("found by the start"), tally.total() * 9 / 10);
}

// A file of the principal index answers as before or not at all, and is made again.
TEST(EveryByte, OfTheIndexIsFoundBeforeAQueryBelievesIt) {
  Tally tally("bytes of the index");
  const keys::Directory folder;
  const std::string path = folder / "";
  constexpr uint64_t kFrames = 60;
  const auto add_all = [&](views::PrincipalIndex& index) {
    for (uint64_t seq = 1; seq <= kFrames; ++seq)
      index.add(seq, {IdHash{}(principal(static_cast<uint8_t>(seq % 7))), IdHash{}(principal(9))});
  };
  std::vector<uint64_t> before[10];
  {
    auto index = views::PrincipalIndex::open(path, 20);
    add_all(**index);
    ASSERT_TRUE((*index)->close_full_range());
    ASSERT_EQ((*index)->indexed_to(), kFrames);
    for (uint8_t i = 0; i < 10; ++i)
      before[i] = *(*index)->frames_of(principal(i), 1, kFrames, kFrames);
    ASSERT_EQ(before[9].size(), kFrames);
  }
  const std::string file = std::filesystem::directory_iterator(path)->path();
  const std::string content = keys::bytes_of(file);
  for (size_t at = 0; at < content.size(); ++at) {
    const Flipped flipped(file, content, at);
    tally.add("flipped");
    const auto verified = views::PrincipalIndex::verify(path);
    ASSERT_FALSE(verified.ok()) << at;
    ASSERT_NE(verified.error().detail.find(file + " at byte "), std::string::npos);
    tally.note("found by verify");
    auto index = views::PrincipalIndex::open(path, 20);
    ASSERT_TRUE(index) << index.error().detail;
    if ((*index)->indexed_to() == 0) tally.note("found by the start");
    add_all(**index);
    bool refused = false;
    for (uint8_t i = 0; i < 10; ++i) {
      const auto frames = (*index)->frames_of(principal(i), 1, kFrames, kFrames);
      if (frames)
        ASSERT_EQ(*frames, before[i]) << "believed the byte " << at;
      else
        refused = true;
    }
    if (refused) tally.note("found by a query");
    auto again = views::PrincipalIndex::open(path, 20);
    ASSERT_EQ((*again)->indexed_to(), 0u) << "kept a damaged file";
  }
}

class EveryByteOfTheRows : public ::testing::Test {
 protected:
  void SetUp() override {
    OpenRows rows(disk_);
    ASSERT_TRUE(rows.database);
    Partition partition(log_, clock_, rows.database.get());
    send(partition, runtime::testing::registering(principal(1)));
    for (int i = 0; i < 2; ++i) {
      observe(partition,
              {{"e" + std::to_string(i), principal(1), clock_.wall},
               {"f" + std::to_string(i), principal(static_cast<uint8_t>(2 + i)), clock_.wall}});
      partition.settle();
      partition.task->checkpoint_soon();
      partition.settle();
      newest_ = rows.database->stamp()->seq;
      expected_[newest_] = *stored_rows(*rows.database);
    }
  }

  // Where the damage was found; "" if it has no effect at all. Rows that are read must be those of
  // their stamp.
  std::string found_by(FaultDisk& disk) {
    OpenRows rows(disk);
    if (!rows.database) {
      EXPECT_EQ(rows.error->code, Errc::corrupt)
          << "not put aside and made again: " << rows.error->detail;
      return "found by the start";
    }
    const auto stamp = rows.database->stamp();
    if (!stamp) return "found by the start";
    const auto stored = stored_rows(*rows.database);
    const bool is_of_stamp =
        stored && expected_.contains(stamp->seq) && *stored == expected_[stamp->seq];
    EXPECT_TRUE(!stored || is_of_stamp) << "served what is damaged, at " << stamp->seq;
    if (!stored) return "found by reading";
    if (!rows.database->verify()) return "found by verify";
    return stamp->seq == newest_ ? "" : "an older checkpoint";
  }

  ManualClock clock_;
  std::shared_ptr<journal::MemoryLog> log_ = journal::make_memory_log(0);
  FaultDisk disk_;
  uint64_t newest_ = 0;
  std::map<uint64_t, std::string> expected_{{0, ""}};  // by stamp
};

TEST_F(EveryByteOfTheRows, IsFoundOrWithoutEffectAndNeverServed) {
  Tally tally("bytes of the rows");
  const keys::Directory folder;  // where verify reads MANIFEST and CURRENT
  for (const auto& path : disk_.paths())
    keys::write_bytes(folder / path.substr(kRows.size() + 1).c_str(), disk_.content(path));
  ASSERT_TRUE(replay::check_manifest(folder / "").ok());
  for (const auto& path : disk_.paths()) {
    const std::string name = path.substr(kRows.size() + 1), content = disk_.content(path);
    const bool is_table = name.ends_with(".sst");
    const bool is_manifest = name.starts_with("MANIFEST") || name == "CURRENT";
    const std::string kind = is_table      ? "in tables"
                             : is_manifest ? "in MANIFEST and CURRENT"
                                           : "in OPTIONS and IDENTITY";
    const size_t step = is_table || is_manifest ? 1 : 8;
    for (size_t at = 0; at < content.size() && !HasFailure(); at += step) {
      const auto damaged = disk_.clone();
      damaged->change(path, [&](std::string& bytes) { bytes[at] ^= one_bit(); });
      const std::string changed = damaged->content(path);
      tally.add(kind);
      std::string found = found_by(*damaged);
      if (is_manifest) {
        keys::write_bytes(folder / name.c_str(), changed);
        const bool is_named = !replay::check_manifest(folder / "").ok();
        keys::write_bytes(folder / name.c_str(), content);
        if (is_named && found != "found by the start") found = "found by verify";
      }
      tally.note(found.empty() ? "without effect" : found);
      EXPECT_TRUE(!found.empty() || (!is_table && !is_manifest)) << "nobody notices";
      EXPECT_FALSE(HasFailure()) << name << " at " << at;
    }
  }
}

// The bit is the highest of the properties' number of restarts; its place follows from the layout
// of a table.
TEST_F(EveryByteOfTheRows, ABitThatWouldEndTheProcessInsideRocksDbIsFoundAndNamedBefore) {
  size_t tables = 0;
  for (const auto& path : disk_.paths()) {
    if (!path.ends_with(".sst")) continue;
    ++tables;
    const std::string content = disk_.content(path);
    size_t named = 0;
    for (size_t at = content.size() - 400; at < content.size(); ++at) {
      const auto damaged = disk_.clone();
      damaged->change(path, [&](std::string& bytes) { bytes[at] ^= static_cast<char>(0x80); });
      OpenRows rows(*damaged);
      if (rows.error && rows.error->detail.starts_with(path + " at byte ")) ++named;
    }
    EXPECT_EQ(named, 1u) << path;
  }
  EXPECT_GT(tables, 0u);
}

}  // namespace
}  // namespace watchword::images
