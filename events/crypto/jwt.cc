#include "events/crypto/jwt.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "events/base/json.h"
#include "events/crypto/encoding.h"

namespace watchword::crypto {
namespace {

namespace json = boost::json;

constexpr int64_t kLastSecond = 253'402'300'799;  // 9999-12-31T23:59:59Z
constexpr size_t kMaxHeaderDepth = 4;
constexpr size_t kMaxAudiences = 64;

Error refused(std::string_view reason, std::string detail) {
  return {Errc::unauthenticated, reason, std::move(detail)};
}

struct Parts {
  std::string_view header, claims, signature, signed_part;
};

Result<Parts> split(std::string_view text) {
  const size_t first = text.find('.');
  const size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos)
    return refused("jwt.parts", "not three parts with dots between");
  return Parts{text.substr(0, first), text.substr(first + 1, second - first - 1),
               text.substr(second + 1), text.substr(0, second)};
}

Result<json::object> object_of(std::string_view part, const char* name, const JsonLimits& limits) {
  const auto bytes = from_base64url(part);
  if (!bytes)
    return refused("jwt.base64url", std::string(name) + " is not canonical base64url");
  auto parsed = parse_json_strict(*bytes, limits);
  if (!parsed) return refused("jwt.json", std::string(name) + ": " + parsed.error().detail);
  if (!parsed->is_object())
    return refused("jwt.object", std::string(name) + " is not an object");
  return std::move(parsed->get_object());
}

// Empty: absent. An empty text is refused, so that the two cannot be taken for each other.
Result<std::string> text_of(const json::object& object, const char* name) {
  const json::value* member = object.if_contains(name);
  if (!member) return std::string();
  const json::string* text = member->if_string();
  if (!text || text->empty())
    return refused("jwt.member", "\"" + std::string(name) + "\" is not a text");
  return std::string(text->data(), text->size());
}

Result<JwtHeader> header_of(const json::object& object) {
  for (const char* name : {"crit", "b64", "jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "cty"})
    if (object.contains(name))
      return refused("jwt.header", "\"" + std::string(name) + "\" is not allowed");
  const auto named = text_of(object, "alg");
  const auto algorithm = named ? algorithm_named(*named) : std::nullopt;
  if (!algorithm) return refused("jwt.algorithm", "\"alg\" is not ES256, RS256 or EdDSA");
  auto kid = text_of(object, "kid"), type = text_of(object, "typ");
  if (!kid) return kid.error();
  if (!type) return type.error();
  return JwtHeader{*algorithm, std::move(*kid), std::move(*type)};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_type(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view bare_type(std::string_view type) {
  constexpr std::string_view kPrefix = "application/";
  return same_type(type.substr(0, kPrefix.size()), kPrefix) ? type.substr(kPrefix.size()) : type;
}

bool type_allowed(std::string_view type, const JwtRules& rules) {
  return rules.types.empty() ||
         std::any_of(rules.types.begin(), rules.types.end(), [&](const std::string& allowed) {
           return same_type(bare_type(type), bare_type(allowed));
         });
}

// NumericDate (RFC 7519 section 2): seconds, perhaps with a fraction.
Result<std::optional<int64_t>> time_of(const json::object& claims, const char* name) {
  const json::value* member = claims.if_contains(name);
  if (!member) return std::optional<int64_t>();
  double seconds = -1;
  if (member->is_int64()) seconds = static_cast<double>(member->get_int64());
  if (member->is_double()) seconds = member->get_double();
  if (!(seconds >= 0 && seconds <= static_cast<double>(kLastSecond)))
    return refused("jwt.time", "\"" + std::string(name) + "\" is not a time from 1970 to 9999");
  return std::optional(static_cast<int64_t>(std::floor(seconds * 1000)));
}

Error bad_audience() {
  return refused("jwt.audience_type", "\"aud\" is not a text or a list of texts");
}

Result<std::vector<std::string>> audience_of(const json::object& claims) {
  std::vector<std::string> audience;
  const json::value* member = claims.if_contains("aud");
  if (!member) return audience;
  if (const json::string* one = member->if_string()) {
    audience.emplace_back(one->data(), one->size());
    return audience;
  }
  const json::array* many = member->if_array();
  if (!many || many->size() > kMaxAudiences) return bad_audience();
  for (const json::value& item : *many) {
    if (!item.is_string()) return bad_audience();
    audience.emplace_back(item.get_string().data(), item.get_string().size());
  }
  return audience;
}

Result<> read_times(Jwt& jwt) {
  for (const auto& [name, time] : {std::pair{"exp", &jwt.expires_at_ms},
                                   std::pair{"nbf", &jwt.not_before_ms},
                                   std::pair{"iat", &jwt.issued_at_ms}}) {
    const auto read = time_of(jwt.claims, name);
    if (!read) return read.error();
    *time = *read;
  }
  return {};
}

Result<> read_names(Jwt& jwt) {
  for (const auto& [name, text] : {std::pair{"iss", &jwt.issuer}, std::pair{"sub", &jwt.subject},
                                   std::pair{"jti", &jwt.id}}) {
    auto read = text_of(jwt.claims, name);
    if (!read) return read.error();
    *text = std::move(*read);
  }
  auto audience = audience_of(jwt.claims);
  if (!audience) return audience.error();
  jwt.audience = std::move(*audience);
  return {};
}

Result<> check_names(const Jwt& jwt, const JwtRules& rules) {
  if (!type_allowed(jwt.header.type, rules))
    return refused("jwt.type", "\"typ\" is none of those allowed here");
  if (!rules.issuer.empty() && jwt.issuer != rules.issuer)
    return refused("jwt.issuer", "\"iss\" is not " + rules.issuer);
  if (!rules.audience.empty() &&
      std::find(jwt.audience.begin(), jwt.audience.end(), rules.audience) == jwt.audience.end())
    return refused("jwt.audience", "\"aud\" does not hold " + rules.audience);
  return {};
}

std::string quoted(std::string_view text) { return json::serialize(json::string(text)); }

}  // namespace

std::string sign_jwt(const SigningKey& key, std::string_view kid, std::string_view type,
                     std::string_view claims) {
  std::string header = "{\"alg\":" + quoted(name_of(key.algorithm()));
  if (!kid.empty()) header += ",\"kid\":" + quoted(kid);
  if (!type.empty()) header += ",\"typ\":" + quoted(type);
  header += '}';
  std::string text = base64url(header) + '.' + base64url(claims);
  const std::string signature = key.sign(text);
  return text + '.' + base64url(signature);
}

Result<UnverifiedJwt> read_jwt(std::string_view text, const JwtRules& rules) {
  if (text.size() > rules.max_bytes)
    return refused("jwt.too_large", "more than " + std::to_string(rules.max_bytes) + " bytes");
  const auto parts = split(text);
  if (!parts) return parts.error();
  const auto header_object = object_of(parts->header, "header", {.max_depth = kMaxHeaderDepth});
  if (!header_object) return header_object.error();
  auto header = header_of(*header_object);
  if (!header) return header.error();
  auto claims = object_of(parts->claims, "claims", {});
  if (!claims) return claims.error();
  auto signature = from_base64url(parts->signature);
  if (!signature) return refused("jwt.signature_text", "signature is not canonical base64url");

  UnverifiedJwt token{{.header = std::move(*header), .claims = std::move(*claims)},
                      parts->signed_part, std::move(*signature)};
  if (const auto read = read_times(token.jwt); !read) return read.error();
  if (const auto read = read_names(token.jwt); !read) return read.error();
  if (const auto checked = check_names(token.jwt, rules); !checked) return checked.error();
  return token;
}

Result<> check_signature(const UnverifiedJwt& token, const KeyLookup& lookup) {
  const JwtHeader& header = token.jwt.header;
  const VerifyKey* key = lookup(header.kid, header.algorithm);
  if (!key) return refused("jwt.key_unknown", "no key of that id");
  if (key->algorithm() != header.algorithm)
    return refused("jwt.key_algorithm", "the key is for " + std::string(name_of(key->algorithm())));
  if (!key->verify(token.signed_part, token.signature))
    return refused("jwt.signature", "the signature does not match");
  return {};
}

Result<> check_times(const Jwt& jwt, const JwtRules& rules, int64_t now_ms) {
  if (rules.needs_expiry && !jwt.expires_at_ms) return refused("jwt.no_expiry", "no \"exp\"");
  if (jwt.expires_at_ms && now_ms >= *jwt.expires_at_ms + rules.leeway_ms)
    return refused("jwt.expired", "\"exp\" has passed");
  if (jwt.not_before_ms && now_ms < *jwt.not_before_ms - rules.leeway_ms)
    return refused("jwt.not_yet", "\"nbf\" lies ahead");
  if (jwt.issued_at_ms && now_ms < *jwt.issued_at_ms - rules.leeway_ms)
    return refused("jwt.issued_ahead", "\"iat\" lies ahead");
  if (rules.max_age_ms <= 0) return {};
  if (!jwt.issued_at_ms) return refused("jwt.no_issue_time", "no \"iat\"");
  if (now_ms > *jwt.issued_at_ms + rules.max_age_ms + rules.leeway_ms)
    return refused("jwt.too_old", "\"iat\" is too long ago");
  return {};
}

Result<Jwt> verify_jwt(std::string_view text, const KeyLookup& lookup, const JwtRules& rules,
                       int64_t now_ms) {
  auto token = read_jwt(text, rules);
  if (!token) return token.error();
  if (const auto checked = check_signature(*token, lookup); !checked) return checked.error();
  if (const auto checked = check_times(token->jwt, rules, now_ms); !checked) return checked.error();
  return std::move(token->jwt);
}

}  // namespace watchword::crypto
