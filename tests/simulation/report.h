// What a run of seeds tells.
#pragma once
#include <cstdint>

#include "tests/simulation/run.h"

namespace watchword::simulation {

void print_failure(uint64_t seed, const Outcome& outcome);
void print_progress(const Tally& tally, int64_t elapsed_ms);
// Steps, faults of each kind, crashes at each point, answers by status, and what never happened.
void print_summary(const Tally& tally, int64_t elapsed_ms, uint32_t jobs);

}  // namespace watchword::simulation
