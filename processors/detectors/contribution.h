// How much of the evidence each signal brings: weighted, and damped within its group.
#pragma once
#include <array>
#include <cstdint>

#include "processors/detectors/scorer.h"

namespace watchword::detectors {

inline constexpr size_t kGroups = 6;

// Of each group the largest part counts whole, the others a quarter. In 1/65536 of E; parts sum to
// `evidence`.
struct Contributions {
  std::array<uint64_t, 16> parts{};  // in the order of Verdict::signals
  uint64_t evidence = 0;
};
Contributions contributions(const Verdict& verdict);

}  // namespace watchword::detectors
