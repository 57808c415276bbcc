// Revoking a token by its id: what three routes do.
#pragma once
#include <string>

#include "api/handlers/partition.h"

namespace watchword::api {

// not_found when there is none of that kind; a second time is the same answer.
awaitable<runtime::Answer> revoke_jit(Api& api, Call& call, const Id& token_id, std::string reason);
awaitable<runtime::Answer> revoke_service_token(Api& api, Call& call, const Id& token_id,
                                                std::string reason);

}  // namespace watchword::api
