// What an identity's limits may be, as a request body writes them. Input: a byte for the kind of
// identity, then the body.
#include <boost/json/serialize.hpp>

#include "api/handlers/limits_body.h"
#include "api/http/problem.h"
#include "events/base/json.h"
#include "events/policy/cidr.h"
#include "processors/detectors/detector.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

domain::Rules rules() {
  domain::Rules rules;
  for (const auto& detector : detectors::kDetectors) rules.signals.push_back(detector.name);
  return rules;
}

void require_told(http::JsonBody& body) {
  http::Request request;
  http::Response response;
  require(http::inspect("POST / HTTP/1.1\r\nHost: h\r\n\r\n", {}, request.fill_head()).accepted(),
          "a request");
  http::answer_problem(body.problem(), request, response);
  const auto problem = parse_json_strict(response.body);
  require(problem.ok(), "a problem is JSON whatever the body was");
  require(problem->as_object().at("errors").as_array().size() == body.errors().size(),
          "each error is told");
}

// The change that a row's own limits amount to.
domain::LimitsChange change_of(const v1::Limits& limits) {
  domain::LimitsChange change;
  change.allowed_scopes.emplace(limits.allowed_scopes().begin(), limits.allowed_scopes().end());
  change.allowed_ips.emplace(limits.allowed_ips().begin(), limits.allowed_ips().end());
  change.allowed_hours.emplace(limits.allowed_hours().begin(), limits.allowed_hours().end());
  change.time_zone = limits.time_zone();
  change.max_token_lifetime_s = limits.max_token_lifetime_s();
  change.requires_attestation = limits.requires_attestation();
  change.requires_continuous_auth = limits.requires_continuous_auth();
  change.attestation = limits.attestation();
  change.metadata.emplace();
  for (const auto& pair : limits.metadata())
    change.metadata->emplace_back(pair.key(), pair.value());
  change.signals_off.emplace(limits.signals_off().begin(), limits.signals_off().end());
  return change;
}

void require_within(const v1::Limits& limits, const policy::TypePolicy& type) {
  require(limits.max_token_lifetime_s() <= type.max_token_lifetime_s, "no longer than the type's");
  require(!type.requires_attestation || limits.requires_attestation(), "no laxer than the type");
  require(!type.requires_continuous_auth || limits.requires_continuous_auth(),
          "no laxer than the type");
  for (const auto& text : limits.allowed_ips()) {
    const auto network = policy::Cidr::parse(text);
    require(network && network->text() == text, "networks are canonical");
  }
}

void run(std::string_view input) {
  Pieces pieces(input);
  const auto kind = static_cast<v1::IdentityKind>(v1::SERVICE_ACCOUNT + pieces.byte() % 4);
  auto body = http::JsonBody::parse(pieces.rest());
  if (!body) return;
  auto fields = body->fields();
  const auto change = api::read_limits(fields);
  if (!body->done(fields)) return require_told(*body);
  const auto all = rules();
  const auto& type = all.types.of(kind);
  const auto limits = domain::changed_limits(domain::limits_of_type(type), change, all, kind);
  if (!limits) return require(!limits.error().reason.empty(), "a refusal has a reason");
  require_within(*limits, type);
  const auto again = domain::changed_limits(*limits, change_of(*limits), all, kind);
  require(again && again->SerializeAsString() == limits->SerializeAsString(),
          "limits that were accepted are accepted again, unchanged");
}

const Registered kTarget{{"body", run}};

}  // namespace
}  // namespace watchword::fuzz
