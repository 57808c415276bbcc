// Every setting, with its default. What each means, its range and its environment name stand in
// table.cc, once.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/address.h"
#include "events/base/result.h"
#include "events/policy/type_policy.h"

namespace watchword::config {

struct Security {
  bool jit_tokens_enabled = true;
  bool legacy_tokens_enabled = false;
  bool auto_suspend_critical = true;
  bool auto_revoke_on_anomaly = true;
  bool require_continuous_auth = true;
  int64_t jwt_access_token_ttl_s = 300;
  int64_t jwt_refresh_token_ttl_s = 3600;
  int64_t max_concurrent_sessions = 5;
  int64_t session_idle_s = 1800;
  int64_t service_token_default_expiry_days = 90;
  int64_t service_token_high_usage_threshold = 1000;
  bool service_token_rotation_enabled = true;
  std::string key_file;
};

struct Monitoring {
  bool enabled = true;
  double anomaly_sensitivity = 0.7;
  bool enable_baseline_learning = true;
  double baseline_learning_hours = 24;
  bool enable_geo_anomaly = true;
  bool enable_temporal_analysis = true;
  std::vector<int64_t> alert_thresholds_days{30, 14, 7, 1};
};

struct Detection {
  int64_t learning_successes = 20;
  int64_t learning_distinct_hours = 5;
  int64_t dormant_days = 30;
  std::map<std::string, bool> signals;  // by name; a signal that is not named is on
};

struct IdentityTypes {
  policy::TypePolicy service_account{3600, false, true};
  policy::TypePolicy ai_agent{300, true, true};
  policy::TypePolicy api_key{1800, false, false};
  policy::TypePolicy human{900, false, true};
};

struct Journal {
  std::string data_dir;
  int64_t partitions = 1;
  int64_t regions = 4;
  int64_t segment_bytes = int64_t{64} << 20;
  int64_t reserve_bytes = int64_t{8} << 20;
  int64_t checkpoint_interval_s = 30;
  int64_t checkpoint_bytes = int64_t{64} << 20;
  int64_t hot_rows_bytes = int64_t{512} << 20;
  int64_t index_mentions = int64_t{1} << 22;
  int64_t block_cache_bytes = int64_t{64} << 20;
};

struct Api {
  std::string listen = "127.0.0.1:8080";
  std::string admin_listen = "127.0.0.1:9090";
  std::string public_url;
  int64_t cores = 0;
  std::vector<std::string> trusted_proxies;
  std::string tls_certificate_file;
  std::string tls_key_file;
  std::string tls_key_passphrase;
  bool allow_insecure_http = false;
  bool metrics_on_api = false;
};

struct Limits {
  int64_t principal_requests_per_s = 50'000;
  int64_t failed_authentications_per_s = 20;
  int64_t connections = 10'000;
  int64_t header_bytes = 16 << 10;
  int64_t body_bytes = 1 << 20;
  int64_t header_timeout_s = 10;
  int64_t body_timeout_s = 30;
  int64_t idle_timeout_s = 75;
  int64_t waiting_commands = 10'000;
  int64_t waiting_observations = 100'000;
};

struct Settings {
  Security security;
  Monitoring monitoring;
  Detection detection;
  IdentityTypes identity_types;
  Journal journal;
  Api api;
  Limits limits;
};

// What the commands of tokens take: [identity_types.*] by kind. require_continuous_auth = false
// waives it for all types.
policy::TypePolicies type_policies(const Settings& settings);

struct Endpoint {
  Address address;
  uint16_t port = 0;
};
// "127.0.0.1:8080", "[::1]:8080", "localhost:0". A name other than localhost is refused: it could
// mean several addresses. Errors: invalid "config.endpoint.malformed".
Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace watchword::config
