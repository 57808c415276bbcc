#include "stores/keys/vault.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "events/base/crash_point.h"
#include "events/crypto/aead.h"

namespace watchword::keys {

// Keys that one fdatasync makes durable.
struct Vault::Batch {
  std::vector<Id> principals;
  bool done = false;
  Result<> result;
};

// The right to write, held without the mutex while the disk works.
struct Vault::Turn {
  Turn(Vault& of, std::unique_lock<std::mutex>& held) : vault(of), lock(held) {
    vault.turn_over_.wait(lock, [&] { return !vault.busy_; });
    vault.busy_ = true;
    lock.unlock();
  }
  ~Turn() {
    if (!lock.owns_lock()) lock.lock();
    vault.busy_ = false;
    vault.turn_over_.notify_all();
  }
  Vault& vault;
  std::unique_lock<std::mutex>& lock;
};

Vault::Vault(File file, const crypto::Key256& wrap, Entropy& entropy, Loaded loaded)
    : wrap_(wrap),
      entropy_(entropy),
      rows_(std::move(loaded)),
      open_batch_(std::make_shared<Batch>()),
      file_(std::move(file)),
      next_(rows_.records) {}

Result<std::unique_ptr<Vault>> Vault::open(const std::filesystem::path& path,
                                           const crypto::Key256& wrap, Entropy& entropy) {
  auto file = File::open(path, File::Mode::update);
  if (!file && file.error().code == Errc::not_found) {
    auto made = write_private_file(path, header_bytes(wrap), IfThere::keep, entropy);
    if (!made && made.error().code != Errc::conflict) return made.error();
    file = File::open(path, File::Mode::update);
  }
  if (!file) return file.error();
  if (auto locked = file->lock_exclusive(); !locked) return locked.error();
  auto loaded = load_vault(*file, wrap);
  if (!loaded) return loaded.error();
  return std::unique_ptr<Vault>(
      new Vault(std::move(*file), wrap, entropy, std::move(*loaded)));
}

std::optional<HeldKey> Vault::held(const Id& principal) const {
  const std::shared_lock lock(rows_mutex_);
  const auto found = rows_.keys.find(principal);
  if (found == rows_.keys.end()) return std::nullopt;
  return found->second;
}

Result<crypto::Key256> Vault::unwrapped(const Id& principal, const HeldKey& held) const {
  const auto text = [](const auto& bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  auto bytes = crypto::aes_gcm_open(wrap_, text(held.wrapped.nonce), principal.view(),
                                    text(held.wrapped.sealed));
  // Its checksum held at open, so this is no accident of the disk: somebody put another key there.
  if (!bytes || bytes->size() != sizeof(crypto::Key256::bytes))
    return Error{Errc::corrupt, "vault.wrapped",
                 file_.path().string() + ": record " + std::to_string(held.number) +
                     " does not unwrap"};
  crypto::Key256 key;
  std::memcpy(key.bytes.data(), bytes->data(), bytes->size());
  crypto::cleanse(bytes->data(), bytes->size());
  return key;
}

HeldKey Vault::fresh_key(const Id& principal, uint64_t number) {
  const crypto::Key256 key(entropy_.draw<32>());
  HeldKey held{.number = number};
  held.wrapped.nonce = entropy_.draw<12>();
  const std::string sealed =
      crypto::aes_gcm_seal(wrap_, held.wrapped.nonce, principal.view(), key.view());
  WATCHWORD_CHECK(sealed.size() == held.wrapped.sealed.size());
  std::memcpy(held.wrapped.sealed.data(), sealed.data(), sealed.size());
  return held;
}

Result<v1::Sealed> Vault::seal(const Id& principal, std::string_view plaintext) {
  auto found = held(principal);
  while (!found) {  // more than once only when another thread erases it in between
    if (auto made = ensure({&principal, 1}); !made) return made.error();
    found = held(principal);
  }
  const auto key = unwrapped(principal, *found);
  if (!key) return key.error();
  const auto nonce = entropy_.draw<12>();
  v1::Sealed sealed;
  sealed.set_nonce(nonce.data(), nonce.size());
  sealed.set_ciphertext(crypto::aes_gcm_seal(*key, nonce, principal.view(), plaintext));
  return sealed;
}

Result<std::optional<std::string>> Vault::open(const Id& principal, const v1::Sealed& sealed) const {
  std::optional<HeldKey> found;
  bool came_back = false;
  {
    const std::shared_lock lock(rows_mutex_);
    const auto row = rows_.keys.find(principal);
    if (row != rows_.keys.end()) found = row->second;
    came_back = rows_.erased.contains(principal);
  }
  if (!found) return std::optional<std::string>();
  const auto key = unwrapped(principal, *found);
  if (!key) return key.error();
  auto plaintext =
      crypto::aes_gcm_open(*key, sealed.nonce(), principal.view(), sealed.ciphertext());
  // What an erased key had sealed cannot be told from changed bytes any more; that is what erasing means.
  if (!plaintext && !came_back)
    return Error{Errc::corrupt, "vault.sealed", "not what was sealed for " + principal.text()};
  return plaintext;
}

Result<> Vault::ensure(std::span<const Id> principals) {
  std::unique_lock lock(turn_mutex_);
  std::vector<std::shared_ptr<Batch>> batches;
  for (const Id& principal : principals) {
    auto batch = queue(principal);
    if (batch && (batches.empty() || batches.back() != batch)) batches.push_back(std::move(batch));
  }
  for (const auto& batch : batches)
    if (auto finished = finish(lock, batch); !finished) return finished;
  return {};
}

// The batch that will bring the principal's key; null if it is there. Call with the turn's mutex.
std::shared_ptr<Vault::Batch> Vault::queue(const Id& principal) {
  if (held(principal)) return nullptr;
  const auto [row, is_new] = queued_.try_emplace(principal, open_batch_);
  if (is_new) open_batch_->principals.push_back(principal);
  return row->second;
}

Result<> Vault::finish(std::unique_lock<std::mutex>& lock, const std::shared_ptr<Batch>& batch) {
  while (!batch->done) {
    if (busy_)
      turn_over_.wait(lock);
    else
      write_open_batch(lock);
  }
  return batch->result;
}

void Vault::write_open_batch(std::unique_lock<std::mutex>& lock) {
  const auto batch = std::exchange(open_batch_, std::make_shared<Batch>());
  const Turn turn(*this, lock);
  Result<> result = write(*batch);
  lock.lock();
  batch->result = std::move(result);
  batch->done = true;
  for (const Id& principal : batch->principals) queued_.erase(principal);
}

Result<> Vault::write(Batch& batch) {
  std::vector<std::pair<Id, HeldKey>> made;
  std::string records;
  for (const Id& principal : batch.principals) {
    const HeldKey held = fresh_key(principal, next_ + made.size());
    records += record_bytes({.kind = Kind::key,
                             .number = held.number,
                             .synced = next_,
                             .principal = principal,
                             .key = held.wrapped});
    made.emplace_back(principal, held);
  }
  if (auto appended = append(records); !appended) return appended;
  const std::unique_lock lock(rows_mutex_);
  for (const auto& [principal, held] : made) rows_.keys.emplace(principal, held);
  return {};
}

Result<> Vault::append(std::string_view records) {
  if (broken_) return *broken_;
  const auto written = file_.write_at(offset_of(next_), records);
  if (!written) {
    if (auto cut = file_.truncate(offset_of(next_)); !cut) broken_ = cut.error();
    return written;
  }
  crash_point(CrashPoint::key_written);
  if (auto synced = sync(); !synced) return synced;
  crash_point(CrashPoint::key_synced);
  next_ += records.size() / kPieceBytes;
  return {};
}

// After one failure nobody knows what the page cache still holds, so nothing is written any more.
Result<> Vault::sync() {
  ++syncs_;
  auto synced = file_.sync();
  if (!synced) broken_ = Error{Errc::io, "vault.sync", synced.error().detail};
  return synced;
}

Result<bool> Vault::erase(const Id& principal) {
  std::unique_lock lock(turn_mutex_);
  const Turn turn(*this, lock);
  const auto found = held(principal);
  if (!found) return false;
  if (auto dropped = drop(principal, *found); !dropped) return dropped.error();
  return true;
}

// First the fact, then the bytes: a crash in between is finished at the next open.
Result<> Vault::drop(const Id& principal, const HeldKey& held) {
  auto appended = append(record_bytes({.kind = Kind::erase,
                                       .number = next_,
                                       .synced = next_,
                                       .target = held.number,
                                       .principal = principal}));
  if (!appended) return appended;
  {
    const std::unique_lock lock(rows_mutex_);
    const auto row = rows_.keys.find(principal);
    crypto::cleanse(&row->second, sizeof row->second);
    rows_.keys.erase(row);
    rows_.erased.insert(principal);
  }
  const std::string blank = record_bytes({.kind = Kind::blank, .number = held.number});
  if (auto written = file_.write_at(offset_of(held.number), blank); !written) {
    broken_ = written.error();
    return written;
  }
  return sync();
}

size_t Vault::keys() const {
  const std::shared_lock lock(rows_mutex_);
  return rows_.keys.size();
}

uint64_t Vault::syncs() const { return syncs_; }

}  // namespace watchword::keys
