#include "api/cli/secret_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace watchword::cli {
namespace {

Error failed(const std::string& path) {
  return {Errc::io, "cli.output", path + ": " + std::strerror(errno)};
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace

Result<SecretFile> SecretFile::create(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (descriptor >= 0) return SecretFile(path, descriptor);
  if (errno != EEXIST) return failed(path);
  return Error{Errc::conflict, "cli.output.exists",
               path + " exists: choose another file, or remove it first"};
}

SecretFile::SecretFile(SecretFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      kept_(other.kept_) {}

SecretFile::~SecretFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!kept_) ::unlink(path_.c_str());
}

Result<> SecretFile::keep(std::string_view secret) {
  kept_ = true;  // even half of it is better kept than lost
  if (!write_all(descriptor_, secret) || !write_all(descriptor_, "\n") || ::fsync(descriptor_) != 0)
    return failed(path_);
  return {};
}

}  // namespace watchword::cli
