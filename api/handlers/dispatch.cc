// From a request to its handler: route, client, rate, caller, permission, position. Any doubt denies.
#include "api/handlers/authenticate.h"
#include "api/handlers/partition.h"
#include "api/http/problem.h"

namespace watchword::api {
namespace {

constexpr std::string_view kPosition = "Watchword-Position";

void refuse_verb(Call& call) {
  if (!call.match.allow.empty()) (void)call.response.set("Allow", call.match.allow);
  if (call.match.status == 204) {
    call.response.status = 204;
    return;
  }
  http::Problem problem;
  problem.status = call.match.status;
  problem.code = call.match.status == 405 ? "http.method" : "http.route";
  problem.detail = call.match.status == 405 ? "this resource does not take that method"
                                            : "there is nothing at this address";
  http::answer_problem(problem, call.request, call.response);
}

bool over_rate(Api& api, Call& call) {
  ++api.metrics.rate_checked;
  const auto verdict = api.principal_rate.take(http::rate_key(call.caller.principal.view()),
                                               api.engine.clock().boottime_us());
  if (verdict.allowed) return false;
  ++api.metrics.rate_exceeded;
  http::answer_rate_exceeded("principal", api.settings.principal_rate, verdict, call.request,
                             call.response);
  return true;
}

awaitable<bool> admitted(Api& api, Call& call) {
  const auto permission = call.match.route->permission;
  if (permission == http::Permission::none) co_return true;
  const auto token = call.request.bearer();
  Result<Caller> caller = Error{Errc::unauthenticated, "auth.missing",
                                "send Authorization: Bearer with a token"};
  if (token) caller = co_await authenticate(api, *token);
  if (!caller) {
    fail_authentication(api, call, caller.error(), token.has_value());
    co_return false;
  }
  call.caller = std::move(*caller);
  if (over_rate(api, call)) co_return false;
  if (call.caller.may(permission)) co_return true;
  fail(call, {Errc::denied, "auth.permission",
              "this needs the permission " + std::string(http::permission_text(permission))});
  co_return false;
}

awaitable<bool> reached(Api& api, Call& call) {
  const auto text = call.request.header(kPosition);
  if (!text || (call.match.route->flags & http::kChanges) != 0) co_return true;
  const auto position = Position::parse(*text);
  if (!position) {
    fail(call, {Errc::invalid, "api.position_malformed", "Watchword-Position is <partition>:<seq>"});
    co_return false;
  }
  if (auto waited = co_await reach(api, *position); !waited) {
    fail(call, waited.error());
    co_return false;
  }
  co_return true;
}

// A filter or a time that cannot be read must not count as left out. What a gateway asks, its handler answers by itself.
bool query_reads(Call& call) {
  if (call.match.route->verb == http::Verb::any) return true;
  const auto query = call.request.query();
  if (!query) fail(call, query.error());
  return query.ok();
}

awaitable<void> handle(Api& api, const http::Router& router, http::Request& request,
                       http::Response& response) {
  ++api.metrics.requests;
  http::Match match;
  router.find(request.verb(), request.path(), match);
  Call call{request, response, match, {}, {}};
  if (match.route != nullptr) request.matched(match.route->path);
  if (match.status != 200) co_return refuse_verb(call);
  if (auto client = http::client_address(request, api.settings.trusted_proxies))
    call.client = *client;
  else
    co_return fail(call, client.error());
  if (!co_await admitted(api, call) || !query_reads(call) || !co_await reached(api, call)) co_return;
  co_await match.route->handler(api, call);
}

}  // namespace

Api::Api(runtime::Engine& the_engine, ApiSettings the_settings, Metrics& the_metrics)
    : engine(the_engine),
      settings(std::move(the_settings)),
      metrics(the_metrics),
      principal_rate(settings.principal_rate, 1u << 16),
      failure_rate(settings.failure_rate, 1u << 14) {
  for (uint32_t core = 0; core < engine.cores(); ++core)
    cores.push_back(
        std::make_unique<CoreState>(engine, core, settings.token_cache_entries, metrics));
  for (uint32_t number = 0; number < engine.partitions(); ++number)
    claimed_seq.push_back(engine.partition(number).journal->tail().seq);
}

std::optional<std::string> Api::open_sealed(const Id& principal, const v1::Sealed& sealed) {
  auto opened = engine.vault().open(principal, sealed);
  return opened ? std::move(*opened) : std::nullopt;
}

uint32_t permission_bit(std::string_view name) {
  for (auto value = static_cast<unsigned>(http::Permission::admin);
       value <= static_cast<unsigned>(http::Permission::audit_read); ++value)
    if (http::permission_text(static_cast<http::Permission>(value)) == name) return 1u << value;
  return 0;
}

void fail(Call& call, const Error& error) {
  const bool oauth =
      call.match.route != nullptr && (call.match.route->flags & http::kOauth) != 0;
  if (oauth)
    http::answer_oauth_error(error, call.response);
  else
    http::answer_error(error, call.request, call.response);
}

http::Handler make_handler(Api& api) {
  auto router = std::make_shared<http::Router>(routes());
  return [&api, router](http::Request& request, http::Response& response) {
    return handle(api, *router, request, response);
  };
}

}  // namespace watchword::api
