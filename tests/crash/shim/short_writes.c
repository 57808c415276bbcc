// Preloaded: a disk that writes at most 700 bytes at a time, and is interrupted before every third write.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <unistd.h>

enum { kMost = 700 };
static atomic_uint calls;

static int is_interrupted(void) {
  if (atomic_fetch_add(&calls, 1) % 3 != 2) return 0;
  errno = EINTR;
  return 1;
}

ssize_t pwrite64(int file, const void* from, size_t bytes, off64_t at) {
  static ssize_t (*real)(int, const void*, size_t, off64_t);
  if (real == NULL) *(void**)(&real) = dlsym(RTLD_NEXT, "pwrite64");
  if (is_interrupted()) return -1;
  return real(file, from, bytes < kMost ? bytes : kMost, at);
}

ssize_t pwrite(int file, const void* from, size_t bytes, off_t at) { return pwrite64(file, from, bytes, at); }
