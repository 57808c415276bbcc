// Looks for secrets in bytes, in every form in which they could have been written.
#pragma once
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace watchword::testing {

struct Sighting {
  std::string secret, form, where;  // where: file or source, and the byte
};
std::string text_of(const std::vector<Sighting>& sightings);

// What `secret` looks like: raw; hex in both cases; base64 and base64url, wherever in a longer text it began;
// URL-encoded, as needed and every byte, in both cases. {name of the form, its bytes}.
std::vector<std::pair<std::string, std::string>> forms_of(std::string_view secret);

class SecretScan {
 public:
  // `name` is what is told; the secret itself never is. At least 8 bytes, or chance would find it.
  void add(std::string name, std::string_view secret);
  size_t size() const { return needles_.size(); }

  // All places, each secret and form once for each source.
  std::vector<Sighting> in(std::string_view bytes, const std::string& source,
                           bool raw_only = false) const;
  // Every plain file below `folder`. A file whose path ends in `home` may hold the secret `name`.
  struct Home {
    std::string home, name;
  };
  std::vector<Sighting> in_folder(const std::string& folder, const std::vector<Home>& homes) const;
  // The memory that a process may write to, raw form only. Needs root, or the same user and a dumpable process.
  std::vector<Sighting> in_memory(pid_t process) const;

 private:
  struct Needle {
    std::string name, form, bytes;
  };
  std::vector<Needle> needles_;
};

}  // namespace watchword::testing
