#include <boost/json.hpp>

#include "api/cli/client.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

// Text of a server is shown on a terminal: what could steer it is taken out.
std::string text_of(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  std::string text = found && found->is_string() ? std::string(found->get_string()) : "";
  for (char& letter : text)
    if (static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f) letter = ' ';
  return text;
}

void add_part(std::string& out, std::string_view separator, const std::string& part) {
  if (part.empty()) return;
  if (!out.empty()) out += separator;
  out += part;
}

std::string places_of(const json::object& problem) {
  std::string out;
  const json::value* errors = problem.if_contains("errors");
  if (!errors || !errors->is_array()) return out;
  for (const json::value& each : errors->get_array()) {
    if (!each.is_object()) continue;
    std::string place = text_of(each.get_object(), "pointer");
    if (place.empty()) place = text_of(each.get_object(), "field");
    add_part(place, ": ", text_of(each.get_object(), "detail"));
    add_part(out, "; ", place);
  }
  return out;
}

Errc code_of(unsigned status) {
  switch (status) {
    case 401:
      return Errc::unauthenticated;
    case 403:
      return Errc::denied;
    case 404:
      return Errc::not_found;
    case 409:
      return Errc::conflict;
    case 413:
      return Errc::too_large;
    case 422:
      return Errc::unprocessable;
    case 429:
      return Errc::too_many;
    case 408:
    case 502:
    case 503:
    case 504:
      return Errc::unavailable;
    default:
      return status >= 500 ? Errc::internal : Errc::invalid;
  }
}

}  // namespace

std::string sentence_of(const Response& response) {
  json::error_code error;
  const json::value body = json::parse(response.body, error);
  std::string out;
  if (!error && body.is_object()) {
    const json::object& problem = body.get_object();
    out = text_of(problem, "title");
    if (out.empty()) out = text_of(problem, "error");
    add_part(out, ": ", text_of(problem, "detail"));
    add_part(out, ": ", text_of(problem, "error_description"));
    add_part(out, " — ", places_of(problem));
    if (const std::string id = text_of(problem, "request_id"); !id.empty() && !out.empty())
      out += " (request " + id + ")";
  }
  return out.empty() ? "the server answered " + std::to_string(response.status) : out;
}

Error error_of(const Response& response) {
  return {code_of(response.status), "cli.answer.status", sentence_of(response)};
}

}  // namespace watchword::cli
