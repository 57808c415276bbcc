// The source tree as text, and a scanner for its functions. Good for this project's format, not for all of C++.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace watchword::tidy {

struct File {
  std::string path;  // from the root: "events/base/ids.h"
  std::string text;

  bool has_suffix(std::string_view suffix) const;
  bool is_code() const { return has_suffix(".h") || has_suffix(".cc"); }
  std::string folder() const;  // "events/base"; empty at the root
  std::string name() const;    // "ids.h"
};

// All files below the root but those of .git and build, sorted by path. Read once.
const std::vector<File>& tree();

// Nothing when the tree has no such file.
const File* find_file(std::string_view path);

std::vector<std::string_view> lines_of(std::string_view text);
std::string_view trim(std::string_view text);

// The same length and lines, with comments, the inside of literals and preprocessor lines blanked.
std::string blank_out(std::string_view code);

struct Function {
  std::string head;  // its first line, for the message
  size_t line = 0;   // of the head, from 1
  size_t lines = 0;  // head to closing brace, both included
};
// Functions and methods with a body, tests too; what is nested in a function belongs to it.
std::vector<Function> functions_of(std::string_view code);

struct Include {
  std::string path;  // as written
  bool angle = false;
  size_t line = 0;
};
std::vector<Include> includes_of(std::string_view code);

}  // namespace watchword::tidy
