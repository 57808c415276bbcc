#include "api/config/settings.h"

#include <charconv>

namespace watchword::config {
namespace {

Error malformed(std::string_view text) {
  return {
      Errc::invalid, "config.endpoint.malformed",
      "\"" + std::string(text) + "\" is not ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080"};
}

}  // namespace

policy::TypePolicies type_policies(const Settings& settings) {
  policy::TypePolicies policies;
  const IdentityTypes& types = settings.identity_types;
  policies.by_kind[v1::SERVICE_ACCOUNT] = types.service_account;
  policies.by_kind[v1::AI_AGENT] = types.ai_agent;
  policies.by_kind[v1::API_KEY] = types.api_key;
  policies.by_kind[v1::HUMAN] = types.human;
  for (policy::TypePolicy& each : policies.by_kind)
    each.requires_continuous_auth &= settings.security.require_continuous_auth;
  return policies;
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return malformed(text);
  std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  const auto address = Address::parse(host);
  if (!address || bracketed != (host.find(':') != host.npos)) return malformed(text);
  Endpoint endpoint{*address, 0};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size())
    return malformed(text);
  return endpoint;
}

}  // namespace watchword::config
