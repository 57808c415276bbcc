// The few calls that the segment journal makes to a file system, so that tests can make them fail
// or lose power.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "events/base/result.h"

namespace watchword::journal {

// One open file; closed when it goes. Calls answer as the system calls of their name do, but with
// -errno for a failure: they may be interrupted or do less than asked. Thread-safe.
class File {
 public:
  virtual ~File() = default;
  virtual ssize_t pread(void* into, size_t bytes, uint64_t offset) = 0;
  virtual ssize_t pwrite(const void* from, size_t bytes, uint64_t offset) = 0;
  virtual int fdatasync() = 0;
  virtual int allocate(uint64_t bytes) = 0;  // fallocate(fd, 0, 0, bytes)
  virtual void drop_cache() {}               // posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED): a hint
};

enum class Access : uint8_t {
  read,
  write,
  create
};  // create: new and empty, also if the name is taken

struct Listed {
  std::string name;
  uint64_t bytes = 0;
};

// Thread-safe. Integers: 0 or -errno.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual int open(const std::string& path, Access access, std::unique_ptr<File>& file) = 0;
  virtual int list(const std::string& directory, std::vector<Listed>& files) = 0;
  virtual int make_directory(
      const std::string& directory) = 0;  // with those above it; 0 if it is there
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int remove(const std::string& path) = 0;
  virtual int sync_directory(const std::string& directory) = 0;
};

Disk& system_disk();

// All of it, whatever is interrupted or cut short. 0 or -errno.
int write_all(File& file, const char* from, size_t bytes, uint64_t offset);
int sync_all(File& file);
// Fewer bytes than asked only at the end of the file. Bytes or -errno.
ssize_t read_all(File& file, char* into, size_t bytes, uint64_t offset);

// io, detail "<what>: <text of the errno>".
Error disk_error(std::string_view reason, const std::string& what, int64_t negative_errno);

}  // namespace watchword::journal
