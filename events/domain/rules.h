// What decide is told besides state and command: the moment, and what the configuration says. Never read by a fold.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "events/policy/type_policy.h"

namespace watchword::domain {

struct Moment {
  int64_t now_ms = 0;  // never goes back: the greater of the last frame's time and the wall clock
};

struct Rules {
  policy::TypePolicies types = policy::production_policies();
  std::vector<std::string_view> signals;  // names in the table of detectors, which an identity may switch off
};

// Continuous auth. Risks are in 1/65536.
struct UseRules {
  uint32_t risk_limit = 65536;   // a risk at or above it refuses the use; 65536: none does
  bool unknown_refuses = false;  // a check whose input was not sent refuses too
};

}  // namespace watchword::domain
