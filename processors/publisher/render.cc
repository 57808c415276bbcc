#include "processors/publisher/render.h"

#include <algorithm>

#include "events/base/address.h"
#include "events/base/time.h"
#include "processors/detectors/observation.h"
#include "processors/detectors/detector.h"

namespace watchword::publisher {

namespace json = boost::json;

namespace {

std::string id_text(std::string_view raw) {
  const Id id = Id::from_view(raw);
  return id.is_nil() ? std::string{} : id.text();
}

json::value id_or_null(std::string_view raw) {
  return raw.size() == 16 ? json::value(id_text(raw)) : json::value(nullptr);
}

template <class Texts>
json::array array_of(const Texts& texts) {
  json::array out;
  for (const auto& text : texts) out.emplace_back(std::string_view(text));
  return out;
}

template <class Pairs>
json::object object_of(const Pairs& pairs) {
  json::object out;
  for (const auto& pair : pairs) out[pair.key()] = pair.value();
  return out;
}

void put_sealed(json::object& out, std::string_view name, const Id& id, const v1::Sealed& sealed,
                const Opener& open) {
  if (sealed.ciphertext().empty()) return;
  const auto text = open ? open(id, sealed) : std::nullopt;
  if (text)
    out[name] = *text;
  else
    out["erased"] = true;
}

json::object render_type(const Id& id, const v1::IdentityState& row, const Opener& open) {
  const auto& type = row.type();
  json::object out{{"type", name_of(type.kind())}};
  switch (type.kind()) {
    case v1::SERVICE_ACCOUNT:
      out["service_name"] = type.name();
      out["environment"] = type.environment();
      break;
    case v1::AI_AGENT:
      out["agent_name"] = type.name();
      out["model"] = type.model();
      break;
    case v1::API_KEY: out["key_name"] = type.name(); break;
    case v1::HUMAN:
      put_sealed(out, "username", id, type.username(), open);
      put_sealed(out, "email", id, type.email(), open);
      return out;
    case v1::FOREIGN: put_sealed(out, "subject", id, row.subject(), open); return out;
    case v1::IDENTITY_KIND_UNSPECIFIED:
    case v1::IdentityKind_INT_MIN_SENTINEL_DO_NOT_USE_:
    case v1::IdentityKind_INT_MAX_SENTINEL_DO_NOT_USE_: break;
  }
  out["owner_team"] = type.owner_team();
  return out;
}

std::string minutes_text(uint32_t minutes) {
  char text[8];
  std::snprintf(text, sizeof text, "%02u:%02u", minutes / 60 % 100, minutes % 60);
  return text;
}

// [9, 17] where that is all there is to say; else a list of ranges.
json::value render_hours(const v1::Limits& limits) {
  const auto& ranges = limits.allowed_hours();
  if (ranges.empty()) return nullptr;
  if (ranges.size() == 1 && ranges[0].weekdays() == 0 && ranges[0].from_minute() % 60 == 0 &&
      ranges[0].to_minute() % 60 == 0)
    return json::array{ranges[0].from_minute() / 60, ranges[0].to_minute() / 60};
  static constexpr const char* kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  json::array out;
  for (const auto& range : ranges) {
    json::object one{{"from", minutes_text(range.from_minute())},
                     {"to", minutes_text(range.to_minute())}};
    json::array days;
    for (int day = 0; day < 7; ++day)
      if (range.weekdays() >> day & 1) days.emplace_back(kDays[day]);
    if (!days.empty()) one["weekdays"] = std::move(days);
    out.push_back(std::move(one));
  }
  return out;
}

json::array render_signals(const google::protobuf::RepeatedPtrField<v1::AlertSignal>& signals) {
  json::array out;
  for (const auto& signal : signals)
    out.push_back(json::object{{"name", signal.name()},
                               {"attack_id", signal.attack_id()},
                               {"share", risk_of(signal.share())},
                               {"expected", signal.expected()},
                               {"seen", signal.seen()}});
  return out;
}

json::array render_responses(
    const google::protobuf::RepeatedPtrField<v1::AlertResponse>& responses) {
  json::array out;
  for (const auto& response : responses)
    out.push_back(json::object{{"action", response.action()},
                               {"at", rfc3339(response.at_ms())},
                               {"undone", response.undone()}});
  return out;
}

}  // namespace

std::string event_id(const Position& position, uint32_t index) {
  return std::to_string(position.partition) + "-" + std::to_string(position.seq) + "-" +
         std::to_string(index);
}

double risk_of(uint32_t parts) { return static_cast<double>(parts * 10'000ull / 65'536) / 10'000; }

json::value time_or_null(int64_t at_ms) {
  return at_ms == 0 ? json::value(nullptr) : json::value(rfc3339(at_ms));
}

std::string network_text(std::string_view bytes) {
  return bytes.empty() ? std::string{} : Address::from_view(bytes).text();
}

json::object render(const v1::IdentityState& row, const IdentityMore& more, const Opener& open) {
  const Id id = Id::from_view(row.id());
  const auto& limits = row.limits();
  json::object out{{"identity_id", id.text()},
                   {"identity_type", render_type(id, row, open)},
                   {"status", name_of(row.status())},
                   {"allowed_scopes", array_of(limits.allowed_scopes())},
                   {"allowed_ips", array_of(limits.allowed_ips())},
                   {"allowed_hours", render_hours(limits)},
                   {"time_zone", limits.time_zone().empty() ? "UTC" : limits.time_zone()},
                   {"max_token_lifetime_seconds", limits.max_token_lifetime_s()},
                   {"requires_attestation", limits.requires_attestation()},
                   {"requires_continuous_auth", limits.requires_continuous_auth()},
                   {"risk_score", risk_of(more.risk)},
                   {"baseline_established",
                    more.baseline_established},
                   {"created_at", time_or_null(row.created_at_ms())},
                   {"last_authenticated", time_or_null(row.last_authenticated_ms())},
                   {"last_rotated", time_or_null(row.last_rotated_ms())},
                   {"suspension_reason", row.suspension_reason().empty()
                                             ? json::value(nullptr)
                                             : json::value(row.suspension_reason())},
                   {"metadata", object_of(limits.metadata())}};
  if (!limits.signals_off().empty()) out["signals_off"] = array_of(limits.signals_off());
  return out;
}

json::object render(const v1::JitTokenState& row, v1::TokenStatus status, const fold::Usage* usage) {
  const bool counted = row.max_usage() > 0;
  const uint64_t uses = counted ? row.usage_count() : usage != nullptr ? usage->count : 0;
  return {{"token_id", id_text(row.id())},
          {"identity_id", id_text(row.identity_id())},
          {"status", name_of(status)},
          {"scopes", array_of(row.scopes())},
          {"issued_at", time_or_null(row.issued_at_ms())},
          {"expires_at", time_or_null(row.expires_at_ms())},
          {"usage_count", uses},
          {"max_usage", counted ? json::value(row.max_usage()) : json::value(nullptr)},
          {"last_used", time_or_null(usage != nullptr ? usage->last_used_ms : 0)},
          {"justification", row.justification()},
          {"requested_by", id_or_null(row.requested_by())},
          {"request_context",
           json::object{{"source_ip", row.request_context().claimed_source_ip()},
                        {"user_agent", row.request_context().user_agent()},
                        {"network", network_text(row.request_context().network())}}},
          {"revocable", true},
          {"revoked_at", time_or_null(row.revoked_at_ms())},
          {"revocation_reason", row.revocation_reason().empty()
                                    ? json::value(nullptr)
                                    : json::value(row.revocation_reason())},
          {"attested", row.attested()}};
}

json::object render_usage(const v1::JitTokenState& row, const fold::Usage* usage) {
  json::array networks;
  if (usage != nullptr)
    for (const auto& network : usage->networks)
      if (network.size != 0)
        networks.push_back(json::object{
            {"network",
             network_text({reinterpret_cast<const char*>(network.bytes), network.size})},
            {"count", network.count}});
  const bool counted = row.max_usage() > 0;
  return {{"token_id", id_text(row.id())},
          {"usage_count", counted ? row.usage_count() : usage != nullptr ? usage->count : 0},
          {"max_usage", counted ? json::value(row.max_usage()) : json::value(nullptr)},
          {"first_used", time_or_null(usage != nullptr ? usage->first_used_ms : 0)},
          {"last_used", time_or_null(usage != nullptr ? usage->last_used_ms : 0)},
          {"networks", std::move(networks)}};
}

json::object render(const v1::ServiceTokenState& row, v1::TokenStatus status) {
  return {{"id", id_text(row.id())},
          {"token_name", row.name()},
          {"identity_id", id_or_null(row.identity_id())},
          {"owner", row.owner()},
          {"permissions", array_of(row.permissions())},
          {"sources", array_of(row.sources())},
          {"status", name_of(status)},
          {"created_at", time_or_null(row.created_at_ms())},
          {"created_by", id_or_null(row.created_by())},
          {"expires_at", time_or_null(row.expires_at_ms())},
          {"revoked_at", time_or_null(row.revoked_at_ms())},
          {"revocation_reason", row.revocation_reason().empty()
                                    ? json::value(nullptr)
                                    : json::value(row.revocation_reason())},
          {"metadata", object_of(row.metadata())}};
}

json::object render(const v1::AlertState& row) {
  return {{"id", id_text(row.id())},
          {"time", time_or_null(row.raised_at_ms())},
          {"severity", name_of(row.severity())},
          {"title", row.title()},
          {"identity_id", id_or_null(row.principal())},
          {"group", row.group()},
          {"risk", risk_of(row.risk())},
          {"signals", render_signals(row.signals())},
          {"status", name_of(row.status())},
          {"assignee", row.assignee().empty() ? json::value(nullptr) : json::value(row.assignee())},
          {"notes", array_of(row.notes())},
          {"verdict", row.verdict() == v1::VERDICT_UNSPECIFIED ? json::value(nullptr)
                                                               : json::value(name_of(row.verdict()))},
          {"responses", render_responses(row.responses())},
          {"first_at", time_or_null(row.first_at_ms())},
          {"last_at", time_or_null(row.last_at_ms())},
          {"event_count", row.event_count()},
          {"evidence", array_of(row.evidence())}};
}

json::object render_observation(std::string_view bytes, uint32_t conclusion,
                                std::string_view signals, const Position& position,
                                uint32_t index) {
  json::object out{{"id", event_id(position, index)}};
  const auto seen = detectors::read_observation(bytes);
  if (!seen) return out;
  out["type"] = "observation";
  out["time"] = rfc3339(seen->time_ms);
  out["action"] = seen->action;
  out["outcome"] = name_of(seen->outcome);
  out["source"] = seen->source;
  out["event_id"] = seen->id;
  const auto put = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) out[name] = value;
  };
  put("network", network_text(seen->network));
  put("user_agent", seen->user_agent);
  put("client_id", seen->client_id);
  put("endpoint", seen->endpoint);
  put("resource", seen->resource);
  put("scope", seen->scope);
  if (!seen->token_id.is_nil()) out["token_id"] = seen->token_id.text();
  if (seen->count > 1) out["count"] = seen->count;
  if (seen->records > 0) out["records"] = seen->records;
  if (seen->response_code > 0) out["response_code"] = seen->response_code;
  out["risk"] = risk_of(conclusion >> 16);
  json::array names;
  for (const char row : signals)
    names.emplace_back(detectors::kDetectors[static_cast<uint8_t>(row)].name);
  if (!names.empty()) out["signals"] = std::move(names);
  return out;
}

}  // namespace watchword::publisher
