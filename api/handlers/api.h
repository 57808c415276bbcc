// What every handler reaches, and what a request brings along. Handlers run on the connection's core thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "api/handlers/metrics.h"
#include "api/handlers/token_cache.h"
#include "api/handlers/uses.h"
#include "api/http/rate_limit.h"
#include "api/http/request.h"
#include "api/http/response.h"
#include "api/http/router.h"
#include "api/http/server.h"
#include "events/base/address.h"
#include "events/domain/rules.h"
#include "events/policy/cidr.h"
#include "processors/detectors/scorer.h"
#include "processors/runtime/engine.h"

namespace watchword::api {

// What of the configuration the handlers need.
struct ApiSettings {
  std::string issuer;                       // URL of this installation: iss, and aud of attestations
  std::string algorithm = "ES256";          // of our own JWTs
  domain::Rules rules;
  domain::UseRules use_rules;
  detectors::Tuning tuning;
  std::vector<policy::Cidr> trusted_proxies;
  bool speak_for_clients = false;           // a trusted caller's source_ip counts as its client's address
  bool jit_tokens_enabled = true;           // JIT_TOKENS_ENABLED
  int64_t service_token_expiry_days = 90;   // SERVICE_TOKEN_DEFAULT_EXPIRY_DAYS
  bool service_tokens_may_never_expire = false;
  http::Rate principal_rate{50'000, 50'000};
  http::Rate failure_rate{20, 20};
  size_t token_cache_entries = size_t{1} << 20;
  bool metrics_on_api = false;
};

struct Caller {
  Id principal, token_id;
  uint32_t permissions = 0;  // bit of each http::Permission that it holds; admin holds all
  bool authenticated = false;
  bool is_jwt = false;
  std::vector<std::string> sources;  // `source` values that it may claim; none: any
  bool may(http::Permission permission) const {
    return (permissions >> static_cast<unsigned>(permission) & 1) != 0;
  }
};

struct Call {
  http::Request& request;
  http::Response& response;
  const http::Match& match;
  Caller caller;
  Address client;  // whose call it is, behind trusted proxies
};

// What one core keeps for itself.
struct CoreState {
  CoreState(runtime::Engine& engine, uint32_t core, size_t token_cache_entries, Metrics& metrics)
      : tokens(token_cache_entries), uses(engine, core, metrics.uses_lost) {}
  TokenCache tokens;
  Uses uses;
};

// Reservations of names that this process made and could neither confirm nor give back: what became of them the next one
// who wants the name has to find out. Thread-safe.
class AbandonedNames {
 public:
  void add(const Id& owner) {
    const std::lock_guard lock(mutex_);
    owners_.insert(owner);
  }
  void remove(const Id& owner) {
    const std::lock_guard lock(mutex_);
    owners_.erase(owner);
  }
  bool contains(const Id& owner) const {
    const std::lock_guard lock(mutex_);
    return owners_.contains(owner);
  }

 private:
  mutable std::mutex mutex_;
  std::set<Id> owners_;
};

struct Api {
  Api(runtime::Engine& engine, ApiSettings settings, Metrics& metrics);

  runtime::Engine& engine;
  const ApiSettings settings;
  Metrics& metrics;
  http::RateLimiter principal_rate, failure_rate;
  std::vector<std::unique_ptr<CoreState>> cores;
  // Of each partition, where this process began: what frames up to there say was done by a process that is gone.
  std::vector<uint64_t> claimed_seq;
  AbandonedNames abandoned_names;

  CoreState& here() { return *cores[engine.this_core()]; }
  std::optional<std::string> open_sealed(const Id& principal, const v1::Sealed& sealed);
};

// The permission of the same name, as a bit; 0 for an unknown one.
uint32_t permission_bit(std::string_view name);

// The whole of the HTTP contract: every route, in one table.
std::span<const http::Route> routes();
// What the server calls for each request: finds the route, the caller, its rate and its permission, then the handler.
http::Handler make_handler(Api& api);
// The admin listener's: /livez, /readyz, /metrics.
http::Handler make_admin_handler(Api& api);

// Ends the call with an error, in the form of its route.
void fail(Call& call, const Error& error);

}  // namespace watchword::api
