#include "stores/journal/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace watchword::journal {
namespace {

namespace fs = std::filesystem;

int negated(int result) { return result < 0 ? -errno : result; }

class SystemFile final : public File {
 public:
  explicit SystemFile(int fd) : fd_(fd) {}
  ~SystemFile() override { ::close(fd_); }
  ssize_t pread(void* into, size_t bytes, uint64_t offset) override {
    const ssize_t done = ::pread(fd_, into, bytes, static_cast<off_t>(offset));
    return done < 0 ? -errno : done;
  }
  ssize_t pwrite(const void* from, size_t bytes, uint64_t offset) override {
    const ssize_t done = ::pwrite(fd_, from, bytes, static_cast<off_t>(offset));
    return done < 0 ? -errno : done;
  }
  int fdatasync() override { return negated(::fdatasync(fd_)); }
  int allocate(uint64_t bytes) override {
    return negated(::fallocate(fd_, 0, 0, static_cast<off_t>(bytes)));
  }
  void drop_cache() override { (void)::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED); }

 private:
  int fd_;
};

int flags(Access access) {
  switch (access) {
    case Access::read:
      return O_RDONLY;
    case Access::write:
      return O_RDWR;
    case Access::create:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

class SystemDisk final : public Disk {
 public:
  int open(const std::string& path, Access access, std::unique_ptr<File>& file) override {
    const int fd = ::open(path.c_str(), flags(access) | O_CLOEXEC, 0600);
    if (fd < 0) return -errno;
    file = std::make_unique<SystemFile>(fd);
    return 0;
  }

  int list(const std::string& directory, std::vector<Listed>& files) override {
    std::error_code error;
    fs::directory_iterator entry(directory, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
      const uint64_t bytes = entry->is_regular_file(error) ? entry->file_size(error) : 0;
      // A file that was renamed away since is not part of the listing.
      if (!error) files.push_back({entry->path().filename().string(), bytes});
      error.clear();
    }
    return -error.value();
  }

  int make_directory(const std::string& directory) override {
    std::error_code error;
    fs::create_directories(directory, error);
    return -error.value();
  }
  int rename(const std::string& from, const std::string& to) override {
    return negated(::rename(from.c_str(), to.c_str()));
  }
  int remove(const std::string& path) override { return negated(::unlink(path.c_str())); }
  int sync_directory(const std::string& directory) override {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    const int synced = negated(::fsync(fd));
    ::close(fd);
    return synced;
  }
};

}  // namespace

Disk& system_disk() {
  static SystemDisk disk;
  return disk;
}

int write_all(File& file, const char* from, size_t bytes, uint64_t offset) {
  while (bytes > 0) {
    const ssize_t done = file.pwrite(from, bytes, offset);
    if (done == -EINTR) continue;
    if (done <= 0) return done == 0 ? -EIO : static_cast<int>(done);
    from += done;
    bytes -= static_cast<size_t>(done);
    offset += static_cast<uint64_t>(done);
  }
  return 0;
}

int sync_all(File& file) {
  int synced = file.fdatasync();
  while (synced == -EINTR) synced = file.fdatasync();
  return synced;
}

ssize_t read_all(File& file, char* into, size_t bytes, uint64_t offset) {
  size_t got = 0;
  while (got < bytes) {
    const ssize_t done = file.pread(into + got, bytes - got, offset + got);
    if (done == -EINTR) continue;
    if (done < 0) return done;
    if (done == 0) break;
    got += static_cast<size_t>(done);
  }
  return static_cast<ssize_t>(got);
}

Error disk_error(std::string_view reason, const std::string& what, int64_t negative_errno) {
  return {Errc::io, reason, what + ": " + std::strerror(static_cast<int>(-negative_errno))};
}

}  // namespace watchword::journal
