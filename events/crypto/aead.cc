#include "events/crypto/aead.h"

#include <limits>

#include "events/base/result.h"
#include "events/crypto/openssl.h"

namespace watchword::crypto {
namespace {

const EVP_CIPHER* algorithm() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  WATCHWORD_CHECK(cipher != nullptr);
  return cipher;
}

// One context a thread: making one costs as much as sealing a name. Its key is overwritten by the next use.
EVP_CIPHER_CTX* thread_context() {
  thread_local const OwnedCipherContext context(EVP_CIPHER_CTX_new());
  WATCHWORD_CHECK(context != nullptr);
  return context.get();
}

// The length EVP takes is an int.
bool fits(std::string_view bytes) { return bytes.size() <= std::numeric_limits<int>::max() / 2; }
int length(std::string_view bytes) { return static_cast<int>(bytes.size()); }
unsigned char* raw_out(std::string& bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

std::string aes_gcm_seal(const Key256& key, const Nonce& nonce, std::string_view additional,
                         std::string_view plaintext) {
  WATCHWORD_CHECK(fits(plaintext) && fits(additional));
  EVP_CIPHER_CTX* context = thread_context();
  std::string sealed(plaintext.size() + kGcmTagBytes, '\0');
  unsigned char* tag = raw_out(sealed) + plaintext.size();
  int size = 0;
  bool done = EVP_EncryptInit_ex2(context, algorithm(), key.bytes.data(), nonce.data(), nullptr) == 1;
  if (!additional.empty())
    done = done &&
           EVP_EncryptUpdate(context, nullptr, &size, raw(additional), length(additional)) == 1;
  if (!plaintext.empty())
    done = done && EVP_EncryptUpdate(context, raw_out(sealed), &size, raw(plaintext),
                                     length(plaintext)) == 1;
  done = done && EVP_EncryptFinal_ex(context, tag, &size) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kGcmTagBytes, tag) == 1;
  WATCHWORD_CHECK(done);
  return sealed;
}

std::optional<std::string> aes_gcm_open(const Key256& key, std::string_view nonce,
                                        std::string_view additional, std::string_view sealed) {
  if (nonce.size() != sizeof(Nonce) || sealed.size() < kGcmTagBytes || !fits(sealed) ||
      !fits(additional))
    return std::nullopt;
  EVP_CIPHER_CTX* context = thread_context();
  const auto ciphertext = sealed.substr(0, sealed.size() - kGcmTagBytes);
  std::string tag(sealed.substr(ciphertext.size()));
  std::string plaintext(ciphertext.size(), '\0');
  int size = 0;
  bool good = EVP_DecryptInit_ex2(context, algorithm(), key.bytes.data(), raw(nonce), nullptr) == 1;
  if (!additional.empty())
    good = good &&
           EVP_DecryptUpdate(context, nullptr, &size, raw(additional), length(additional)) == 1;
  if (!ciphertext.empty())
    good = good && EVP_DecryptUpdate(context, raw_out(plaintext), &size, raw(ciphertext),
                                     length(ciphertext)) == 1;
  unsigned char none[kGcmTagBytes];
  good = good &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kGcmTagBytes, tag.data()) == 1 &&
         EVP_DecryptFinal_ex(context, none, &size) == 1;
  if (good) return plaintext;
  crypto::cleanse(plaintext.data(), plaintext.size());
  return std::nullopt;
}

}  // namespace watchword::crypto
