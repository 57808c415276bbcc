#include "replay/copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

namespace watchword::replay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPieceBytes = 1024 * 1024;
constexpr int kTries = 100;

Error failed(std::string_view reason, const std::string& path) {
  return {Errc::io, reason, path + ": " + std::strerror(errno)};
}

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0600)
      : number_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  File(const File&) = delete;
  operator int() const { return number_; }  // NOLINT: it is one
  bool ok() const { return number_ >= 0; }

 private:
  int number_;
};

bool write_all(int file, const char* bytes, size_t count) {
  while (count > 0) {
    const ssize_t wrote = ::write(file, bytes, count);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes += wrote;
    count -= static_cast<size_t>(wrote);
  }
  return true;
}

// Copies up to `most` bytes; -1: failed, errno says why.
int64_t copy_bytes(int from, int to, uint64_t most) {
  const auto piece = std::make_unique<char[]>(kPieceBytes);
  uint64_t copied = 0;
  while (copied < most) {
    const ssize_t got = ::read(from, piece.get(), std::min<uint64_t>(kPieceBytes, most - copied));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) break;
    if (got < 0 || !write_all(to, piece.get(), static_cast<size_t>(got))) return -1;
    copied += static_cast<uint64_t>(got);
  }
  return static_cast<int64_t>(copied);
}

bool is_unchanged(const struct stat& before, const struct stat& after) {
  return before.st_size == after.st_size && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
         before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
}

Result<uint64_t> copy_once(const std::string& from, const std::string& to, uint64_t most,
                           bool& unchanged) {
  const File source(from, O_RDONLY);
  if (!source.ok()) return failed("copy.open", from);
  struct stat before {}, after {};
  if (::fstat(source, &before) != 0) return failed("copy.stat", from);
  const File target(to, O_WRONLY | O_CREAT | O_TRUNC, before.st_mode & 0777);
  if (!target.ok()) return failed("copy.create", to);
  const int64_t copied = copy_bytes(source, target, most);
  const bool whole = copied >= 0 && ::ftruncate(target, before.st_size) == 0 && ::fsync(target) == 0;
  if (!whole) return failed("copy.write", to);
  unchanged = ::fstat(source, &after) == 0 && is_unchanged(before, after);
  return static_cast<uint64_t>(copied);
}

Result<uint64_t> copy_unchanged(const std::string& from, const std::string& to) {
  bool unchanged = false;
  Result<uint64_t> copied;
  for (int i = 0; i < kTries && !unchanged; ++i) {
    copied = copy_once(from, to, ~uint64_t{0}, unchanged);
    if (!copied) return copied;
  }
  if (unchanged) return copied;
  return Error{Errc::io, "copy.changing", from + " does not stay as it is: try again"};
}

}  // namespace

Result<> make_folder(const std::string& path) {
  std::error_code error;
  if (fs::create_directories(path, error))
    fs::permissions(path, fs::perms::owner_all, fs::perm_options::replace, error);
  if (error) return Error{Errc::io, "copy.folder", path + ": " + error.message()};
  return {};
}

Result<> sync_file(const std::string& path) {
  const File file(path, O_RDONLY);
  if (!file.ok() || ::fdatasync(file) != 0) return failed("copy.sync", path);
  return {};
}

Result<> sync_folder(const std::string& path) {
  const File folder(path, O_RDONLY | O_DIRECTORY);
  if (!folder.ok() || ::fsync(folder) != 0) return failed("copy.sync_folder", path);
  return {};
}

std::vector<std::string> files_in(const std::string& folder, std::string_view suffix) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().string().ends_with(suffix)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<uint64_t> copy_front(const std::string& from, const std::string& to, uint64_t most) {
  bool unchanged = false;  // what stands behind may well change
  return copy_once(from, to, most, unchanged);
}

Result<uint64_t> copy_folder(const std::string& from, const std::string& to) {
  if (auto made = make_folder(to); !made) return made.error();
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(from, error)) {
    const std::string target = to + "/" + entry.path().filename().string();
    const auto copied = entry.is_directory() ? copy_folder(entry.path(), target)
                                             : copy_unchanged(entry.path(), target);
    if (!copied) return copied;
    bytes += *copied;
  }
  if (error) return Error{Errc::io, "copy.list", from + ": " + error.message()};
  if (auto synced = sync_folder(to); !synced) return synced.error();
  return bytes;
}

Result<> write_file(const std::string& path, std::string_view text) {
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.ok() || !write_all(file, text.data(), text.size()) || ::fsync(file) != 0)
    return failed("copy.write", path);
  return {};
}

}  // namespace watchword::replay
