// A directory of its own for each test, gone with it.
#pragma once
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "events/base/clock.h"
#include "events/crypto/encoding.h"

namespace watchword::keys {

class Directory {
 public:
  Directory() {
    const auto chance = system_entropy().draw<8>();
    path_ = std::filesystem::temp_directory_path() /
            ("watchword-keys-" +
             crypto::hex({reinterpret_cast<const char*>(chance.data()), chance.size()}));
    std::filesystem::create_directory(path_);
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Keeps the permissions of a file that is there; a new one is 0600.
inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  using std::filesystem::perms;
  const bool is_new = !std::filesystem::exists(path);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  if (is_new) std::filesystem::permissions(path, perms::owner_read | perms::owner_write);
}

}  // namespace watchword::keys
