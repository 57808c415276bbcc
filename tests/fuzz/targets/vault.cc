// The files with keys in them: the vault, and the ring of signing keys. Input: a byte for the file,
// then changes to it: where, and what stands there instead.
#include "stores/keys/vault.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "stores/keys/key_ring.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

namespace fs = std::filesystem;

const crypto::Key256 kWrap{{1, 2, 3}};

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "watchword-fuzz-XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr, "a folder for the files");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

Id person(uint8_t number) {
  Id id;
  id.bytes = {number, 1, 2, 3, 4, 5, 0x80, 1};
  return id;
}

constexpr uint8_t kPeople = 6;

// Good files, and what was sealed by them. Person 2 and 4 were erased, and person 4 came back.
struct Good {
  Folder folder;
  std::string vault, ring;
  std::vector<v1::Sealed> sealed;
  std::vector<std::string> kids;
};

void fill_vault(Good& good) {
  auto vault = keys::Vault::open(good.folder / "vault", kWrap, system_entropy());
  require(vault.ok(), "a vault");
  for (uint8_t i = 0; i < kPeople; ++i)
    good.sealed.push_back(*(*vault)->seal(person(i), "text of " + std::to_string(i)));
  require((*vault)->erase(person(2)).ok() && (*vault)->erase(person(4)).ok(), "two erased");
  require((*vault)->seal(person(4), "new text").ok(), "one came back");
  good.vault = content_of(good.folder / "vault");
}

void fill_ring(Good& good) {
  auto ring = keys::KeyRing::open(good.folder / "ring", kWrap, system_entropy());
  require(ring.ok(), "a ring");
  for (const auto algorithm : {crypto::Algorithm::es256, crypto::Algorithm::eddsa}) {
    const auto added = (*ring)->add(crypto::SigningKey::generate(algorithm), 1000, 2000);
    require(added.ok(), "a key");
    good.kids.push_back((*added)->key.kid());
  }
  good.ring = content_of(good.folder / "ring");
}

Good& good() {
  static Good& made = *[] {
    static Good fresh;
    fill_vault(fresh);
    fill_ring(fresh);
    return &fresh;
  }();
  return made;
}

std::string changed(std::string bytes, Pieces pieces) {
  while (!pieces.empty() && !bytes.empty()) {
    const uint8_t what = pieces.byte();
    const size_t at = pieces.number(2) % bytes.size();
    const size_t piece = at / 128 * 128;
    if (what % 8 == 0)
      bytes.resize(at);
    else if (what % 8 == 1)
      bytes.replace(piece, 128, std::string(std::min<size_t>(128, bytes.size() - piece), '\0'));
    else if (what % 8 == 2)
      bytes.append(bytes.substr(piece, 128));
    else if (what % 8 == 3)
      bytes.replace(piece, 128, bytes.substr(pieces.byte() * size_t{128} % bytes.size(), 128));
    else
      bytes.replace(at, 1, pieces.take(1));
  }
  return bytes;
}

// Whatever stands in the file: a text comes out as it was sealed, or not at all.
void require_vault_honest(const keys::Vault& vault) {
  for (uint8_t i = 0; i < kPeople; ++i) {
    const auto opened = vault.open(person(i), good().sealed[i]);
    if (!opened || !*opened) continue;
    require(**opened == "text of " + std::to_string(i), "a text as it was sealed");
    require(i != 2, "what was erased stays erased");
    const auto other = vault.open(person(static_cast<uint8_t>(i + 1)), good().sealed[i]);
    require(!other || !*other, "and for nobody else");
  }
}

void take_vault(Pieces pieces) {
  const std::string bytes = changed(good().vault, pieces);
  const auto path = good().folder / "vault";
  write(path, bytes);
  size_t keys = 0;
  {
    const auto vault = keys::Vault::open(path, kWrap, system_entropy());
    if (!vault) {
      require(vault.error().code == Errc::corrupt || vault.error().code == Errc::denied,
              "a damaged vault is named");
      return;
    }
    require_vault_honest(**vault);
    keys = (*vault)->keys();
  }
  const auto again = keys::Vault::open(path, kWrap, system_entropy());
  require(again && (*again)->keys() == keys, "what opened once opens again");
}

void take_ring(Pieces pieces) {
  const auto path = good().folder / "ring";
  write(path, changed(good().ring, pieces));
  const auto ring = keys::KeyRing::open(path, kWrap, system_entropy());
  if (!ring) return require(ring.error().code == Errc::corrupt, "a damaged ring is named");
  for (const auto& held : (*ring)->all()) {
    const auto& kids = good().kids;
    require(std::find(kids.begin(), kids.end(), held->key.kid()) != kids.end(), "a key of ours");
    require(held->added_at_ms == 1000 && held->use_from_ms == 2000, "with its own times");
    require(held->verify_key.verify("text", held->key.sign("text")), "that signs");
  }
}

void run(std::string_view input) {
  Pieces pieces(input);
  if (pieces.byte() % 4 == 0)
    take_ring(pieces);
  else
    take_vault(pieces);
}

const Registered kTarget{{"vault", run, 256}};

}  // namespace
}  // namespace watchword::fuzz
