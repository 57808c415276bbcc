#include "events/domain/limits.h"

#include <algorithm>
#include <array>

#include "events/domain/text.h"
#include "events/policy/cidr.h"
#include "events/policy/hours.h"
#include "events/policy/scopes.h"

namespace watchword::domain {
namespace {

constexpr size_t kMaxJwksBytes = 16 * 1024;
constexpr size_t kMaxTrustCharacters = 512;

using Strings = google::protobuf::RepeatedPtrField<std::string>;
struct Bounds {
  const policy::TypePolicy& type;
  const Rules& rules;
};
using Step = Result<> (*)(const LimitsChange&, const Bounds&, v1::Limits&);

void add_once(Strings& to, std::string text) {
  if (std::find(to.begin(), to.end(), text) == to.end()) *to.Add() = std::move(text);
}

Result<> change_scopes(const LimitsChange& change, const Bounds&, v1::Limits& limits) {
  if (!change.allowed_scopes) return {};
  const auto distinct = policy::distinct_scopes(*change.allowed_scopes);
  if (!distinct) return distinct.error();
  limits.mutable_allowed_scopes()->Assign(distinct.value().begin(), distinct.value().end());
  return {};
}

Result<> change_networks(const LimitsChange& change, const Bounds&, v1::Limits& limits) {
  if (!change.allowed_ips) return {};
  if (change.allowed_ips->size() > kMaxNetworks) {
    return Error{Errc::unprocessable, "limits.networks.too_many", "at most 100 networks"};
  }
  limits.clear_allowed_ips();
  for (const std::string& text : *change.allowed_ips) {
    const auto cidr = policy::Cidr::parse(text);
    if (!cidr) return cidr.error();
    add_once(*limits.mutable_allowed_ips(), cidr->text());
  }
  return {};
}

Result<> change_hours(const LimitsChange& change, const Bounds&, v1::Limits& limits) {
  if (!change.allowed_hours) return {};
  if (change.allowed_hours->size() > kMaxHourRanges) {
    return Error{Errc::unprocessable, "limits.hours.too_many", "at most 100 ranges"};
  }
  for (const auto& range : *change.allowed_hours) {
    if (const auto good = policy::check_hours(range); !good) return good.error();
  }
  limits.mutable_allowed_hours()->Assign(change.allowed_hours->begin(),
                                         change.allowed_hours->end());
  return {};
}

Result<> change_time_zone(const LimitsChange& change, const Bounds&, v1::Limits& limits) {
  if (!change.time_zone) return {};
  if (const auto good = policy::check_time_zone(*change.time_zone); !good) return good.error();
  limits.set_time_zone(*change.time_zone);
  return {};
}

Result<> change_lifetime(const LimitsChange& change, const Bounds& bounds, v1::Limits& limits) {
  if (!change.max_token_lifetime_s) return {};
  if (*change.max_token_lifetime_s < 1) {
    return Error{Errc::invalid, "limits.lifetime.not_positive", "at least 1 second"};
  }
  if (*change.max_token_lifetime_s > bounds.type.max_token_lifetime_s) {
    return Error{Errc::unprocessable, "limits.lifetime.above_type",
                 "the type's limit is " + std::to_string(bounds.type.max_token_lifetime_s) + " s"};
  }
  limits.set_max_token_lifetime_s(*change.max_token_lifetime_s);
  return {};
}

Result<> change_requirements(const LimitsChange& change, const Bounds& bounds,
                             v1::Limits& limits) {
  if (change.requires_attestation) {
    if (bounds.type.requires_attestation && !*change.requires_attestation) {
      return Error{Errc::denied, "limits.attestation.required_by_type", "the type requires it"};
    }
    limits.set_requires_attestation(*change.requires_attestation);
  }
  if (change.requires_continuous_auth) {
    if (bounds.type.requires_continuous_auth && !*change.requires_continuous_auth) {
      return Error{Errc::denied, "limits.continuous_auth.required_by_type", "the type requires it"};
    }
    limits.set_requires_continuous_auth(*change.requires_continuous_auth);
  }
  return {};
}

// Either keys, or all three of an issuer's words, or nothing at all.
bool is_complete(const v1::AttestationTrust& trust) {
  const int words = !trust.issuer().empty() + !trust.audience().empty() + !trust.subject().empty();
  return trust.jwks().empty() ? words == 0 || words == 3 : words == 0;
}

Result<> change_attestation(const LimitsChange& change, const Bounds&, v1::Limits& limits) {
  if (!change.attestation) return {};
  const auto& trust = *change.attestation;
  if (!is_complete(trust)) {
    return Error{Errc::invalid, "limits.attestation.incomplete",
                 "either jwks, or issuer, audience and subject"};
  }
  if (trust.jwks().size() > kMaxJwksBytes) {
    return Error{Errc::unprocessable, "limits.attestation.too_large", "jwks: at most 16384 bytes"};
  }
  for (const auto* word : {&trust.issuer(), &trust.audience(), &trust.subject()}) {
    if (printable_length(*word).value_or(kMaxTrustCharacters + 1) > kMaxTrustCharacters) {
      return Error{Errc::invalid, "limits.attestation.malformed",
                   "at most 512 printable characters"};
    }
  }
  if (trust.jwks().empty() && trust.issuer().empty()) {
    limits.clear_attestation();
  } else {
    *limits.mutable_attestation() = trust;
  }
  return {};
}

Result<> change_metadata(const LimitsChange& change, const Bounds&, v1::Limits& limits) {
  if (!change.metadata) return {};
  auto metadata = canonical_metadata(*change.metadata);
  if (!metadata) return metadata.error();
  *limits.mutable_metadata() = std::move(*metadata);
  return {};
}

Result<> change_signals(const LimitsChange& change, const Bounds& bounds, v1::Limits& limits) {
  if (!change.signals_off) return {};
  const auto& known = bounds.rules.signals;
  limits.clear_signals_off();
  for (const std::string& name : *change.signals_off) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return Error{Errc::invalid, "limits.signals.unknown", name.substr(0, kMaxNameCharacters)};
    }
    add_once(*limits.mutable_signals_off(), name);
  }
  return {};
}

constexpr std::array<Step, 9> kSteps{
    &change_scopes,       &change_networks,    &change_hours,
    &change_time_zone,    &change_lifetime,    &change_requirements,
    &change_attestation,  &change_metadata,    &change_signals};

}  // namespace

v1::Limits limits_of_type(const policy::TypePolicy& type) {
  v1::Limits limits;
  limits.set_max_token_lifetime_s(type.max_token_lifetime_s);
  limits.set_requires_attestation(type.requires_attestation);
  limits.set_requires_continuous_auth(type.requires_continuous_auth);
  return limits;
}

Result<v1::Limits> changed_limits(v1::Limits limits, const LimitsChange& change, const Rules& rules,
                                  v1::IdentityKind kind) {
  const Bounds bounds{rules.types.of(kind), rules};
  for (const Step step : kSteps) {
    if (const auto done = step(change, bounds, limits); !done) return done.error();
  }
  return limits;
}

}  // namespace watchword::domain
