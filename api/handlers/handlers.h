// Every handler, by resource; the table in routes.cc says which route is whose and what permission it needs.
#pragma once
#include "api/handlers/api.h"

namespace watchword::api {

using boost::asio::awaitable;

namespace identities {
awaitable<void> create(Api& api, Call& call);
awaitable<void> list(Api& api, Call& call);
awaitable<void> show(Api& api, Call& call);
awaitable<void> patch(Api& api, Call& call);
awaitable<void> suspend(Api& api, Call& call);
awaitable<void> reactivate(Api& api, Call& call);
awaitable<void> retire(Api& api, Call& call);
awaitable<void> baseline(Api& api, Call& call);
awaitable<void> baseline_reset(Api& api, Call& call);
awaitable<void> metrics(Api& api, Call& call);
awaitable<void> risk(Api& api, Call& call);
awaitable<void> timeline(Api& api, Call& call);
}  // namespace identities

namespace tokens {
awaitable<void> issue_jit(Api& api, Call& call);
awaitable<void> show(Api& api, Call& call);
awaitable<void> usage(Api& api, Call& call);
awaitable<void> revoke(Api& api, Call& call);
}  // namespace tokens

namespace alerts {
awaitable<void> list(Api& api, Call& call);
awaitable<void> show(Api& api, Call& call);
awaitable<void> triage(Api& api, Call& call);
}  // namespace alerts

namespace events {
awaitable<void> post(Api& api, Call& call);
}  // namespace events

namespace service_tokens {
awaitable<void> create(Api& api, Call& call);
awaitable<void> list(Api& api, Call& call);
awaitable<void> show(Api& api, Call& call);
awaitable<void> revoke(Api& api, Call& call);
awaitable<void> me(Api& api, Call& call);
awaitable<void> health(Api& api, Call& call);
}  // namespace service_tokens

namespace oauth {
awaitable<void> introspect(Api& api, Call& call);
awaitable<void> revoke(Api& api, Call& call);
awaitable<void> jwks(Api& api, Call& call);
awaitable<void> authz_forward(Api& api, Call& call);
}  // namespace oauth

namespace audit {
awaitable<void> events(Api& api, Call& call);
}  // namespace audit

namespace system {
awaitable<void> status(Api& api, Call& call);
awaitable<void> health(Api& api, Call& call);
awaitable<void> accept_clock(Api& api, Call& call);
awaitable<void> metrics(Api& api, Call& call);
}  // namespace system

namespace streams {
awaitable<void> read(Api& api, Call& call);
}  // namespace streams

}  // namespace watchword::api
