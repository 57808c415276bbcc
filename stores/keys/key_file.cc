#include "stores/keys/key_file.h"

#include "stores/keys/file.h"

namespace watchword::keys {
namespace {

constexpr size_t kMasterBytes = 32;

crypto::Key256 derived(const crypto::Secret& master, std::string_view purpose) {
  return crypto::Key256(crypto::hkdf_sha256(master.view(), purpose));
}

// Somebody else may win the race to create it; theirs is then read like any other.
Result<> create(const std::filesystem::path& path, Entropy& entropy) {
  auto bytes = entropy.draw<kMasterBytes>();
  auto written = write_private_file(
      path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, IfThere::keep, entropy);
  crypto::cleanse(bytes.data(), bytes.size());
  if (!written && written.error().code == Errc::conflict) return {};
  return written;
}

}  // namespace

KeyFile::KeyFile(const crypto::Secret& master)
    : wrap_(derived(master, "watchword/1/vault")),
      ring_(derived(master, "watchword/1/signing-keys")),
      lookup_(derived(master, "watchword/1/lookup")),
      body_hmac_(derived(master, "watchword/1/body-hmac")) {}

Result<KeyFile> KeyFile::open(const std::filesystem::path& path, Entropy& entropy) {
  auto bytes = read_private_file(path, 4096);
  if (!bytes && bytes.error().code == Errc::not_found) {
    if (auto created = create(path, entropy); !created) return created.error();
    bytes = read_private_file(path, 4096);
  }
  if (!bytes) return bytes.error();
  if (bytes->size() != kMasterBytes)
    return Error{Errc::corrupt, "keys.key_file.size",
                 path.string() + " has " + std::to_string(bytes->size()) + " bytes, not 32"};
  return KeyFile(crypto::Secret::take(*bytes));
}

crypto::Digest KeyFile::lookup(std::string_view text) const {
  return crypto::hmac_sha256(lookup_.view(), text);
}

crypto::Digest KeyFile::body_hmac(std::string_view body) const {
  return crypto::hmac_sha256(body_hmac_.view(), body);
}

}  // namespace watchword::keys
