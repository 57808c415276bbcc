#include "api/handlers/limits_body.h"

#include <boost/json/serialize.hpp>

#include "events/crypto/keys.h"

namespace watchword::api {
namespace {

using http::Fields;
namespace json = boost::json;

std::optional<uint32_t> minutes_of(const json::value& value) {
  if (const auto* hour = value.if_int64(); hour != nullptr && *hour >= 0 && *hour <= 24)
    return static_cast<uint32_t>(*hour) * 60;
  const auto* text = value.if_string();
  if (text == nullptr || text->size() != 5 || (*text)[2] != ':') return std::nullopt;
  const auto digit = [&](size_t at) { return (*text)[at] - '0'; };
  for (const size_t at : {0, 1, 3, 4})
    if (digit(at) < 0 || digit(at) > 9) return std::nullopt;
  const int hours = digit(0) * 10 + digit(1), minutes = digit(3) * 10 + digit(4);
  if (minutes > 59 || hours > 24 || (hours == 24 && minutes > 0)) return std::nullopt;
  return static_cast<uint32_t>(hours * 60 + minutes);
}

std::optional<uint32_t> weekdays_of(const json::value& value) {
  static constexpr std::string_view kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  const auto* days = value.if_array();
  if (days == nullptr || days->empty()) return std::nullopt;
  uint32_t mask = 0;
  for (const auto& day : *days) {
    const auto* name = day.if_string();
    const auto* found = name == nullptr ? std::end(kDays) : std::find(std::begin(kDays), std::end(kDays), std::string_view(*name));
    if (found == std::end(kDays)) return std::nullopt;
    mask |= 1u << (found - std::begin(kDays));
  }
  return mask;
}

std::optional<v1::HourRange> range_of(const json::value& value) {
  const auto* object = value.if_object();
  if (object == nullptr) return std::nullopt;
  v1::HourRange range;
  bool from = false, to = false;
  for (const auto& [name, member] : *object) {
    if (name == "weekdays") {
      const auto days = weekdays_of(member);
      if (!days) return std::nullopt;
      range.set_weekdays(*days);
      continue;
    }
    const auto minutes = minutes_of(member);
    if (!minutes || (name != "from" && name != "to")) return std::nullopt;
    (name == "from" ? from : to) = true;
    name == "from" ? range.set_from_minute(*minutes) : range.set_to_minute(*minutes);
  }
  if (!from || !to) return std::nullopt;
  return range;
}

// [9, 17], or a list of {"from":"09:00","to":"17:30","weekdays":["mon",…]}.
std::optional<std::vector<v1::HourRange>> hours_of(const json::array& list) {
  std::vector<v1::HourRange> out;
  if (list.size() == 2 && list[0].is_int64() && list[1].is_int64()) {
    const auto from = minutes_of(list[0]), to = minutes_of(list[1]);
    if (!from || !to) return std::nullopt;
    auto& range = out.emplace_back();
    range.set_from_minute(*from);
    range.set_to_minute(*to);
    return out;
  }
  for (const auto& item : list) {
    auto range = range_of(item);
    if (!range) return std::nullopt;
    out.push_back(std::move(*range));
  }
  return out;
}

std::optional<v1::AttestationTrust> attestation_of(Fields& fields) {
  auto object = fields.optional_object("attestation");
  if (!object) return std::nullopt;
  v1::AttestationTrust trust;
  if (const auto* keys = object->member("jwks")) {
    trust.set_jwks(json::serialize(*keys));
    // Refused before they are recorded: a set that nobody can attest by, or a private key that would stay for ever.
    if (const auto read = crypto::parse_jwks(trust.jwks()); !read)
      object->fail("jwks", read.error().detail);
  }
  trust.set_issuer(std::string(object->optional_text("issuer").value_or("")));
  trust.set_audience(std::string(object->optional_text("audience").value_or("")));
  trust.set_subject(std::string(object->optional_text("subject").value_or("")));
  object->refuse_unknown();
  return trust;
}

std::optional<std::vector<std::pair<std::string, std::string>>> metadata_of(Fields& fields) {
  const auto* value = fields.member("metadata");
  if (value == nullptr) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> out;
  const auto* object = value->if_object();
  if (object == nullptr) {
    fields.fail("metadata", "must be an object of texts");
    return std::nullopt;
  }
  for (const auto& [name, member] : *object)
    if (member.is_string())
      out.emplace_back(name, member.as_string());
    else
      fields.fail("metadata", "must hold texts only");
  return out;
}

}  // namespace

domain::LimitsChange read_limits(Fields& fields) {
  domain::LimitsChange change;
  const http::ListLimits list{100, {1, 256, false}};
  change.allowed_scopes = fields.optional_texts("allowed_scopes", list);
  change.allowed_ips = fields.optional_texts("allowed_ips", list);
  if (const auto* hours = fields.optional_array("allowed_hours")) {
    change.allowed_hours = hours_of(*hours);
    if (!change.allowed_hours)
      fields.fail("allowed_hours", "must be [from, to) hours, or a list of {from, to, weekdays}");
  }
  if (const auto zone = fields.optional_text("time_zone")) change.time_zone = *zone;
  change.max_token_lifetime_s =
      fields.optional_integer("max_token_lifetime_seconds", 1, 365 * 86'400);
  change.requires_attestation = fields.optional_boolean("requires_attestation");
  change.requires_continuous_auth = fields.optional_boolean("requires_continuous_auth");
  change.attestation = attestation_of(fields);
  change.metadata = metadata_of(fields);
  change.signals_off = fields.optional_texts("signals_off", list);
  return change;
}

}  // namespace watchword::api
