// The master key: 32 random bytes in a file of its own, from which every other secret of an installation hangs.
#pragma once
#include <filesystem>

#include "events/base/clock.h"
#include "events/base/result.h"
#include "events/crypto/secret.h"

namespace watchword::keys {

// The keys derived from it (HKDF-SHA-256), one for each purpose; the master key itself is not kept. Immutable.
class KeyFile {
 public:
  // Reads the file; creates it (0600, durable, never over another) if it is absent. Whoever has the data but not this file
  // has lost every secret in it, so keep a copy elsewhere. Errors: denied "keys.file.permissions" and its like when others
  // can read it, corrupt "keys.key_file.size" when it is not 32 bytes, io.
  static Result<KeyFile> open(const std::filesystem::path& path, Entropy& entropy);

  const crypto::Key256& wrap_key() const { return wrap_; }            // Vault: wraps the key of each principal
  const crypto::Key256& ring_key() const { return ring_; }            // KeyRing: wraps signing keys
  const crypto::Key256& lookup_key() const { return lookup_; }        // HMAC of foreign subjects and names
  const crypto::Key256& body_hmac_key() const { return body_hmac_; }  // HMAC of bodies kept with idempotency keys

  // HMAC-SHA-256 of a foreign subject or a name: finds the same person again without telling who it is.
  crypto::Digest lookup(std::string_view text) const;
  crypto::Digest body_hmac(std::string_view body) const;

 private:
  explicit KeyFile(const crypto::Secret& master);

  crypto::Key256 wrap_, ring_, lookup_, body_hmac_;
};

}  // namespace watchword::keys
