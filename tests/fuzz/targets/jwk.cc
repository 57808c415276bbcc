// Keys from outside: JWK, JWK sets, and private keys as PKCS #8. Input: the bytes of any of them.
#include "events/base/json.h"
#include "events/crypto/keys.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

void require_key(const crypto::VerifyKey& key) {
  const auto again = crypto::VerifyKey::from_jwk(key.jwk());
  require(again.ok(), "a key is written as one that can be read");
  require(again->thumbprint() == key.thumbprint() && again->algorithm() == key.algorithm() &&
              again->kid() == key.kid() && again->jwk() == key.jwk(),
          "and is the same key");
  require(key.thumbprint().size() == 43, "a thumbprint of SHA-256");
  require(key.jwk().find("\"d\"") == std::string::npos, "no private member");
  require(!key.verify("text", "") && !key.verify("text", std::string(64, '\0')) &&
              !key.verify("text", std::string(256, '\xff')),
          "a signature of no one is refused");
}

void require_private_key(const crypto::SigningKey& key) {
  require(key.verify_key().verify("text", key.sign("text")), "what it signs holds");
  require(!key.verify_key().verify("next", key.sign("text")), "and for nothing else");
  const auto again = crypto::SigningKey::from_pkcs8(key.pkcs8().view());
  require(again && again->kid() == key.kid(), "it is written as one that can be read");
}

void run(std::string_view input) {
  if (const auto key = crypto::VerifyKey::from_jwk(input)) require_key(*key);
  if (const auto keys = crypto::parse_jwks(input)) {
    require(!keys->empty() && keys->size() <= 32, "1 to 32 keys");
    for (const auto& key : *keys) require_key(key);
    for (size_t i = 1; i < keys->size(); ++i)
      require((*keys)[i].kid() != (*keys)[i - 1].kid(), "no kid twice");
  }
  if (const auto key = crypto::SigningKey::from_pkcs8(input)) require_private_key(*key);
}

const Registered kTarget{{"jwk", run}};

}  // namespace
}  // namespace watchword::fuzz
