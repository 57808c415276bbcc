#include "api/cli/memory.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>
#include <new>

namespace {

// Above it stand tables of rows and blocks of RocksDB, whose bytes are in the data folder anyway; no
// request or answer is as large. Wiping them would touch pages that were never used.
constexpr size_t kWipedBytesMax = size_t{2} << 20;

void wipe_and_free(void* memory, size_t size) {
  if (size <= kWipedBytesMax) explicit_bzero(memory, size);
  std::free(memory);
}

void wipe_and_free(void* memory) {
  if (memory != nullptr) wipe_and_free(memory, malloc_usable_size(memory));
}

void* openssl_malloc(size_t size, const char*, int) { return std::malloc(size); }
void openssl_free(void* memory, const char*, int) { wipe_and_free(memory); }
void* openssl_realloc(void* memory, size_t size, const char*, int) {
  if (size == 0) return wipe_and_free(memory), nullptr;
  void* larger = std::malloc(size);
  if (larger == nullptr || memory == nullptr) return larger;
  const size_t held = malloc_usable_size(memory);
  memcpy(larger, memory, held < size ? held : size);
  wipe_and_free(memory);
  return larger;
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
  CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
}

}  // namespace watchword::cli
