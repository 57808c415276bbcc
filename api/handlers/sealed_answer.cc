#include "api/handlers/sealed_answer.h"

#include <boost/json/parse.hpp>

#include "events/crypto/aead.h"
#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"
#include "processors/publisher/text.h"

namespace watchword::api {
namespace {

constexpr std::string_view kPurpose = "watchword kept answer";

std::optional<crypto::Key256> key_of(const Call& call) {
  const auto key = call.request.header("Idempotency-Key");
  const auto credential = call.request.bearer();
  if (!key || !credential) return std::nullopt;
  return crypto::Key256(crypto::hkdf_sha256(*credential, kPurpose, *key));
}

}  // namespace

std::string seal_answer(Api& api, const Call& call, std::string_view secret) {
  const auto key = key_of(call);
  if (!key || secret.empty()) return {};
  const auto nonce = api.engine.entropy().draw<12>();
  return crypto::base64url(std::string(crypto::view(nonce)) +
                           crypto::aes_gcm_seal(*key, nonce, kPurpose, secret));
}

std::string open_answer(Api&, const Call& call, const runtime::Answer& answer,
                        std::string_view secret, std::string_view member) {
  auto body = boost::json::parse(answer.body.value()).as_object();
  std::string opened(secret);
  if (answer.repeated && body.contains("sealed")) {
    const auto raw = crypto::from_base64url(std::string_view(body["sealed"].as_string()));
    const auto key = key_of(call);
    if (raw && key && raw->size() > 12)
      opened = crypto::aes_gcm_open(*key, std::string_view(*raw).substr(0, 12), kPurpose,
                                    std::string_view(*raw).substr(12))
                   .value_or("");
  }
  body.erase("sealed");
  if (!opened.empty() && body.contains(member)) body[member] = opened;
  return publisher::to_text(body);
}

}  // namespace watchword::api
