#include "tests/tidy/source.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

namespace watchword::tidy {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<File> read_tree(const fs::path& root) {
  std::vector<File> files;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::end(entry); ++entry) {
    const std::string path = entry->path().lexically_relative(root).string();
    if (path == ".git" || path == "build") entry.disable_recursion_pending();
    else if (entry->is_regular_file()) files.push_back({path, read(entry->path())});
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  return files;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// One pass over the code that blanks what is not code; `at` moves over one construct at a time.
class Blanker {
 public:
  explicit Blanker(std::string_view code) : in_(code), out_(code) {}

  std::string run() {
    while (at_ < in_.size()) step();
    return std::move(out_);
  }

 private:
  void step() {
    if (in_.substr(at_, 2) == "//") return blank_to(in_.find('\n', at_));
    if (in_.substr(at_, 2) == "/*") return blank_past(in_.find("*/", at_ + 2), 2);
    if (in_.substr(at_, 2) == "R\"" && !follows_word()) return raw_string();
    if (in_[at_] == '"') return literal('"');
    if (in_[at_] == '\'' && !follows_word()) return literal('\'');
    if (in_[at_] == '#' && starts_line()) return directive();
    ++at_;
  }
  bool follows_word() const { return at_ > 0 && is_word(in_[at_ - 1]); }
  bool starts_line() const {
    const auto line = in_.rfind('\n', at_);
    const auto from = line == std::string_view::npos ? 0 : line + 1;
    return trim(in_.substr(from, at_ - from)).empty();
  }
  void blank_to(size_t end) {
    for (end = std::min(end, in_.size()); at_ < end; ++at_)
      if (out_[at_] != '\n') out_[at_] = ' ';
  }
  void blank_past(size_t end, size_t length) {
    blank_to(end == std::string_view::npos ? in_.size() : end + length);
  }
  void raw_string() {
    const auto open = in_.find('(', at_);
    if (open == std::string_view::npos) return blank_to(in_.size());
    const std::string close = ")" + std::string(in_.substr(at_ + 2, open - at_ - 2)) + "\"";
    blank_past(in_.find(close, open), close.size());
  }
  void literal(char quote) {
    size_t end = at_ + 1;
    while (end < in_.size() && in_[end] != quote && in_[end] != '\n') end += in_[end] == '\\' ? 2 : 1;
    blank_to(end + 1);
  }
  void directive() {
    size_t end = in_.find('\n', at_);
    while (end != std::string_view::npos && in_[end - 1] == '\\') end = in_.find('\n', end + 1);
    blank_to(end);
  }

  std::string_view in_;
  std::string out_;
  size_t at_ = 0;
};

// Index of the brace that closes the one at `open`; the end of the code when none does.
size_t matching_brace(std::string_view code, size_t open) {
  int depth = 0;
  for (size_t i = open; i < code.size(); ++i) {
    if (code[i] == '{') ++depth;
    if (code[i] == '}' && --depth == 0) return i;
  }
  return code.size();
}

// What stands before a brace, without `template <...>` in front.
std::string_view without_template(std::string_view head) {
  head = trim(head);
  while (head.starts_with("template")) {
    size_t i = head.find('<');
    if (i == std::string_view::npos) return head;
    for (int depth = 0; i < head.size(); ++i) {
      if (head[i] == '<') ++depth;
      if (head[i] == '>' && --depth == 0) break;
    }
    head = trim(head.substr(std::min(i + 1, head.size())));
  }
  return head;
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.starts_with(word) && (text.size() == word.size() || !is_word(text[word.size()]));
}

bool opens_scope(std::string_view head) {
  for (auto word : {"namespace", "inline namespace", "class", "struct", "union", "extern"})
    if (starts_with_word(head, word)) return true;
  return false;
}

char next_char(std::string_view code, size_t from) {
  while (from < code.size() && std::isspace(static_cast<unsigned char>(code[from]))) ++from;
  return from < code.size() ? code[from] : '\0';
}

enum class Brace { scope, function, initializer };

// A parameter list makes a function, unless the brace gives a member its first value: `Foo() : a_{1} {`.
Brace kind_of(std::string_view head, std::string_view code, size_t close) {
  head = without_template(head);
  if (opens_scope(head)) return Brace::scope;
  if (head.find('(') == std::string_view::npos) return Brace::initializer;
  const char next = next_char(code, close + 1);
  if (next == ';') return head.find("](") == std::string_view::npos ? Brace::initializer : Brace::function;
  return next == ',' || next == '{' ? Brace::initializer : Brace::function;
}

class FunctionFinder {
 public:
  explicit FunctionFinder(std::string_view code) : original_(code), code_(blank_out(code)) {}

  std::vector<Function> run() {
    for (size_t i = 0; i < code_.size(); ++i) i = step(i);
    return std::move(found_);
  }

 private:
  size_t step(size_t i) {
    if (code_[i] == ';' || code_[i] == '}') head_ = i + 1;
    if (ends_access_label(i)) head_ = i + 1;
    if (code_[i] != '{') return i;
    const size_t close = matching_brace(code_, i);
    switch (kind_of(std::string_view(code_).substr(head_, i - head_), code_, close)) {
      case Brace::scope: head_ = i + 1; return i;
      case Brace::initializer: return close;
      case Brace::function: add(close); head_ = close + 1; return close;
    }
    return i;
  }
  bool ends_access_label(size_t i) const {
    if (code_[i] != ':') return false;
    const auto head = trim(std::string_view(code_).substr(head_, i - head_));
    return head == "public" || head == "private" || head == "protected";
  }
  void add(size_t close) {
    size_t from = head_;
    while (from < close && std::isspace(static_cast<unsigned char>(code_[from]))) ++from;
    const auto line_at = [&](size_t at) {
      return 1 + static_cast<size_t>(std::count(code_.begin(), code_.begin() + static_cast<ptrdiff_t>(at), '\n'));
    };
    const auto text = original_.substr(from, original_.find('\n', from) - from);
    found_.push_back({std::string(text), line_at(from), line_at(std::min(close, code_.size())) - line_at(from) + 1});
  }

  std::string_view original_;
  std::string code_;
  size_t head_ = 0;
  std::vector<Function> found_;
};

std::optional<Include> include_in(std::string_view line, size_t number) {
  line = trim(line);
  if (!line.starts_with("#")) return std::nullopt;
  line = trim(line.substr(1));
  if (!starts_with_word(line, "include")) return std::nullopt;
  line = trim(line.substr(7));
  const bool angle = line.starts_with("<");
  const auto end = line.find(angle ? '>' : '"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  return Include{std::string(line.substr(1, end - 1)), angle, number};
}

}  // namespace

bool File::has_suffix(std::string_view suffix) const { return std::string_view(path).ends_with(suffix); }

std::string File::folder() const {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string File::name() const { return path.substr(path.rfind('/') + 1); }

const std::vector<File>& tree() {
  static const std::vector<File> files = read_tree(WATCHWORD_SOURCE);
  return files;
}

const File* find_file(std::string_view path) {
  const auto found = std::find_if(tree().begin(), tree().end(), [&](const File& f) { return f.path == path; });
  return found == tree().end() ? nullptr : &*found;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

std::string_view trim(std::string_view text) {
  const auto from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

std::string blank_out(std::string_view code) { return Blanker(code).run(); }

std::vector<Function> functions_of(std::string_view code) { return FunctionFinder(code).run(); }

std::vector<Include> includes_of(std::string_view code) {
  std::vector<Include> found;
  size_t number = 0;
  for (auto line : lines_of(code))
    if (auto include = include_in(line, ++number)) found.push_back(*include);
  return found;
}

}  // namespace watchword::tidy
