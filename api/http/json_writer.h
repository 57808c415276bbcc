// Writes JSON (RFC 8259) onto a string: no tree, no allocation but the string's own. Commas are put
// where they belong; the caller opens and closes in order and gives a key before each value of an
// object. Bytes that are not UTF-8 become U+FFFD.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace watchword::http {

// Quotes included.
void append_json_string(std::string_view text, std::string& out);

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& text(std::string_view value);
  JsonWriter& number(int64_t value);
  JsonWriter& number(uint64_t value);
  JsonWriter& number(int value) { return number(static_cast<int64_t>(value)); }
  JsonWriter& number(uint32_t value) { return number(static_cast<uint64_t>(value)); }
  JsonWriter& number(
      double value);  // shortest form that reads back the same; null for what JSON cannot say
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // already one JSON value
  JsonWriter& time(int64_t at_ms);         // RFC 3339; null for 0, which our rows use for "never"

  // key() and value at once.
  JsonWriter& member(std::string_view name, std::string_view value) {
    return key(name).text(value);
  }
  JsonWriter& member(std::string_view name, const char* value) { return key(name).text(value); }
  JsonWriter& member(std::string_view name, const std::string& value) {
    return key(name).text(value);
  }
  JsonWriter& member(std::string_view name, bool value) { return key(name).boolean(value); }
  template <class Number>
  JsonWriter& member(std::string_view name, Number value) {
    return key(name).number(value);
  }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace watchword::http
