#include "events/crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "events/base/result.h"
#include "events/crypto/openssl.h"

namespace watchword::crypto {
namespace {

// Fetched once: SHA256() looks its algorithm up on every call, which costs three times the hash of 64 bytes.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  WATCHWORD_CHECK(algorithm != nullptr);
  return algorithm;
}

void start(EVP_MD_CTX* context) {
  WATCHWORD_CHECK(EVP_DigestInit_ex2(context, sha256_algorithm(), nullptr) == 1);
}

void add(EVP_MD_CTX* context, std::string_view bytes) {
  WATCHWORD_CHECK(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
}

Digest take(EVP_MD_CTX* context) {
  Digest digest;
  WATCHWORD_CHECK(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
  return digest;
}

EVP_MD_CTX* thread_context() {
  thread_local const OwnedDigestContext context(EVP_MD_CTX_new());
  WATCHWORD_CHECK(context != nullptr);
  start(context.get());
  return context.get();
}

OwnedMacContext new_hmac() {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  WATCHWORD_CHECK(mac != nullptr);
  OwnedMacContext context(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);
  WATCHWORD_CHECK(context != nullptr);
  char name[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0), OSSL_PARAM_construct_end()};
  WATCHWORD_CHECK(EVP_MAC_CTX_set_params(context.get(), params) == 1);
  return context;
}

OSSL_PARAM octets(const char* name, std::string_view bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(bytes.data()), bytes.size());
}

}  // namespace

Digest sha256(std::string_view bytes) {
  EVP_MD_CTX* context = thread_context();
  add(context, bytes);
  return take(context);
}

Digest sha256(std::string_view first, std::string_view second) {
  EVP_MD_CTX* context = thread_context();
  add(context, first);
  add(context, second);
  return take(context);
}

struct Sha256::Context {
  OwnedDigestContext held{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) { start(context_->held.get()); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) { add(context_->held.get(), bytes); }

Digest Sha256::finish() {
  const Digest digest = take(context_->held.get());
  start(context_->held.get());
  return digest;
}

Digest hmac_sha256(std::string_view key, std::string_view bytes) {
  thread_local const OwnedMacContext context = new_hmac();
  Digest digest;
  size_t size = 0;
  // A null key would mean "the key of last time" to OpenSSL.
  const auto* key_bytes = raw(key.data() ? key : std::string_view(""));
  WATCHWORD_CHECK(EVP_MAC_init(context.get(), key_bytes, key.size(), nullptr) == 1);
  WATCHWORD_CHECK(EVP_MAC_update(context.get(), raw(bytes), bytes.size()) == 1);
  WATCHWORD_CHECK(EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) == 1);
  return digest;
}

Digest hkdf_sha256(std::string_view secret, std::string_view info, std::string_view salt) {
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  WATCHWORD_CHECK(kdf != nullptr);
  const OwnedKdfContext context(EVP_KDF_CTX_new(kdf));
  EVP_KDF_free(kdf);
  char name[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0),
      octets(OSSL_KDF_PARAM_KEY, secret), octets(OSSL_KDF_PARAM_INFO, info),
      salt.empty() ? OSSL_PARAM_construct_end() : octets(OSSL_KDF_PARAM_SALT, salt),
      OSSL_PARAM_construct_end()};
  Digest key;
  WATCHWORD_CHECK(EVP_KDF_derive(context.get(), key.data(), key.size(), params) == 1);
  return key;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void cleanse(void* bytes, size_t size) { OPENSSL_cleanse(bytes, size); }

}  // namespace watchword::crypto
