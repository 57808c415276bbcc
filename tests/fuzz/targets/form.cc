// Queries and form bodies. Input: the text.
#include "api/http/form.h"

#include "api/http/utf8.h"
#include "events/crypto/encoding.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out += "%" + crypto::hex({&c, 1});
  return out;
}

std::string written(const http::Form& form) {
  std::string out;
  for (const auto& field : form.fields())
    out.append(out.empty() ? "" : "&")
        .append(escaped(field.name))
        .append("=")
        .append(escaped(field.value));
  return out;
}

bool is_clean(std::string_view text) {
  for (const char c : text)
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) return false;
  return http::is_utf8(text);
}

void require_fields(const http::Form& form) {
  require(form.fields().size() <= http::Form::kFieldsMax, "fields within the limit");
  for (const auto& field : form.fields()) {
    require(!field.name.empty(), "every field has a name");
    require(is_clean(field.name) && is_clean(field.value), "UTF-8 without controls");
    const auto found = form.find(field.name);
    require(found && found->data() == field.value.data(), "one field of each name");
  }
}

void require_same_again(const http::Form& form) {
  http::Form again;
  const std::string text = written(form);
  require(again.read(text).ok(), "read again once everything is escaped");
  require(again.fields().size() == form.fields().size(), "as many fields again");
  for (size_t i = 0; i < form.fields().size(); ++i)
    require(again.fields()[i].name == form.fields()[i].name &&
                again.fields()[i].value == form.fields()[i].value,
            "the same fields again");
}

void require_decoding(std::string_view text, bool plus_is_space) {
  std::string out;
  if (!http::percent_decode(text, plus_is_space, out)) return;
  require(is_clean(out), "decoded to UTF-8 without controls");
  std::string again;
  require(http::percent_decode(escaped(out), plus_is_space, again) && again == out,
          "decoding undoes escaping");
}

void run(std::string_view input) {
  http::Form form;
  if (form.read(input)) {
    require_fields(form);
    require_same_again(form);
  }
  require_decoding(input, true);
  require_decoding(input, false);
}

const Registered kTarget{{"form", run}};

}  // namespace
}  // namespace watchword::fuzz
