#include "processors/publisher/text.h"

#include <boost/json/serialize.hpp>
#include <boost/json/serializer.hpp>
#include <charconv>
#include <cmath>

namespace watchword::publisher {
namespace {

namespace json = boost::json;

void append(const json::value& value, std::string& out);

void append_decimal(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out.append("null");
    return;
  }
  // A whole number above 64 bits is no integer to most readers, our own included.
  const bool is_huge = std::abs(number) >= 1e18;
  char text[32];
  const auto written = is_huge ? std::to_chars(text, text + sizeof text, number,
                                               std::chars_format::scientific)
                               : std::to_chars(text, text + sizeof text, number);
  out.append(text, written.ptr);
}

// json::serialize() works in a buffer on the stack, where a token's text would outlive its answer.
void append_scalar(const json::value& value, std::string& out) {
  constexpr size_t kRoom = 64;
  json::serializer serializer;
  serializer.reset(&value);
  while (!serializer.done()) {
    const size_t before = out.size(), text = value.is_string() ? value.get_string().size() : 0;
    out.resize(before + text + kRoom);
    const auto written = serializer.read(out.data() + before, text + kRoom);
    out.resize(before + written.size());
  }
}

void append_array(const json::array& array, std::string& out) {
  out.push_back('[');
  for (size_t i = 0; i < array.size(); ++i) {
    if (i > 0) out.push_back(',');
    append(array[i], out);
  }
  out.push_back(']');
}

void append_object(const json::object& object, std::string& out) {
  out.push_back('{');
  bool first = true;
  for (const auto& [name, member] : object) {
    if (!std::exchange(first, false)) out.push_back(',');
    out.append(json::serialize(json::string_view(name))).push_back(':');
    append(member, out);
  }
  out.push_back('}');
}

void append(const json::value& value, std::string& out) {
  switch (value.kind()) {
    case json::kind::array: return append_array(value.get_array(), out);
    case json::kind::object: return append_object(value.get_object(), out);
    case json::kind::double_: return append_decimal(value.get_double(), out);
    case json::kind::null:
    case json::kind::bool_:
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::string: append_scalar(value, out);
  }
}

}  // namespace

std::string to_text(const json::value& value) {
  std::string out;
  append(value, out);
  return out;
}

}  // namespace watchword::publisher
