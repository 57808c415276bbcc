// The few durable steps that the key stores take on files. Every file here is 0600.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "events/base/clock.h"
#include "events/base/result.h"

namespace watchword::keys {

// An open file, closed when dropped. `read_at` and `write_at` move all the bytes asked for or fail. Errors: io (read_at past
// the end: corrupt; write_at on a full disk: unavailable), "keys.file.*", with the path and the system's words.
class File {
 public:
  enum class Mode : uint8_t { read, update };

  // not_found if it is absent. Refused (denied) when it is no plain file, belongs to neither us nor root, or is open to
  // group or others: a secret that others can read is none.
  static Result<File> open(const std::filesystem::path& path, Mode mode);

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  Result<uint64_t> size() const;
  Result<> read_at(uint64_t offset, char* into, size_t size) const;
  Result<> write_at(uint64_t offset, std::string_view bytes);
  Result<> truncate(uint64_t size);
  Result<> sync();            // fdatasync
  Result<> lock_exclusive();  // until closed; unavailable if another process has it
  const std::filesystem::path& path() const { return path_; }

 private:
  File(int descriptor, std::filesystem::path path);
  Error failed(std::string_view reason) const;

  int descriptor_;
  std::filesystem::path path_;
};

// denied "keys.folder.permissions" when group or others may write to that folder: who can replace a key file chooses what
// it says. Reading is not looked at; the files are closed themselves.
Result<> check_private_folder(const std::filesystem::path& path);

// The whole file, under the same conditions as File::open. Over `max_bytes`: corrupt.
Result<std::string> read_private_file(const std::filesystem::path& path, size_t max_bytes);

enum class IfThere : uint8_t { keep, replace };

// A new file with these bytes, durable in its directory when this returns; a crash leaves the old one, or none, or all of
// the new one. With `keep`, conflict if there is a file of that name.
Result<> write_private_file(const std::filesystem::path& path, std::string_view bytes, IfThere there,
                            Entropy& entropy);

// Removes what crashes in write_private_file() have left in a folder: copies of keys. Only where nobody else writes.
void remove_unfinished(const std::filesystem::path& directory);

}  // namespace watchword::keys
