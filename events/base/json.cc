#include "events/base/json.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <boost/json/value_stack.hpp>
#include <cmath>
#include <deque>
#include <exception>
#include <string>
#include <vector>

namespace watchword {
namespace {

namespace json = boost::json;

enum class Refusal { none, duplicate_key, number, nul };

// Builds the value as Boost's own handler does, and remembers every key of the objects that are still open.
class Builder {
 public:
  static constexpr size_t max_array_size = static_cast<size_t>(-1);
  static constexpr size_t max_object_size = static_cast<size_t>(-1);
  static constexpr size_t max_string_size = static_cast<size_t>(-1);
  static constexpr size_t max_key_size = static_cast<size_t>(-1);

  Builder(std::string_view text, const JsonLimits& limits, json::storage_ptr storage)
      : begin_(text.data()), end_(text.data() + text.size()), allow_nul_(limits.allow_nul) {
    stack_.reset(std::move(storage));
  }

  json::value release() { return stack_.release(); }
  Refusal refusal() const { return refusal_; }
  const char* refused_at() const { return refused_at_; }  // null: where the parser stands
  std::string_view refused_text() const { return refused_text_; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return true; }

  bool on_array_end(size_t count, json::error_code&) {
    stack_.push_array(count);
    return true;
  }

  bool on_object_begin(json::error_code&) {
    object_starts_.push_back(keys_.size());
    return true;
  }

  bool on_object_end(size_t count, json::error_code& error) {
    if (!keys_are_unique(error)) return false;
    stack_.push_object(count);
    return true;
  }

  bool on_key_part(json::string_view part, size_t, json::error_code& error) {
    if (!has_no_nul(part, error)) return false;
    note_key_start(part);
    key_parts_.append(part.data(), part.size());
    stack_.push_chars(part);
    return true;
  }

  bool on_key(json::string_view last, size_t, json::error_code& error) {
    if (!has_no_nul(last, error)) return false;
    note_key_start(last);
    keys_.push_back({whole_key(last), key_start_});
    key_start_ = nullptr;
    stack_.push_key(last);
    return true;
  }

  bool on_string_part(json::string_view part, size_t, json::error_code& error) {
    if (!has_no_nul(part, error)) return false;
    stack_.push_chars(part);
    return true;
  }

  bool on_string(json::string_view last, size_t, json::error_code& error) {
    if (!has_no_nul(last, error)) return false;
    stack_.push_string(last);
    return true;
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }

  bool on_int64(int64_t number, json::string_view, json::error_code&) {
    stack_.push_int64(number);
    return true;
  }

  bool on_uint64(uint64_t number, json::string_view, json::error_code&) {
    stack_.push_uint64(number);
    return true;
  }

  bool on_double(double number, json::string_view text, json::error_code& error) {
    const bool whole = text.find_first_of(".eE") == json::string_view::npos;
    if (whole || !std::isfinite(number))
      return refuse(Refusal::number, text.data(), {text.data(), text.size()}, error);
    stack_.push_double(number);
    return true;
  }

  bool on_bool(bool value, json::error_code&) {
    stack_.push_bool(value);
    return true;
  }

  bool on_null(json::error_code&) {
    stack_.push_null();
    return true;
  }

 private:
  struct Key {
    std::string_view text;
    const char* at;  // its first character in the input
  };

  bool refuse(Refusal why, const char* at, std::string_view text, json::error_code& error) {
    refusal_ = why;
    refused_at_ = at;
    refused_text_ = text;
    error = json::error::syntax;
    return false;
  }

  bool has_no_nul(json::string_view part, json::error_code& error) {
    if (allow_nul_ || part.find('\0') == json::string_view::npos) return true;
    return refuse(Refusal::nul, nullptr, {}, error);
  }

  bool is_input(const char* at) const { return at >= begin_ && at < end_; }

  // Text after an escape comes from the parser's own buffer; such a key has no better place than the parser's.
  void note_key_start(json::string_view part) {
    if (!key_start_ && key_parts_.empty() && is_input(part.data())) key_start_ = part.data();
  }

  // A view that outlives the parser's buffer: into the input, or into a copy.
  std::string_view whole_key(json::string_view last) {
    if (key_parts_.empty() && is_input(last.data())) return {last.data(), last.size()};
    key_parts_.append(last.data(), last.size());
    copies_.push_back(std::move(key_parts_));
    key_parts_.clear();
    return copies_.back();
  }

  bool keys_are_unique(json::error_code& error) {
    const auto first = keys_.begin() + static_cast<std::ptrdiff_t>(object_starts_.back());
    std::sort(first, keys_.end(), [](const Key& a, const Key& b) {
      return a.text != b.text ? a.text < b.text : a.at < b.at;
    });
    const auto twin = std::adjacent_find(
        first, keys_.end(), [](const Key& a, const Key& b) { return a.text == b.text; });
    if (twin != keys_.end())
      return refuse(Refusal::duplicate_key, std::next(twin)->at, twin->text, error);
    keys_.erase(first, keys_.end());
    object_starts_.pop_back();
    return true;
  }

  const char* begin_;
  const char* end_;
  bool allow_nul_;
  json::value_stack stack_;
  std::vector<Key> keys_;
  std::vector<size_t> object_starts_;
  std::deque<std::string> copies_;
  std::string key_parts_;
  const char* key_start_ = nullptr;
  Refusal refusal_ = Refusal::none;
  const char* refused_at_ = nullptr;
  std::string_view refused_text_;
};

using Parser = json::basic_parser<Builder>;

// What an operator may see of a stranger's text: short, printable, quoted.
std::string quoted(std::string_view text) {
  constexpr size_t kShown = 64;
  std::string out = "\"";
  for (const char c : text.substr(0, kShown)) out += c < ' ' || c == '"' || c > '~' ? '?' : c;
  return out + (text.size() > kShown ? "...\"" : "\"");
}

Error at_byte(std::string_view reason, std::string what, size_t byte) {
  return {Errc::invalid, reason, std::move(what) + " at byte " + std::to_string(byte)};
}

Error refusal_error(const Builder& builder, std::string_view text, size_t stopped) {
  const char* at = builder.refused_at();
  const size_t byte = at ? static_cast<size_t>(at - text.data()) : stopped;
  switch (builder.refusal()) {
    case Refusal::duplicate_key:
      // The place named is the opening quote of the second key.
      return at_byte("json.duplicate_key", "duplicate key " + quoted(builder.refused_text()),
                     at ? byte - 1 : byte);
    case Refusal::number:
      return at_byte("json.number", "number out of range " + quoted(builder.refused_text()), byte);
    case Refusal::nul:
      return at_byte("json.nul", "NUL character", byte);
    case Refusal::none:
      break;
  }
  return at_byte("json.syntax", "syntax error", byte);
}

Error parse_error(const json::error_code& error, std::string_view text, size_t stopped,
                  const JsonLimits& limits) {
  if (error == json::error::too_deep)
    return at_byte("json.too_deep", "more than " + std::to_string(limits.max_depth) + " levels",
                   stopped);
  if (error == json::error::incomplete) return at_byte("json.incomplete", "text ends", stopped);
  if (error == json::error::exponent_overflow)
    return at_byte("json.number", "number out of range", stopped);
  const bool high = stopped < text.size() && (text[stopped] & 0x80) != 0;
  if (error == json::error::syntax && high)
    return at_byte("json.utf8", "invalid UTF-8", stopped);
  return at_byte("json.syntax", error.message(), stopped);
}

}  // namespace

Result<json::value> parse_json_strict(std::string_view text, const JsonLimits& limits,
                                      json::storage_ptr storage) try {
  if (text.size() > limits.max_bytes)
    return Error{Errc::too_large, "json.too_large",
                 "more than " + std::to_string(limits.max_bytes) + " bytes"};
  json::parse_options options;
  options.max_depth = limits.max_depth;
  Parser parser(options, text, limits, std::move(storage));
  json::error_code error;
  const size_t stopped = parser.write_some(false, text.data(), text.size(), error);
  if (parser.handler().refusal() != Refusal::none)
    return refusal_error(parser.handler(), text, stopped);
  if (error) return parse_error(error, text, stopped, limits);
  if (stopped < text.size()) return at_byte("json.trailing", "text after the value", stopped);
  return parser.handler().release();
} catch (const std::exception& e) {
  return Error{Errc::invalid, "json.syntax", e.what()};
}

}  // namespace watchword
