// The keys that our own tokens are signed with. Their private halves never leave this file and memory; the public halves
// are a fact in the journal (SigningKeyAdded), which the caller writes.
#pragma once
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/clock.h"
#include "events/base/result.h"
#include "events/crypto/keys.h"

namespace watchword::keys {

struct RingKey {
  crypto::SigningKey key;
  crypto::VerifyKey verify_key;
  int64_t added_at_ms = 0;
  int64_t use_from_ms = 0;  // published until then, so that every verifier has it before the first token comes
};

// One file, 0600, replaced as a whole: JSON in which each private half (PKCS #8) is sealed by AES-256-GCM under `wrap`, with
// everything else that the file says of it as additional data. All members may run on many threads; what they hand out is
// immutable and lives on after `remove`.
class KeyRing {
 public:
  using Held = std::shared_ptr<const RingKey>;

  // An absent file is an empty ring. Errors: corrupt "key_ring.*" (names the file and the entry), denied when others can
  // read the file, io.
  static Result<std::unique_ptr<KeyRing>> open(const std::filesystem::path& path,
                                               const crypto::Key256& wrap, Entropy& entropy);

  // The key to sign with at `now_ms`: of those already in use the one with the latest use_from_ms; null: none.
  Held current(crypto::Algorithm algorithm, int64_t now_ms) const;
  // Null: unknown.
  Held by_kid(std::string_view kid) const;
  // In the order of their adding.
  std::vector<Held> all() const;
  // RFC 7517 section 5: what /.well-known/jwks.json answers.
  std::string public_jwks() const;

  // Durable when these return. Errors: conflict "key_ring.known" for a key that is there; not_found "key_ring.unknown"; io,
  // unavailable (the ring is then as before).
  Result<Held> add(crypto::SigningKey key, int64_t added_at_ms, int64_t use_from_ms);
  Result<> remove(std::string_view kid);

 private:
  KeyRing(std::filesystem::path path, const crypto::Key256& wrap, Entropy& entropy,
          std::vector<Held> keys);
  Result<> store(std::vector<Held> keys);

  const std::filesystem::path path_;
  const crypto::Key256 wrap_;
  Entropy& entropy_;
  std::mutex change_mutex_;  // one change at a time, held while the disk works
  mutable std::mutex keys_mutex_;
  std::vector<Held> keys_;
};

}  // namespace watchword::keys
