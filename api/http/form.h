// Name and value pairs of a query or of an application/x-www-form-urlencoded body (WHATWG URL 5.1),
// read strictly.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"

namespace watchword::http {

// "%41" and, if wanted, '+' decoded onto `out`. False for a bad escape, a control character or
// bytes that are not UTF-8.
bool percent_decode(std::string_view text, bool plus_is_space, std::string& out);

// Reusable: read() again costs no allocation once it has grown.
class Form {
 public:
  static constexpr size_t kFieldsMax = 64;

  struct Field {
    std::string_view name, value;
  };

  // The views of a form point into `text` (where nothing was escaped) or into the form itself.
  // invalid: http.form.malformed (bad escape, control character, bad UTF-8, empty name),
  // http.form.repeated, http.form.too_many; the detail names the field.
  Result<> read(std::string_view text);

  std::optional<std::string_view> find(std::string_view name) const;
  std::string_view get(std::string_view name) const {
    return find(name).value_or(std::string_view());
  }
  std::span<const Field> fields() const { return fields_; }
  // invalid, http.form.unknown_field, when a field is not in `allowed`.
  Result<> only(std::span<const std::string_view> allowed) const;

 private:
  bool take(std::string_view raw, std::string_view& out);

  std::vector<Field> fields_;
  std::string decoded_;
};

}  // namespace watchword::http
