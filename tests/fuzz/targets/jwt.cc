// JSON Web Tokens. Input: a byte that says how, then either the text of a token, or a header and
// claims with a line feed between, which are signed here.
#include "events/crypto/jwt.h"

#include <array>

#include "events/crypto/encoding.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

using crypto::Algorithm;

constexpr int64_t kNowMs = 1'750'000'000'000;

const crypto::JwtRules kRules{.types = {"JWT", ""},
                              .issuer = "https://watchword.example",
                              .audience = "orders",
                              .max_bytes = 8192,
                              .needs_expiry = true,
                              .leeway_ms = 1000,
                              .max_age_ms = 60'000};

struct Pair {
  crypto::SigningKey key;
  crypto::VerifyKey verify_key;
};

// New ones in each process, so that no input can hold a signature by them.
const Pair& pair_of(Algorithm algorithm) {
  static const auto pairs = [] {
    const auto made = [](Algorithm of) {
      auto key = crypto::SigningKey::generate(of);
      auto verify_key = key.verify_key();
      return Pair{std::move(key), std::move(verify_key)};
    };
    return std::array{made(Algorithm::es256), made(Algorithm::rs256), made(Algorithm::eddsa)};
  }();
  return pairs[static_cast<size_t>(algorithm)];
}

crypto::KeyLookup always(const crypto::VerifyKey& key) {
  return [&key](std::string_view, Algorithm) { return &key; };
}

void require_form(std::string_view text, const crypto::UnverifiedJwt& token) {
  require(std::string(token.signed_part) + "." + crypto::base64url(token.signature) == text,
          "one text for one token");
  for (const char* name : {"iat", "nbf", "exp"}) {
    const auto* member = token.jwt.claims.if_contains(name);
    require(member == nullptr || member->is_number(), "times are numbers");
  }
  for (const auto& at : {token.jwt.expires_at_ms, token.jwt.not_before_ms, token.jwt.issued_at_ms})
    require(!at || (*at >= 0 && *at <= 253'402'300'799'999), "times from 1970 to 9999");
}

// Nobody but us has the keys: a token that came as a text is never genuine.
void take_text(std::string_view text) {
  const auto token = crypto::read_jwt(text, {});
  if (!token) return;
  require_form(text, *token);
  for (const auto algorithm : {Algorithm::es256, Algorithm::rs256, Algorithm::eddsa})
    require(!crypto::check_signature(*token, always(pair_of(algorithm).verify_key)),
            "a foreign token is never genuine");
}

void require_tampering_shows(std::string text, size_t at, uint8_t with,
                             const crypto::KeyLookup& lookup) {
  const char before = text[at % text.size()];
  text[at % text.size()] = static_cast<char>(with);
  if (static_cast<char>(with) != before)
    require(!crypto::verify_jwt(text, lookup, kRules, kNowMs), "a changed token is not genuine");
}

void sign_and_take(Algorithm algorithm, Pieces& pieces) {
  const auto& pair = pair_of(algorithm);
  const size_t at = pieces.number(2);
  const uint8_t with = pieces.byte();
  const auto header = pieces.until('\n');
  std::string text = crypto::base64url(header) + "." + crypto::base64url(pieces.rest());
  text += "." + crypto::base64url(pair.key.sign(text));
  const auto lookup = always(pair.verify_key);
  const auto token = crypto::verify_jwt(text, lookup, kRules, kNowMs);
  if (!token) {
    require(token.error().code == Errc::unauthenticated && !token.error().reason.empty(),
            "a refusal says that nobody is authenticated");
    return;
  }
  require(token->header.algorithm == algorithm, "a key serves its own algorithm");
  require(token->issuer == kRules.issuer, "the issuer that was asked for");
  require(token->expires_at_ms && *token->expires_at_ms + kRules.leeway_ms > kNowMs, "not expired");
  require(token->issued_at_ms && *token->issued_at_ms <= kNowMs + kRules.leeway_ms,
          "not of tomorrow");
  for (const auto other : {Algorithm::es256, Algorithm::rs256, Algorithm::eddsa})
    require(other == algorithm ||
                !crypto::verify_jwt(text, always(pair_of(other).verify_key), kRules, kNowMs),
            "no other key says yes");
  require_tampering_shows(text, at, with, lookup);
}

void run(std::string_view input) {
  Pieces pieces(input);
  const uint8_t how = pieces.byte() % 16;
  if (how < 6) return take_text(pieces.rest());
  sign_and_take(how == 15 ? Algorithm::rs256
                : how % 2 ? Algorithm::eddsa
                          : Algorithm::es256,
                pieces);
}

const Registered kTarget{{"jwt", run}};

}  // namespace
}  // namespace watchword::fuzz
