// What every use of a token checks again, where its identity asks for continuous auth.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "events/base/address.h"
#include "events/domain/rules.h"
#include "schemas/identity.pb.h"

namespace watchword::domain {

// unknown: its input was not sent, so it was skipped, and is recorded as such.
enum class Check : uint8_t { not_required, passed, failed, unknown };

// What is known of the call that presents the token.
struct Call {
  Address address;               // of the client; not known when the resource server sent none
  std::optional<uint32_t> risk;  // of the identity now, in 1/65536
};

struct UseChecks {
  Check identity = Check::not_required;
  Check network = Check::not_required;
  Check hours = Check::not_required;
  Check risk = Check::not_required;

  bool operator==(const UseChecks&) const = default;
  bool allowed(const UseRules& rules) const { return refused_by(rules).empty(); }
  // "identity", "network", "hours" or "risk": the first that refuses; empty when none does.
  std::string_view refused_by(const UseRules& rules) const;
};

// The one place that says what a use of any token must pass besides its status. Identities that do not ask for
// continuous auth are checked for nothing here: their tokens' status already says whether they are suspended.
UseChecks check_use(const v1::IdentityState& identity, const Call& call, const UseRules& rules,
                    Moment moment);

}  // namespace watchword::domain
