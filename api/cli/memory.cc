#include "api/cli/memory.h"

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "events/crypto/memory.h"

namespace {

// Above it stand tables of rows and blocks of RocksDB, whose bytes are in the data folder anyway; no
// request or answer is as large. Wiping them would touch pages that were never used.
[[maybe_unused]] constexpr size_t kWipedBytesMax = size_t{2} << 20;

[[maybe_unused]] void wipe_and_free(void* memory, size_t size) {
  if (size <= kWipedBytesMax) explicit_bzero(memory, size);
  std::free(memory);
}

[[maybe_unused]] void wipe_and_free(void* memory) {
  if (memory != nullptr) wipe_and_free(memory, malloc_usable_size(memory));
}

}  // namespace

// Sanitizers have their own, which check that the right one is called.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void operator delete(void* memory) noexcept { wipe_and_free(memory); }
void operator delete(void* memory, size_t size) noexcept {
  if (memory != nullptr) wipe_and_free(memory, size);
}
void operator delete(void* memory, std::align_val_t) noexcept { wipe_and_free(memory); }
void operator delete(void* memory, size_t size, std::align_val_t) noexcept {
  if (memory != nullptr) wipe_and_free(memory, size);
}
#endif

namespace watchword::cli {

void harden() {
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  umask(077);
  crypto::cleanse_openssl_memory();
}

}  // namespace watchword::cli
