#include "events/crypto/memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace watchword::crypto {
namespace {

void* allocate(size_t size, const char*, int) { return std::malloc(size); }

void release(void* memory, const char*, int) {
  if (memory != nullptr) explicit_bzero(memory, malloc_usable_size(memory));
  std::free(memory);
}

// realloc() would leave the old bytes where they were.
void* resize(void* memory, size_t size, const char* file, int line) {
  void* larger = size > 0 ? std::malloc(size) : nullptr;
  if (size > 0 && larger == nullptr) return nullptr;
  if (memory != nullptr && larger != nullptr)
    std::memcpy(larger, memory, std::min(size, malloc_usable_size(memory)));
  release(memory, file, line);
  return larger;
}

}  // namespace

void cleanse_openssl_memory() { CRYPTO_set_mem_functions(allocate, resize, release); }

}  // namespace watchword::crypto
