#include "stores/keys/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "events/base/crash_point.h"
#include "events/crypto/encoding.h"

namespace watchword::keys {
namespace {

constexpr mode_t kPrivate = S_IRUSR | S_IWUSR;
constexpr std::string_view kFresh = ".new-";  // behind the name of a file that is not in place yet

Error system_error(std::string_view reason, const std::filesystem::path& path) {
  const Errc code = errno == ENOSPC || errno == EDQUOT ? Errc::unavailable
                    : errno == ENOENT                  ? Errc::not_found
                    : errno == EEXIST                  ? Errc::conflict
                                                       : Errc::io;
  return {code, reason, path.string() + ": " + std::strerror(errno)};
}

Result<> check_private(int descriptor, const std::filesystem::path& path) {
  struct stat found;
  if (fstat(descriptor, &found) != 0) return system_error("keys.file.stat", path);
  if (!S_ISREG(found.st_mode))
    return Error{Errc::denied, "keys.file.kind", path.string() + " is not a plain file"};
  if (found.st_uid != geteuid() && found.st_uid != 0)
    return Error{Errc::denied, "keys.file.owner",
                 path.string() + " belongs to another user; it must be ours alone"};
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Errc::denied, "keys.file.permissions",
                 path.string() + " can be read or written by others; run chmod 600 on it"};
  return {};
}

Result<> sync_directory_of(const std::filesystem::path& path) {
  const auto directory = path.has_parent_path() ? path.parent_path() : ".";
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_error("keys.file.directory", directory);
  int synced = fsync(descriptor);
  while (synced != 0 && errno == EINTR) synced = fsync(descriptor);
  const int reason = errno;
  ::close(descriptor);
  errno = reason;
  if (synced != 0) return system_error("keys.file.directory_sync", directory);
  return {};
}

Result<> create_with(const std::filesystem::path& path, std::string_view bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kPrivate);
  if (descriptor < 0) return system_error("keys.file.create", path);
  ::close(descriptor);
  auto file = File::open(path, File::Mode::update);
  if (!file) return file.error();
  if (auto written = file->write_at(0, bytes); !written) return written;
  return file->sync();
}

}  // namespace

File::File(int descriptor, std::filesystem::path path)
    : descriptor_(descriptor), path_(std::move(path)) {}

File::File(File&& other) noexcept : descriptor_(other.descriptor_), path_(std::move(other.path_)) {
  other.descriptor_ = -1;
}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  path_.swap(other.path_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Error File::failed(std::string_view reason) const { return system_error(reason, path_); }

Result<File> File::open(const std::filesystem::path& path, Mode mode) {
  const int access = mode == Mode::update ? O_RDWR : O_RDONLY;
  const int descriptor = ::open(path.c_str(), access | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return system_error("keys.file.open", path);
  File file(descriptor, path);
  if (auto checked = check_private(descriptor, path); !checked) return checked.error();
  return file;
}

Result<uint64_t> File::size() const {
  struct stat found;
  if (fstat(descriptor_, &found) != 0) return failed("keys.file.size");
  return static_cast<uint64_t>(found.st_size);
}

Result<> File::read_at(uint64_t offset, char* into, size_t size) const {
  while (size > 0) {
    const ssize_t got = pread(descriptor_, into, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("keys.file.read");
    if (got == 0)
      return Error{Errc::corrupt, "keys.file.short",
                   path_.string() + " ends at byte " + std::to_string(offset)};
    into += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<size_t>(got);
  }
  return {};
}

Result<> File::write_at(uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed("keys.file.write");
    offset += static_cast<uint64_t>(put);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Result<> File::truncate(uint64_t size) {
  if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return failed("keys.file.truncate");
  return {};
}

Result<> File::sync() {
  int synced = fdatasync(descriptor_);
  while (synced != 0 && errno == EINTR) synced = fdatasync(descriptor_);
  if (synced != 0) return failed("keys.file.sync");
  return {};
}

Result<> File::lock_exclusive() {
  if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK)
    return Error{Errc::unavailable, "keys.file.in_use",
                 path_.string() + " is in use by another process"};
  return failed("keys.file.lock");
}

Result<> check_private_folder(const std::filesystem::path& path) {
  struct stat found;
  if (stat(path.c_str(), &found) != 0) return system_error("keys.folder.stat", path);
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return Error{Errc::denied, "keys.folder.permissions",
               path.string() +
                   " can be written by others, who could replace the files in it; run chmod go-w on it"};
}

Result<std::string> read_private_file(const std::filesystem::path& path, size_t max_bytes) {
  const auto file = File::open(path, File::Mode::read);
  if (!file) return file.error();
  const auto size = file->size();
  if (!size) return size.error();
  if (*size > max_bytes)
    return Error{Errc::corrupt, "keys.file.too_large",
                 path.string() + " has more than " + std::to_string(max_bytes) + " bytes"};
  std::string bytes(*size, '\0');
  if (auto read = file->read_at(0, bytes.data(), bytes.size()); !read) return read.error();
  return bytes;
}

// Written under another name first, so that nobody ever finds half a file under its own.
Result<> write_private_file(const std::filesystem::path& path, std::string_view bytes, IfThere there,
                            Entropy& entropy) {
  const auto chance = entropy.draw<8>();
  const std::string_view suffix(reinterpret_cast<const char*>(chance.data()), chance.size());
  const std::filesystem::path fresh = path.string() + std::string(kFresh) + crypto::hex(suffix);
  Result<> done = create_with(fresh, bytes);
  if (done) crash_point(CrashPoint::ring_written);
  if (done && there == IfThere::replace && ::rename(fresh.c_str(), path.c_str()) != 0)
    done = system_error("keys.file.rename", path);
  if (done && there == IfThere::keep && ::link(fresh.c_str(), path.c_str()) != 0)
    done = system_error("keys.file.link", path);
  if (!done || there == IfThere::keep) ::unlink(fresh.c_str());
  if (!done) return done;
  return sync_directory_of(path);
}

void remove_unfinished(const std::filesystem::path& directory) {
  std::error_code ignored;
  for (const auto& file : std::filesystem::directory_iterator(directory, ignored))
    if (file.path().filename().string().find(kFresh) != std::string::npos)
      std::filesystem::remove(file.path(), ignored);
}

}  // namespace watchword::keys
