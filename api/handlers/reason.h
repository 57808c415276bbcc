// Reasons are optional, in the body or as ?reason= (API.md).
#pragma once
#include <string>

#include "api/handlers/paging.h"
#include "api/http/json.h"

namespace watchword::api {

// Errors: invalid, when the body holds anything else.
inline Result<std::string> reason_of(Call& call) {
  auto body = http::JsonBody::parse(call.request.body());
  if (!body) return body.error();
  auto fields = body->fields();
  const std::string written(fields.optional_text("reason", {0, 4'096, false}).value_or(""));
  if (auto done = body->done(fields); !done) return done.error();
  const auto query = call.request.query();
  if (!query) return query.error();
  return written.empty() ? std::string(query_value(call, "reason")) : written;
}

}  // namespace watchword::api
