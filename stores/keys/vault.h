// One key for each person, so that dropping the key erases every text about that person for good, wherever copies of it lie,
// while the journal's bytes and proofs stay as they are (PROTOCOL.md section 6).
#pragma once
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>

#include "events/base/clock.h"
#include "events/base/ids.h"
#include "events/base/result.h"
#include "events/crypto/secret.h"
#include "schemas/envelope.pb.h"
#include "stores/keys/vault_load.h"

namespace watchword::keys {

// Keys live in one synced file, wrapped by `wrap`, and in memory, wrapped too. Every member may run on many threads.
class Vault {
 public:
  // Creates the file (0600) if it is absent; locks it against other processes. Errors: as load_vault and File::open.
  static Result<std::unique_ptr<Vault>> open(const std::filesystem::path& path,
                                             const crypto::Key256& wrap, Entropy& entropy);

  // AES-256-GCM under the principal's key, its id as additional data. About 2 µs where there is a key; else the key is made
  // and durable before this returns (one fdatasync, shared by all who wait at the time). After erase, a principal that comes
  // back gets a new key; what was sealed before stays erased. Errors: unavailable (disk full; may be tried again), io (the
  // vault makes no more keys until it is opened anew).
  Result<v1::Sealed> seal(const Id& principal, std::string_view plaintext);

  // Makes the keys that are missing, with one fdatasync for all of them. Errors: as seal.
  Result<> ensure(std::span<const Id> principals);

  // nullopt: erased, or never had a key. Errors: corrupt "vault.sealed" when the bytes are not what was sealed for this
  // principal.
  Result<std::optional<std::string>> open(const Id& principal, const v1::Sealed& sealed) const;

  // Durably drops the key and overwrites the place where it stood. False: there was none. Errors: io, unavailable; then ask
  // again, or open the vault anew, which ends what was begun.
  Result<bool> erase(const Id& principal);

  size_t keys() const;
  uint64_t syncs() const;  // fdatasync calls since open

 private:
  struct Batch;
  struct Turn;
  Vault(File file, const crypto::Key256& wrap, Entropy& entropy, Loaded loaded);

  std::optional<HeldKey> held(const Id& principal) const;
  Result<crypto::Key256> unwrapped(const Id& principal, const HeldKey& held) const;
  HeldKey fresh_key(const Id& principal, uint64_t number);
  std::shared_ptr<Batch> queue(const Id& principal);
  Result<> finish(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Batch>& batch);
  void write_open_batch(std::unique_lock<std::mutex>& lock);
  Result<> write(Batch& batch);
  Result<> append(std::string_view records);
  Result<> sync();
  Result<> drop(const Id& principal, const HeldKey& held);

  const crypto::Key256 wrap_;
  Entropy& entropy_;

  mutable std::shared_mutex rows_mutex_;  // guards rows_
  Loaded rows_;

  mutable std::mutex turn_mutex_;  // guards what follows, down to queued_
  std::condition_variable turn_over_;
  bool busy_ = false;  // one thread at a time writes; it owns file_, broken_ and next_
  std::shared_ptr<Batch> open_batch_;
  boost::unordered_flat_map<Id, std::shared_ptr<Batch>, IdHash> queued_;

  File file_;
  uint64_t next_;  // number of the next record
  std::optional<Error> broken_;
  std::atomic<uint64_t> syncs_{0};
};

}  // namespace watchword::keys
