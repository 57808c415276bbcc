// Errors on the wire: RFC 9457 problem details, and the RFC 6749 section 5.2 form for OAuth
// endpoints.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/request.h"
#include "api/http/response.h"
#include "events/base/result.h"

namespace watchword::http {

// One member of errors[]: where in the body (RFC 6901 pointer), or which query parameter or header,
// and what is wrong with it.
struct FieldError {
  std::string pointer;  // "/allowed_ips/2"; "" is the whole body
  std::string detail;
  bool operator==(const FieldError&) const = default;
};

struct Problem {
  uint16_t status = 500;
  std::string_view code;  // Error::reason, static storage
  std::string detail;     // for the caller; never a secret
  std::vector<FieldError> errors;
  uint32_t retry_after_s = 0;  // sent on 429 and 503; 1 when left out there
};

// invalid 400, unauthenticated 401, denied 403, not_found 404, conflict 409, unprocessable 422,
// too_large 413, too_many 429, unavailable and io 503, corrupt and internal 500.
uint16_t status_of(Errc code);

// A detail goes out only for errors below 500; what broke inside is the log's business.
Problem problem_of(const Error& error);

// Sets status, media type, body, Retry-After and, on 401, `WWW-Authenticate: Bearer`. Headers set
// before stay; body is replaced.
void answer_problem(const Problem& problem, Request& request, Response& response);
void answer_error(const Error& error, Request& request, Response& response);
// For a request that the gate refused: nothing of it is believed, so there is no instance and the
// request_id is minted.
void answer_refusal(uint16_t status, std::string_view code, Response& response);

// {"error":…,"error_description":…}; 401 for invalid_client (with WWW-Authenticate), else 400.
// `error` is a code of RFC 6749 5.2 or a registered extension; characters that 5.2 does not allow
// in a description become '?'.
void answer_oauth_error(std::string_view error, std::string_view description, Response& response);
// The same from an Error: unauthenticated → invalid_client, denied → unauthorized_client, invalid
// and unprocessable → invalid_request; too_many, unavailable, io → 429/503 temporarily_unavailable
// with Retry-After; others 500 server_error.
void answer_oauth_error(const Error& error, Response& response);

}  // namespace watchword::http
