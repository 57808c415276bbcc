#include "events/base/result.h"

#include <cstdio>

namespace watchword {

void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "watchword: bug: %s does not hold (%s:%d)\n", what, file, line);
  std::abort();
}

}  // namespace watchword
