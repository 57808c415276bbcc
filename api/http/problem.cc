#include "api/http/problem.h"

#include <algorithm>

#include "api/http/json_writer.h"
#include "events/base/ids.h"

namespace watchword::http {
namespace {

constexpr std::string_view kChallenge = "Bearer realm=\"watchword\"";

// The names here are constants of ours: a refusal is a bug, not input.
void set_own(Response& response, std::string_view name, std::string_view value) {
  WATCHWORD_CHECK(response.set(name, value));
}

void set_retry_after(uint16_t status, uint32_t seconds, Response& response) {
  if (status != 429 && status != 503) return;
  set_own(response, "Retry-After", std::to_string(std::max<uint32_t>(seconds, 1)));
}

std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(std::min<size_t>(1, path.size()));
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

// Our own words and ids of the path, and "-" for the rest: a caller may have put a token there, and problems end in logs.
std::string instance_of(std::string_view route_path, std::string_view path) {
  std::string out;
  while (!route_path.empty()) {
    const std::string_view ours = next_segment(route_path), theirs = next_segment(path);
    if (ours == "*") break;
    const bool told = !ours.starts_with('{') || Id::parse(theirs);
    out.append("/").append(told ? theirs : "-");
  }
  return out;
}

void write_errors(const std::vector<FieldError>& errors, JsonWriter& json) {
  json.key("errors").begin_array();
  for (const auto& error : errors)
    json.begin_object()
        .member("pointer", error.pointer)
        .member("detail", error.detail)
        .end_object();
  json.end_array();
}

// RFC 6749 5.2: %x20-21 / %x23-5B / %x5D-7E.
std::string description_text(std::string_view text) {
  std::string clean(text);
  for (char& c : clean)
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') c = '?';
  return clean;
}

void write_oauth(uint16_t status, std::string_view error, std::string_view description,
                 Response& response) {
  response.status = status;
  response.content_type = "application/json";
  response.body.clear();
  JsonWriter json(response.body);
  json.begin_object().member("error", error);
  if (!description.empty()) json.member("error_description", description_text(description));
  json.end_object();
  if (status == 401) set_own(response, "WWW-Authenticate", "Basic realm=\"watchword\"");
  set_retry_after(status, 1, response);
}

std::string_view oauth_code(Errc code) {
  switch (code) {
    case Errc::unauthenticated: return "invalid_client";
    case Errc::denied: return "unauthorized_client";
    case Errc::invalid:
    case Errc::not_found:
    case Errc::conflict:
    case Errc::unprocessable:
    case Errc::too_large: return "invalid_request";
    case Errc::too_many:
    case Errc::unavailable:
    case Errc::io: return "temporarily_unavailable";
    case Errc::corrupt:
    case Errc::internal: return "server_error";
  }
  return "server_error";
}

uint16_t oauth_status(Errc code) {
  const uint16_t status = status_of(code);
  return status == 401 || status == 403 || status == 413 || status == 429 || status >= 500 ? status : 400;
}

}  // namespace

uint16_t status_of(Errc code) {
  switch (code) {
    case Errc::invalid: return 400;
    case Errc::unauthenticated: return 401;
    case Errc::denied: return 403;
    case Errc::not_found: return 404;
    case Errc::conflict: return 409;
    case Errc::unprocessable: return 422;
    case Errc::too_large: return 413;
    case Errc::too_many: return 429;
    case Errc::unavailable:
    case Errc::io: return 503;
    case Errc::corrupt:
    case Errc::internal: return 500;
  }
  return 500;
}

Problem problem_of(const Error& error) {
  Problem problem{status_of(error.code), error.reason, {}, {}, 0};
  if (problem.status < 500) problem.detail = error.detail;
  return problem;
}

void answer_problem(const Problem& problem, Request& request, Response& response) {
  response.status = problem.status;
  response.content_type = "application/problem+json";
  response.body.clear();
  JsonWriter json(response.body);
  json.begin_object().member("type", "about:blank").member("title", status_text(problem.status));
  json.member("status", problem.status);
  if (!problem.detail.empty()) json.member("detail", problem.detail);
  if (!request.route_path().empty())
    json.member("instance", instance_of(request.route_path(), request.path()));
  json.member("code", problem.code).member("request_id", request.id());
  if (!problem.errors.empty()) write_errors(problem.errors, json);
  json.end_object();
  if (problem.status == 401) set_own(response, "WWW-Authenticate", kChallenge);
  set_retry_after(problem.status, problem.retry_after_s, response);
}

void answer_refusal(uint16_t status, std::string_view code, Response& response) {
  response.status = status;
  response.content_type = "application/problem+json";
  JsonWriter json(response.body);
  json.begin_object()
      .member("type", "about:blank")
      .member("title", status_text(status))
      .member("status", status);
  json.member("code", code).member("request_id", minted_request_id()).end_object();
}

void answer_error(const Error& error, Request& request, Response& response) {
  answer_problem(problem_of(error), request, response);
}

void answer_oauth_error(std::string_view error, std::string_view description, Response& response) {
  write_oauth(error == "invalid_client" ? 401 : 400, error, description, response);
}

void answer_oauth_error(const Error& error, Response& response) {
  const uint16_t status = oauth_status(error.code);
  write_oauth(status, oauth_code(error.code),
              status < 500 ? std::string_view(error.detail) : std::string_view(), response);
}

}  // namespace watchword::http
