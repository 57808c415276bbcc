// Secrets in answers that a repeated call gets again: kept sealed under a key that only the caller's own credential and
// Idempotency-Key give (PROTOCOL.md section 3).
#pragma once
#include <string>
#include <string_view>

#include "api/handlers/partition.h"

namespace watchword::api {

// What to keep as "sealed" in the answer; empty when there is no secret or the call cannot be repeated.
std::string seal_answer(Api& api, const Call& call, std::string_view secret);

// The answer with `member` set to the secret: the call's own, or the one that the first call sealed.
std::string open_answer(Api& api, const Call& call, const runtime::Answer& answer,
                        std::string_view secret, std::string_view member);

}  // namespace watchword::api
