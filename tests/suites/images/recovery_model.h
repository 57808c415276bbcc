// What recovery must make of segment files, written from PROTOCOL.md section 2 and the grammar in
// stores/journal/README.md rather than from the code: whole files in memory, one sector after
// another.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace watchword::images {

struct Expected {
  bool opens = false;
  uint64_t frames = 0;  // if it opens
  std::string why;      // if it does not
};

// `segments`: the contents of the files 1, 2, 3, ...
Expected expected_of(const std::vector<std::string>& segments);

}  // namespace watchword::images
