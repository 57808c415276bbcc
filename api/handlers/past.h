// `?at=<time or position>`: a view as it was.
#pragma once
#include <optional>

#include "api/handlers/partition.h"
#include "replay/history.h"

namespace watchword::api {

// nullopt: the query names no past. Errors: invalid "api.at", "api.at.partition".
Result<std::optional<replay::When>> when_of(Call& call, const runtime::Partition& partition);

awaitable<void> answer_identity_at(Api& api, Call& call, const Id& id, replay::When when);
awaitable<void> answer_token_at(Api& api, Call& call, const Id& id, replay::When when);

}  // namespace watchword::api
