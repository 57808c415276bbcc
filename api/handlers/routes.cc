#include "api/handlers/handlers.h"

namespace watchword::api {
namespace {

using http::kChanges;
using http::kLargeBody;
using http::kOauth;
using http::Permission;
using http::Route;
using http::Verb;

constexpr Route kRoutes[] = {
    Route{Verb::post, "/api/v1/identities", Permission::identity_write, &identities::create, "Register an identity", kChanges},
    Route{Verb::get, "/api/v1/identities", Permission::api_read, &identities::list, "List identities"},
    Route{Verb::get, "/api/v1/identities/{id}", Permission::api_read, &identities::show, "State of one identity"},
    Route{Verb::patch, "/api/v1/identities/{id}", Permission::identity_write, &identities::patch, "Change an identity's limits", kChanges},
    Route{Verb::post, "/api/v1/identities/{id}/suspend", Permission::identity_write, &identities::suspend, "Suspend an identity and kill its tokens", kChanges},
    Route{Verb::post, "/api/v1/identities/{id}/reactivate", Permission::identity_write, &identities::reactivate, "Reactivate a suspended identity", kChanges},
    Route{Verb::post, "/api/v1/identities/{id}/retire", Permission::identity_write, &identities::retire, "Retire an identity for good", kChanges},
    Route{Verb::post, "/api/v1/identities/{id}/baseline", Permission::identity_write, &identities::baseline, "Establish the baseline now", kChanges},
    Route{Verb::post, "/api/v1/identities/{id}/baseline-reset", Permission::identity_write, &identities::baseline_reset, "Start learning again", kChanges},
    Route{Verb::get, "/api/v1/identities/{id}/metrics", Permission::api_read, &identities::metrics, "Activity and baseline"},
    Route{Verb::get, "/api/v1/identities/{id}/risk", Permission::api_read, &identities::risk, "Risk history with each signal's share"},
    Route{Verb::get, "/api/v1/identities/{id}/timeline", Permission::api_read, &identities::timeline, "Everything that happened, newest first"},
    Route{Verb::post, "/api/v1/tokens/jit", Permission::none, &tokens::issue_jit, "Issue a just-in-time token", kChanges},
    Route{Verb::get, "/api/v1/tokens/{id}", Permission::api_read, &tokens::show, "State of one token"},
    Route{Verb::get, "/api/v1/tokens/usage/{id}", Permission::api_read, &tokens::usage, "How a token is used"},
    Route{Verb::del, "/api/v1/tokens/{id}", Permission::token_revoke, &tokens::revoke, "Revoke a token", kChanges},
    Route{Verb::get, "/api/v1/monitoring/alerts", Permission::api_read, &alerts::list, "List alerts"},
    Route{Verb::get, "/api/v1/monitoring/alerts/{id}", Permission::api_read, &alerts::show, "One alert"},
    Route{Verb::patch, "/api/v1/monitoring/alerts/{id}", Permission::alert_triage, &alerts::triage, "Triage an alert", kChanges},
    Route{Verb::post, "/api/v1/events", Permission::event_write, &events::post, "Report what was observed", kChanges},
    Route{Verb::post, "/api/v1/auth/tokens", Permission::admin, &service_tokens::create, "Create a service token", kChanges},
    Route{Verb::get, "/api/v1/auth/tokens", Permission::api_read, &service_tokens::list, "List service tokens"},
    Route{Verb::get, "/api/v1/auth/tokens/{id}", Permission::api_read, &service_tokens::show, "One service token"},
    Route{Verb::del, "/api/v1/auth/tokens/{id}", Permission::token_revoke, &service_tokens::revoke, "Revoke a service token", kChanges},
    Route{Verb::get, "/api/v1/auth/me", Permission::any_token, &service_tokens::me, "Who am I"},
    Route{Verb::get, "/api/v1/auth/health", Permission::any_token, &service_tokens::health, "Health of authentication"},
    Route{Verb::get, "/api/v1/system/status", Permission::system_status, &system::status, "Partitions, journal, disk"},
    Route{Verb::get, "/api/v1/system/health", Permission::none, &system::health, "Whether it serves"},
    Route{Verb::post, "/api/v1/system/clock/accept", Permission::admin, &system::accept_clock, "Vouch for the clock after a long absence or a step", kChanges},
    Route{Verb::get, "/api/v1/audit/events", Permission::audit_read, &audit::events, "Every administrative act"},
    Route{Verb::post, "/oauth2/introspect", Permission::introspect, &oauth::introspect, "Whether a token is good (RFC 7662)", kOauth},
    Route{Verb::post, "/oauth2/revoke", Permission::token_revoke, &oauth::revoke, "Revoke a token (RFC 7009)", kOauth | kChanges},
    Route{Verb::get, "/.well-known/jwks.json", Permission::none, &oauth::jwks, "Public signing keys (RFC 7517)"},
    Route{Verb::any, "/authz/forward/*", Permission::none, &oauth::authz_forward, "May this request pass (for gateways)"},
    Route{Verb::get, "/api/v1/streams/{topic}", Permission::api_read, &streams::read, "A public topic as NDJSON or SSE"},
};

}  // namespace

std::span<const Route> routes() { return kRoutes; }

}  // namespace watchword::api
