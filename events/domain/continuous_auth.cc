#include "events/domain/continuous_auth.h"

#include <array>
#include <utility>

#include "events/policy/cidr.h"
#include "events/policy/hours.h"

namespace watchword::domain {
namespace {

Check passed_if(bool holds) { return holds ? Check::passed : Check::failed; }

Check check_network(const v1::Limits& limits, const Address& address) {
  if (limits.allowed_ips().empty()) return Check::passed;
  if (!address.known()) return Check::unknown;
  return passed_if(policy::address_allowed(limits.allowed_ips(), address));
}

Check check_risk(const Call& call, const UseRules& rules) {
  return call.risk ? passed_if(*call.risk < rules.risk_limit) : Check::unknown;
}

}  // namespace

std::string_view UseChecks::refused_by(const UseRules& rules) const {
  const std::array<std::pair<std::string_view, Check>, 4> all{
      {{"identity", identity}, {"network", network}, {"hours", hours}, {"risk", risk}}};
  for (const auto& [name, check] : all) {
    if (check == Check::failed || (check == Check::unknown && rules.unknown_refuses)) return name;
  }
  return {};
}

UseChecks check_use(const v1::IdentityState& identity, const Call& call, const UseRules& rules,
                    Moment moment) {
  const auto& limits = identity.limits();
  if (!limits.requires_continuous_auth()) return {};
  return {.identity = passed_if(identity.status() == v1::IDENTITY_ACTIVE),
          .network = check_network(limits, call.address),
          .hours = passed_if(
              policy::allowed_at(limits.allowed_hours(), limits.time_zone(), moment.now_ms)),
          .risk = check_risk(call, rules)};
}

}  // namespace watchword::domain
