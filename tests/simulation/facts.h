// A number for each kind of fact that a frame may hold, from the schema: what never occurs in a run can be told.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "schemas/frame.pb.h"

namespace watchword::simulation {

inline constexpr uint32_t kJudged = 0;

// Below 256.
uint32_t number_of_fact(const v1::Event& event);
// Every kind with its number: "jit_token.issued".
std::vector<std::pair<uint32_t, std::string>> kinds_of_facts();

}  // namespace watchword::simulation
