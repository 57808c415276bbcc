// The limits of an identity as a request body writes them.
#pragma once
#include "api/http/json.h"
#include "events/domain/limits.h"

namespace watchword::api {

// Reads every member of the limits that is there. What is wrong is told to the body's errors.
domain::LimitsChange read_limits(http::Fields& fields);

}  // namespace watchword::api
