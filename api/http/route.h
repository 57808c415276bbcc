// What a route is. The table itself stands in api/handlers; the router, the OpenAPI check and the
// permission tests walk it.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string_view>

#include "api/http/gate.h"

namespace watchword::api {
struct Api;   // what handlers reach: partitions, views, settings
struct Call;  // one request on its way: request, answer, parameters, caller
}  // namespace watchword::api

namespace watchword::http {

// The permissions of API.md, "Everywhere". A route names the one that it needs; `admin` includes
// all.
enum class Permission : uint8_t {
  none,       // no credential asked for
  any_token,  // any valid credential
  admin,
  identity_write,
  token_issue,
  token_revoke,
  introspect,
  api_read,
  system_status,
  audit_log,
  event_write,
  alert_triage,
  audit_read,
};
std::string_view permission_text(Permission permission);  // "identity_write"

using RouteHandler = boost::asio::awaitable<void> (*)(api::Api&, api::Call&);

enum RouteFlags : uint8_t {
  kPlain = 0,
  kOauth = 1,          // errors in the form of RFC 6749 5.2
  kChanges = 2,        // takes Idempotency-Key, answers Watchword-Position
  kLargeBody = 4,      // the body may be as large as ServerOptions says for large routes
  kAdminListener = 8,  // served on the admin listener alone
};

// `path`: segments are exact text or {name}; a last segment `*` matches any suffix, the empty one
// included ("/authz/forward/*" also matches "/authz/forward").
struct Route {
  Verb verb;
  std::string_view path;
  Permission permission;
  RouteHandler handler;
  std::string_view summary;
  uint8_t flags = kPlain;
};

}  // namespace watchword::http
