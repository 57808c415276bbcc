// An invariant that did not hold.
#pragma once
#include <stdexcept>
#include <string>

namespace watchword::simulation {

struct Violation : std::runtime_error {
  Violation(std::string the_invariant, const std::string& what)
      : std::runtime_error(what), invariant(std::move(the_invariant)) {}
  std::string invariant;
};

}  // namespace watchword::simulation
