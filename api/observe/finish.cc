#include <protozero/pbf_writer.hpp>

#include "api/observe/draft.h"
#include "events/policy/cidr.h"

namespace watchword::observe {
namespace {

// Tags of schemas/observation.proto.
using O = v1::Observation;

void add_text(protozero::pbf_writer& out, uint32_t tag, std::string_view text) {
  if (!text.empty()) out.add_string(tag, text.data(), text.size());
}

void add_id(protozero::pbf_writer& out, uint32_t tag, const Id& id) {
  if (!id.is_nil()) out.add_bytes(tag, id.view().data(), 16);
}

void add_number(protozero::pbf_writer& out, uint32_t tag, uint64_t number) {
  if (number != 0) out.add_uint64(tag, number);
}

void add_attributes(protozero::pbf_writer& out, std::span<const Attribute> attributes) {
  for (const Attribute& attribute : attributes) {
    protozero::pbf_writer entry(out, O::kAttributesFieldNumber);
    add_text(entry, v1::KeyValue::kKeyFieldNumber, attribute.key);
    add_text(entry, v1::KeyValue::kValueFieldNumber, attribute.value);
  }
}

void add_what(protozero::pbf_writer& out, const Draft& draft) {
  add_text(out, O::kUserAgentFieldNumber, draft.user_agent);
  if (draft.device != 0) out.add_fixed64(O::kDeviceFieldNumber, draft.device);
  add_text(out, O::kClientIdFieldNumber, draft.client_id);
  add_text(out, O::kEndpointFieldNumber, draft.endpoint);
  add_text(out, O::kResourceFieldNumber, draft.resource);
  add_text(out, O::kScopeFieldNumber, draft.scope);
  add_number(out, O::kResponseCodeFieldNumber, draft.response_code);
  add_number(out, O::kRequestSizeFieldNumber, draft.request_size);
  add_number(out, O::kResponseSizeFieldNumber, draft.response_size);
  add_number(out, O::kRecordsFieldNumber, draft.records);
  add_number(out, O::kLatencyMsFieldNumber, draft.latency_ms);
}

size_t estimate_bytes(const Draft& draft) {
  return 160 + draft.id.size() + draft.source.size() + draft.user_agent.size() +
         draft.endpoint.size() + draft.resource.size() + draft.client_id.size() +
         draft.attributes.size() * 64;
}

}  // namespace

std::string finish(const Draft& draft, v1::IdentityKind kind, bool authenticated, bool imported) {
  std::string bytes;
  bytes.reserve(estimate_bytes(draft));
  protozero::pbf_writer out(bytes);
  add_text(out, O::kIdFieldNumber, draft.id);
  out.add_fixed64(O::kTimeMsFieldNumber, static_cast<uint64_t>(draft.time_ms));
  add_text(out, O::kSourceFieldNumber, draft.source);
  add_id(out, O::kPrincipalFieldNumber, draft.principal);
  add_id(out, O::kTokenIdFieldNumber, draft.token_id);
  add_id(out, O::kSessionIdFieldNumber, draft.session_id);
  add_text(out, O::kActionFieldNumber, draft.action);
  add_number(out, O::kOutcomeFieldNumber, static_cast<uint64_t>(draft.outcome));
  if (draft.source_ip.known())
    add_text(out, O::kNetworkFieldNumber, policy::recorded_network(kind, draft.source_ip));
  add_what(out, draft);
  add_id(out, O::kActorFieldNumber, draft.actor);
  add_attributes(out, draft.attributes);
  add_number(out, O::kCountFieldNumber, draft.count);
  add_number(out, O::kKindFieldNumber, static_cast<uint64_t>(kind));
  if (authenticated) out.add_bool(O::kAuthenticatedFieldNumber, true);
  if (imported) out.add_bool(O::kImportedFieldNumber, true);
  add_text(out, O::kCountryFieldNumber, draft.country);
  add_number(out, O::kAsnFieldNumber, draft.asn);
  return bytes;
}

}  // namespace watchword::observe
