#include "stores/keys/key_ring.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <optional>

#include "events/base/json.h"
#include "events/crypto/aead.h"
#include "events/crypto/encoding.h"
#include "stores/keys/file.h"

namespace watchword::keys {
namespace {

namespace json = boost::json;
using crypto::base64url;
using crypto::from_base64url;

constexpr size_t kMaxFileBytes = 1024 * 1024;
constexpr int64_t kVersion = 1;

// What is sealed with the private half, so that nobody gives a key another name or an earlier start.
std::string additional(std::string_view kid, int64_t added_at_ms, int64_t use_from_ms) {
  return "watchword signing key\n" + std::string(kid) + "\n" + std::to_string(added_at_ms) + "\n" +
         std::to_string(use_from_ms);
}

json::object entry_of(const RingKey& held, const crypto::Key256& wrap, Entropy& entropy) {
  const auto nonce = entropy.draw<12>();
  const auto sealed =
      crypto::aes_gcm_seal(wrap, nonce, additional(held.key.kid(), held.added_at_ms, held.use_from_ms),
                           held.key.pkcs8().view());
  return {{"kid", held.key.kid()},
          {"alg", crypto::name_of(held.key.algorithm())},
          {"added_at_ms", held.added_at_ms},
          {"use_from_ms", held.use_from_ms},
          {"nonce", base64url(crypto::view(nonce))},
          {"sealed", base64url(sealed)}};
}

std::string text_of(const std::vector<KeyRing::Held>& keys, const crypto::Key256& wrap,
                    Entropy& entropy) {
  json::array entries;
  for (const auto& held : keys) entries.push_back(entry_of(*held, wrap, entropy));
  return json::serialize(json::object{{"version", kVersion}, {"keys", std::move(entries)}}) + "\n";
}

Error corrupt(std::string_view reason, std::string detail) {
  return {Errc::corrupt, reason, std::move(detail)};
}

struct Entry {
  std::string kid, nonce, sealed;
  int64_t added_at_ms = 0, use_from_ms = 0;
};

std::optional<std::string> text_in(const json::object& object, const char* name) {
  const json::value* member = object.if_contains(name);
  if (!member || !member->is_string()) return std::nullopt;
  return std::string(member->get_string().data(), member->get_string().size());
}

std::optional<int64_t> number_in(const json::object& object, const char* name) {
  const json::value* member = object.if_contains(name);
  if (!member || !member->is_int64()) return std::nullopt;
  return member->get_int64();
}

std::optional<Entry> read_entry(const json::value& value) {
  const json::object* object = value.if_object();
  if (!object) return std::nullopt;
  const auto kid = text_in(*object, "kid"), nonce = text_in(*object, "nonce"),
             sealed = text_in(*object, "sealed");
  const auto added = number_in(*object, "added_at_ms"), use = number_in(*object, "use_from_ms");
  if (!kid || !nonce || !sealed || !added || !use) return std::nullopt;
  const auto nonce_bytes = from_base64url(*nonce), sealed_bytes = from_base64url(*sealed);
  if (!nonce_bytes || !sealed_bytes) return std::nullopt;
  return Entry{*kid, *nonce_bytes, *sealed_bytes, *added, *use};
}

Result<KeyRing::Held> open_entry(const json::value& value, const crypto::Key256& wrap) {
  const auto entry = read_entry(value);
  if (!entry) return corrupt("key_ring.entry", "has a member that is missing or of a wrong kind");
  auto der = crypto::aes_gcm_open(
      wrap, entry->nonce, additional(entry->kid, entry->added_at_ms, entry->use_from_ms),
      entry->sealed);
  if (!der) return corrupt("key_ring.sealed", "was changed, or sealed under another master key");
  const auto secret = crypto::Secret::take(*der);
  auto key = crypto::SigningKey::from_pkcs8(secret.view());
  if (!key) return corrupt("key_ring.private_key", key.error().detail);
  if (key->kid() != entry->kid) return corrupt("key_ring.kid", "does not bear its own name");
  auto verify_key = key->verify_key();
  return std::make_shared<const RingKey>(RingKey{std::move(*key), std::move(verify_key),
                                                 entry->added_at_ms, entry->use_from_ms});
}

KeyRing::Held find(const std::vector<KeyRing::Held>& keys, std::string_view kid) {
  const auto found = std::find_if(keys.begin(), keys.end(),
                                  [&](const auto& held) { return held->key.kid() == kid; });
  return found == keys.end() ? nullptr : *found;
}

Result<std::vector<KeyRing::Held>> parse(std::string_view text, const crypto::Key256& wrap) {
  const auto parsed = parse_json_strict(text, {.max_bytes = kMaxFileBytes});
  if (!parsed) return corrupt("key_ring.json", parsed.error().detail);
  const json::object* object = parsed->if_object();
  if (!object || number_in(*object, "version") != kVersion)
    return corrupt("key_ring.version", "not version 1 of a key ring");
  const json::value* list = object->if_contains("keys");
  if (!list || !list->is_array()) return corrupt("key_ring.keys", "no list \"keys\"");
  std::vector<KeyRing::Held> keys;
  for (const json::value& value : list->get_array()) {
    auto held = open_entry(value, wrap);
    const bool twice = held && find(keys, (*held)->key.kid());
    if (twice) held = corrupt("key_ring.twice", "is there twice");
    if (!held) {
      Error error = held.error();
      error.detail = "keys[" + std::to_string(keys.size()) + "] " + error.detail;
      return error;
    }
    keys.push_back(std::move(*held));
  }
  return keys;
}

}  // namespace

KeyRing::KeyRing(std::filesystem::path path, const crypto::Key256& wrap, Entropy& entropy,
                 std::vector<Held> keys)
    : path_(std::move(path)), wrap_(wrap), entropy_(entropy), keys_(std::move(keys)) {}

Result<std::unique_ptr<KeyRing>> KeyRing::open(const std::filesystem::path& path,
                                               const crypto::Key256& wrap, Entropy& entropy) {
  std::vector<Held> keys;
  const auto text = read_private_file(path, kMaxFileBytes);
  if (!text && text.error().code != Errc::not_found) return text.error();
  if (text) {
    auto parsed = parse(*text, wrap);
    if (!parsed) {
      Error error = parsed.error();
      error.detail = path.string() + ": " + error.detail;
      return error;
    }
    keys = std::move(*parsed);
  }
  return std::unique_ptr<KeyRing>(new KeyRing(path, wrap, entropy, std::move(keys)));
}

KeyRing::Held KeyRing::current(crypto::Algorithm algorithm, int64_t now_ms) const {
  Held best;
  for (auto& held : all())
    if (held->key.algorithm() == algorithm && held->use_from_ms <= now_ms &&
        (!best || held->use_from_ms >= best->use_from_ms))
      best = std::move(held);
  return best;
}

KeyRing::Held KeyRing::by_kid(std::string_view kid) const {
  const std::lock_guard lock(keys_mutex_);
  return find(keys_, kid);
}

std::vector<KeyRing::Held> KeyRing::all() const {
  const std::lock_guard lock(keys_mutex_);
  return keys_;
}

std::string KeyRing::public_jwks() const {
  std::string text = "{\"keys\":[";
  for (const auto& held : all()) {
    if (text.back() == '}') text += ',';
    text += held->verify_key.jwk();
  }
  return text + "]}";
}

Result<KeyRing::Held> KeyRing::add(crypto::SigningKey key, int64_t added_at_ms,
                                   int64_t use_from_ms) {
  const std::lock_guard lock(change_mutex_);
  auto keys = all();
  if (find(keys, key.kid())) return Error{Errc::conflict, "key_ring.known", key.kid()};
  auto verify_key = key.verify_key();
  auto held = std::make_shared<const RingKey>(
      RingKey{std::move(key), std::move(verify_key), added_at_ms, use_from_ms});
  keys.push_back(held);
  if (auto stored = store(std::move(keys)); !stored) return stored.error();
  return Held(std::move(held));
}

Result<> KeyRing::remove(std::string_view kid) {
  const std::lock_guard lock(change_mutex_);
  auto keys = all();
  const auto removed =
      std::erase_if(keys, [&](const auto& held) { return held->key.kid() == kid; });
  if (removed == 0) return Error{Errc::not_found, "key_ring.unknown", std::string(kid)};
  return store(std::move(keys));
}

Result<> KeyRing::store(std::vector<Held> keys) {
  const std::string text = text_of(keys, wrap_, entropy_);
  if (auto written = write_private_file(path_, text, IfThere::replace, entropy_); !written)
    return written;
  const std::lock_guard lock(keys_mutex_);
  keys_ = std::move(keys);
  return {};
}

}  // namespace watchword::keys
