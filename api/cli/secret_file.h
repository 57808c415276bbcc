// Files that hold a token: 0600, made before the token is asked for, so that it cannot be lost on
// the way.
#pragma once
#include <string>
#include <string_view>

#include "events/base/result.h"

namespace watchword::cli {

// A new file that will hold one secret. Without keep() it is removed again.
class SecretFile {
 public:
  // Errors: conflict "cli.output.exists"; io "cli.output".
  static Result<SecretFile> create(const std::string& path);
  SecretFile(SecretFile&& other) noexcept;
  SecretFile& operator=(SecretFile&&) = delete;
  ~SecretFile();

  // The secret and a line's end, durable when this returns. Errors: io "cli.output".
  Result<> keep(std::string_view secret);
  const std::string& path() const { return path_; }

 private:
  SecretFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::string path_;
  int descriptor_;
  bool kept_ = false;
};

}  // namespace watchword::cli
