// Requests that two readers could cut apart at different places.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace watchword::testing {

enum class Fate : uint8_t {
  refused,    // answered once with an error, and the connection ends
  swallowed,  // one request: what stands behind it is its body
  two,        // plainly two requests, one behind the other
};

struct Attack {
  std::string name;
  std::string bytes;  // with the smuggled request in it
  Fate fate = Fate::refused;
};

// Each wraps `smuggled` behind a request that carries `token`.
std::vector<Attack> attacks(std::string_view token, std::string_view smuggled);

}  // namespace watchword::testing
