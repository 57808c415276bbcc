// What a fuzz target is: a function that takes any bytes and requires what must hold of them.
// libFuzzer drives one target a program; replay_test.cc drives all of them over their kept inputs.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace watchword::fuzz {

struct Target {
  std::string_view name;  // of its file, and of its folders in corpus/ and found/
  void (*run)(std::string_view input);
  size_t bytes_max = 4096;  // longer inputs find nothing that these do not
};

// Those linked into this program.
inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}

// A file of targets/ holds one of these at namespace scope.
struct Registered {
  explicit Registered(Target target) { targets().push_back(target); }
};

struct Broken : std::logic_error {
  using std::logic_error::logic_error;
};

// A property of the target. Throws Broken: a GoogleTest failure, and where nobody catches it the
// end of the process, with the stack of the call.
inline void require(bool holds, const char* property) {
  if (!holds) throw Broken(property);
}

// Takes an input apart: numbers and pieces from its front, then the rest. Past the end all is zero
// and empty.
class Pieces {
 public:
  explicit Pieces(std::string_view input) : rest_(input) {}

  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  // Little-endian.
  uint64_t number(size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value |= uint64_t{byte()} << (8 * i);
    return value;
  }
  std::string_view take(size_t bytes) {
    const auto piece = rest_.substr(0, bytes);
    rest_.remove_prefix(piece.size());
    return piece;
  }
  // Up to the next `mark`, which is dropped; all of it when there is none.
  std::string_view until(char mark) {
    const size_t at = rest_.find(mark);
    const auto piece = rest_.substr(0, at);
    rest_.remove_prefix(at == rest_.npos ? rest_.size() : at + 1);
    return piece;
  }

 private:
  std::string_view rest_;
};

}  // namespace watchword::fuzz
