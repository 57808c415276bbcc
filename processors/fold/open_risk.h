// The risk that a principal stands at now.
#pragma once
#include "processors/fold/state.h"

namespace watchword::fold {

// Of its riskiest open alert, in 1/65536; 0 without one.
uint32_t open_risk(State& rows, const Id& principal);

}  // namespace watchword::fold
