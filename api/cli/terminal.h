// Where a verb writes. Results go to `out`, everything for people beside them to `errors`.
#pragma once
#include <cstdio>
#include <string>
#include <string_view>

#include "events/base/result.h"

namespace watchword::cli {

struct Terminal {
  std::FILE* out = stdout;
  std::FILE* errors = stderr;

  void print(std::string_view text) const { std::fwrite(text.data(), 1, text.size(), out); }
  void print_line(std::string_view text) const {
    print(text);
    std::fputc('\n', out);
  }
  void say(std::string_view text) const {
    std::fprintf(errors, "watchword: %.*s\n", static_cast<int>(text.size()), text.data());
  }
  // Says the error and gives its exit code.
  int fail(const Error& error) const;
  bool errors_are_seen() const;  // a person watches: progress may be drawn
};

// Text from elsewhere must not steer a terminal: control characters (C0, DEL, C1) and those that
// turn the direction of writing become a space. Broken UTF-8 is kept.
std::string printable(std::string_view text);

// "41 %  12,400 frames …" drawn over itself; nothing when nobody watches.
class ProgressLine {
 public:
  explicit ProgressLine(const Terminal& terminal) : terminal_(terminal) {}
  ~ProgressLine() { clear(); }
  void show(const std::string& line);
  void clear();

 private:
  const Terminal& terminal_;
  bool shown_ = false;
};

// "[=====>    ] 41 %  12,400 events  8,120/s  ETA 0:42"; without a total no bar and no ETA.
struct ProgressFigures {
  std::string_view noun;
  uint64_t count = 0;            // of `noun`
  uint64_t done = 0, total = 0;  // of any unit, for the bar
  double seconds = 0;
};
std::string progress_text(const ProgressFigures& figures);

}  // namespace watchword::cli
