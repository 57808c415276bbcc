// The way from libFuzzer to the one target that is linked in.
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto& target = watchword::fuzz::targets().front();
  if (size > target.bytes_max) return -1;  // not for the corpus
  target.run({reinterpret_cast<const char*>(data), size});
  return 0;
}
