// JSON from outside, and JSON as we write it. Input: the text.
#include "events/base/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "api/http/json.h"
#include "api/http/json_writer.h"
#include "api/http/utf8.h"
#include "processors/publisher/text.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

namespace json = boost::json;

size_t depth_of(const json::value& value) {
  size_t below = 0;
  if (const auto* list = value.if_array())
    for (const auto& item : *list) below = std::max(below, depth_of(item));
  if (const auto* object = value.if_object())
    for (const auto& member : *object) below = std::max(below, depth_of(member.value()));
  return value.is_structured() ? below + 1 : 0;
}

size_t count(std::string_view text, char wanted) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), wanted));
}

// As many members as the text has colons outside of its strings: none was dropped as a repetition.
size_t colons_outside_strings(std::string_view text) {
  size_t colons = 0;
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (inside && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      inside = !inside;
    } else if (!inside && text[i] == ':') {
      ++colons;
    }
  }
  return colons;
}

size_t members_of(const json::value& value) {
  size_t members = 0;
  if (const auto* list = value.if_array())
    for (const auto& item : *list) members += members_of(item);
  if (const auto* object = value.if_object())
    for (const auto& member : *object) members += 1 + members_of(member.value());
  return members;
}

bool same_number(const json::value& a, const json::value& b) {
  if (!a.is_double() && !b.is_double()) return a == b;
  const double left = a.to_number<double>(), right = b.to_number<double>();
  return std::abs(left - right) <= 1e-14 * std::abs(left);
}

// A double may come back as a whole number, and the library's own printing loses its last digit.
bool same(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number()) return same_number(a, b);
  if (a.kind() != b.kind()) return false;
  if (const auto* list = a.if_array()) {
    const auto& other = b.get_array();
    return std::equal(list->begin(), list->end(), other.begin(), other.end(), same);
  }
  if (const auto* object = a.if_object()) {
    const auto& other = b.get_object();
    return std::equal(object->begin(), object->end(), other.begin(), other.end(),
                      [](const auto& x, const auto& y) {
                        return x.key() == y.key() && same(x.value(), y.value());
                      });
  }
  return a == b;
}

void require_same_again(const json::value& value, const std::string& text) {
  const auto again = parse_json_strict(text);
  require(again.ok(), "what is written can be read");
  require(same(value, *again), "and is the same");
}

void require_accepted(std::string_view text, const json::value& value) {
  require(http::is_utf8(text), "accepted text is UTF-8");
  require(depth_of(value) <= 32, "no deeper than the limit");
  require(members_of(value) == colons_outside_strings(text), "no member is lost");
  json::error_code failed;
  (void)json::parse(text, failed);
  require(!failed, "what is accepted here is JSON to others");
  const std::string printed = json::serialize(value);
  require(count(printed, '\0') == 0, "no NUL comes out");
  require_same_again(value, printed);
  require_same_again(value, publisher::to_text(value));
}

void require_written_text(std::string_view text) {
  std::string written;
  http::append_json_string(text, written);
  const auto read = parse_json_strict(written, {.allow_nul = true});
  require(read && read->is_string(), "a text of ours is JSON whatever its bytes");
  if (http::is_utf8(text))
    require(std::string_view(read->get_string()) == text, "a text comes back as it was");
}

void run(std::string_view input) {
  if (const auto value = parse_json_strict(input)) require_accepted(input, *value);
  require_written_text(input);
}

const Registered kTarget{{"json", run}};

}  // namespace
}  // namespace watchword::fuzz
