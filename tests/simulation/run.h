// One seed from the first start of a node to the last check.
#pragma once
#include <string>
#include <vector>

#include "tests/simulation/world.h"

namespace watchword::simulation {

struct Outcome {
  std::string failure;             // "<invariant>: what was seen"; empty: all held
  std::vector<std::string> story;  // the last steps before it
  uint64_t trace_hash = 0;
  Tally tally;
};

Outcome run_seed(WorldSettings settings);

}  // namespace watchword::simulation
