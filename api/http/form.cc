#include "api/http/form.h"

#include <algorithm>

#include "api/http/characters.h"
#include "api/http/utf8.h"

namespace watchword::http {

bool percent_decode(std::string_view text, bool plus_is_space, std::string& out) {
  const size_t from = out.size();
  for (size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      if (text.size() - at < 3) return false;
      const int high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      at += 2;
    }
    out.push_back(c);
  }
  const std::string_view added = std::string_view(out).substr(from);
  return find_control(added.data(), added.data() + added.size()) == added.data() + added.size() &&
         is_utf8(added);
}

bool Form::take(std::string_view raw, std::string_view& out) {
  if (all_in(kToken, raw) && raw.find('%') == raw.npos && raw.find('+') == raw.npos) {
    out = raw;
    return true;
  }
  const size_t from = decoded_.size();
  if (!percent_decode(raw, true, decoded_)) return false;
  out = std::string_view(decoded_).substr(from);
  return true;
}

Result<> Form::read(std::string_view text) {
  fields_.clear();
  decoded_.clear();
  decoded_.reserve(text.size());  // never grows below: the views stay
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    Field field;
    if (!take(pair.substr(0, equals), field.name) || field.name.empty())
      return Error{Errc::invalid, "http.form.malformed", "a name is empty or not UTF-8 text"};
    if (!take(pair.substr(std::min(equals + 1, pair.size())), field.value))
      return Error{Errc::invalid, "http.form.malformed", std::string(field.name)};
    if (find(field.name))
      return Error{Errc::invalid, "http.form.repeated", std::string(field.name)};
    if (fields_.size() == kFieldsMax) return Error{Errc::invalid, "http.form.too_many"};
    fields_.push_back(field);
  }
  return {};
}

std::optional<std::string_view> Form::find(std::string_view name) const {
  for (const auto& field : fields_)
    if (field.name == name) return field.value;
  return {};
}

Result<> Form::only(std::span<const std::string_view> allowed) const {
  for (const auto& field : fields_)
    if (std::find(allowed.begin(), allowed.end(), field.name) == allowed.end())
      return Error{Errc::invalid, "http.form.unknown_field", std::string(field.name)};
  return {};
}

}  // namespace watchword::http
