// Who calls: an `sk_` token or a JWT of ours, judged by its row on the owner's core. Any doubt is no.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <string_view>

#include "api/handlers/api.h"

namespace watchword::api {

// The token that a text stands for, from the owner's rows. `status` is the one that holds now.
struct Found {
  enum class Kind : uint8_t { nothing, service_token, jit_token };
  Kind kind = Kind::nothing;
  Id token_id, principal;
  v1::TokenStatus status = v1::TOKEN_STATUS_UNSPECIFIED;
};

// Where a presented token's row lives: its id for a JWT whose signature holds, its hash for an `sk_` text. Errors:
// unauthenticated, it is neither; unavailable, nobody had the time to look at its signature, which says nothing about it.
struct Presented {
  Id token_id;          // JWT
  std::string sha256;   // `sk_`
  Slot slot = 0;
  bool is_jwt = false;
};
boost::asio::awaitable<Result<Presented>> present(Api& api, std::string_view token);

// On the owner's loop: the row behind `presented`; null when there is none. The identity's row beside it, if there is one.
const v1::ServiceTokenState* find_service_token(fold::State& rows, const Presented& presented);

// unauthenticated "auth.token.*"; unavailable when the owner does not serve.
boost::asio::awaitable<Result<Caller>> authenticate(Api& api, std::string_view token);

// Ends a call whose credential is not good. One that was `presented` is charged to the client's network, and once that has
// too many the answer is 429; a valid credential is never refused for it.
void fail_authentication(Api& api, Call& call, const Error& error, bool presented);

}  // namespace watchword::api
