#include "api/import/reader.h"

#include <algorithm>

namespace watchword::import {
namespace {

constexpr size_t kChunkBytes = 256 * 1024;
constexpr std::string_view kSpace = " \t\r\n";

// Where the list of a wrapped document begins: past its '['. npos: the text is no such document.
size_t list_start(std::string_view text) {
  const auto skip = [&](size_t from) {
    return std::min(text.find_first_not_of(kSpace, from), text.size());
  };
  size_t at = skip(0);
  if (at < text.size() && text[at] == '[') return at + 1;
  if (at >= text.size() || text[at] != '{') return text.npos;
  at = skip(at + 1);
  for (const std::string_view name : {"\"Records\"", "\"Events\""}) {
    if (text.substr(at, name.size()) != name) continue;
    size_t after = skip(at + name.size());
    if (after >= text.size() || text[after] != ':') return text.npos;
    after = skip(after + 1);
    return after < text.size() && text[after] == '[' ? after + 1 : text.npos;
  }
  return text.npos;
}

// Follows one JSON value byte by byte, as far as brackets and quotes tell where it ends.
class Extent {
 public:
  // True with the byte after which the value is over.
  bool take(char byte) {
    if (in_text_) {
      if (escaped_)
        escaped_ = false;
      else if (byte == '\\')
        escaped_ = true;
      else if (byte == '"')
        in_text_ = false;
      return false;
    }
    if (byte == '"') in_text_ = true;
    if (byte == '{' || byte == '[') ++depth_;
    if (byte == '}' || byte == ']') return --depth_ == 0;
    return false;
  }

 private:
  size_t depth_ = 0;
  bool in_text_ = false, escaped_ = false;
};

}  // namespace

Result<bool> Reader::fill() {
  if (ended_) return false;
  const size_t before = buffer_.size();
  buffer_.resize(before + kChunkBytes);
  const auto count = input_->read(buffer_.data() + before, kChunkBytes);
  buffer_.resize(before + (count ? *count : 0));
  if (!count) return count.error();
  ended_ = *count == 0;
  return !ended_;
}

void Reader::drop_consumed() {
  if (at_ < kChunkBytes && at_ < buffer_.size()) return;
  buffer_.erase(0, at_);
  at_ = 0;
}

Result<> Reader::begin() {
  begun_ = true;
  while (buffer_.size() < 4096) {
    const auto more = fill();
    if (!more) return more.error();
    if (!*more) break;
  }
  const size_t start = unit_ == Unit::record ? list_start(buffer_) : std::string::npos;
  wrapped_ = in_list_ = start != std::string::npos;
  // A wrapper that is whole on a line of its own, with another line after it, is one line of many.
  const size_t line_end = buffer_.find('\n');
  if (wrapped_ && line_end != buffer_.npos && line_end + 1 < buffer_.size() &&
      buffer_[line_end + 1] == '{')
    wrapped_ = in_list_ = false;
  if (wrapped_) at_ = start;
  return Nothing{};
}

Result<std::optional<Line>> Reader::next() {
  if (!begun_)
    if (const auto begun = begin(); !begun) return begun.error();
  drop_consumed();
  return wrapped_ ? next_element() : next_line();
}

Line Reader::cut(size_t bytes, size_t consumed) {
  Line line{++number_, std::string_view(buffer_).substr(at_, bytes), false};
  while (line.text.ends_with('\r')) line.text.remove_suffix(1);
  at_ += consumed;
  return line;
}

Result<std::optional<Line>> Reader::next_line() {
  std::string beginning;  // of a line that is too long; the rest of it is passed over
  size_t from = at_;
  for (;;) {
    const size_t end = buffer_.find('\n', from);
    const bool found = end != buffer_.npos;
    if (!beginning.empty() && (found || ended_)) {
      at_ = found ? end + 1 : buffer_.size();
      buffer_.insert(at_, beginning);
      Line line = cut(beginning.size(), beginning.size());
      line.too_long = true;
      return std::optional(line);
    }
    if (found && end - at_ <= kMaxLineBytes) return std::optional(cut(end - at_, end - at_ + 1));
    if (!found && ended_ && at_ == buffer_.size()) return std::optional<Line>();
    if (!found && ended_ && buffer_.size() - at_ <= kMaxLineBytes)
      return std::optional(cut(buffer_.size() - at_, buffer_.size() - at_));
    if (beginning.empty() && (found ? end : buffer_.size()) - at_ > kMaxLineBytes) {
      beginning = buffer_.substr(at_, 1024);
      if (found || ended_) continue;
    }
    if (!beginning.empty()) buffer_.erase(at_);
    from = buffer_.size();
    const auto more = fill();
    if (!more) return more.error();
  }
}

Result<std::optional<char>> Reader::peek(size_t at) {
  while (at >= buffer_.size()) {
    const auto more = fill();
    if (!more) return more.error();
    if (!*more) return std::optional<char>();
  }
  return std::optional(buffer_[at]);
}

// Moves to the next object of the list; false at the end of the document. What follows the list is
// not of interest.
Result<bool> Reader::find_element() {
  for (; in_list_; ++at_) {
    drop_consumed();
    const auto byte = peek(at_);
    if (!byte) return byte.error();
    if (!*byte || **byte == ']')
      in_list_ = false;
    else if (**byte == '{')
      return true;
  }
  return false;
}

Result<std::optional<Line>> Reader::next_element() {
  const auto found = find_element();
  if (!found) return found.error();
  if (!*found) return std::optional<Line>();
  Extent extent;
  std::string beginning;
  for (size_t at = at_;; ++at) {
    const auto byte = peek(at);
    if (!byte) return byte.error();
    const bool over = !*byte || extent.take(**byte);
    if (!over && at - at_ < kMaxLineBytes) continue;
    if (!over) {
      if (beginning.empty()) beginning = buffer_.substr(at_, 1024);
      buffer_.erase(at_, at - at_ + 1);
      at = at_ - 1;
      continue;
    }
    const size_t bytes = *byte ? at - at_ + 1 : at - at_;
    if (beginning.empty()) return std::optional(cut(bytes, bytes));
    buffer_.replace(at_, bytes, beginning);
    Line line = cut(beginning.size(), beginning.size());
    line.too_long = true;
    return std::optional(line);
  }
}

}  // namespace watchword::import
