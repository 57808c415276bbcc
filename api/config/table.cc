#include "api/config/table.h"

#include <algorithm>
#include <array>
#include <bit>

#include "events/policy/cidr.h"

namespace watchword::config {
namespace {

constexpr double kDays = 36'500, kSecondsOfYear = 366.0 * 86'400, kMebi = 1 << 20,
                 kTebi = kMebi * kMebi;

std::string endpoint_problem(const Value& value) {
  const auto endpoint = parse_endpoint(std::get<std::string>(value));
  return endpoint ? "" : endpoint.error().detail;
}

std::string networks_problem(const Value& value) {
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    const auto cidr = policy::Cidr::parse(text);
    if (!cidr) return "\"" + text + "\" is no network in CIDR notation: " + cidr.error().detail;
  }
  return {};
}

std::string power_problem(const Value& value) {
  const auto number = static_cast<uint64_t>(std::get<int64_t>(value));
  return std::has_single_bit(number) ? "" : "must be a power of two";
}

std::string url_problem(const Value& value) {
  const auto& text = std::get<std::string>(value);
  const bool http = text.starts_with("http://") || text.starts_with("https://");
  if (text.empty() || (http && !text.ends_with('/'))) return {};
  return "must begin with http:// or https:// and end without a slash";
}

// Each row's accessor; the member's type decides how the value is written.
#define AT(member) +[](Settings& all) -> decltype(all.member)& { return all.member; }

const std::array kTable{
    Setting{"security.jit_tokens_enabled", "JIT_TOKENS_ENABLED", AT(security.jit_tokens_enabled), 0,
            0,
            "Just-in-time tokens are issued; false stops new ones and leaves living ones alone."},
    Setting{"security.legacy_tokens_enabled", "LEGACY_TOKENS_ENABLED",
            AT(security.legacy_tokens_enabled), 0, 0,
            "Long-lived tokens may stand in for just-in-time tokens, to roll a migration back."},
    Setting{"security.auto_suspend_critical", "AUTO_SUSPEND_CRITICAL",
            AT(security.auto_suspend_critical), 0, 0,
            "An alert of critical severity suspends its identity in the same turn, on "
            "authenticated evidence only."},
    Setting{"security.auto_revoke_on_anomaly", "", AT(security.auto_revoke_on_anomaly), 0, 0,
            "Watchword responds by itself at all; false turns every automatic response off, alerts "
            "go on."},
    Setting{
        "security.require_continuous_auth", "", AT(security.require_continuous_auth), 0, 0,
        "Tokens of types with continuous authentication are checked again at every introspection."},
    Setting{"security.jwt_access_token_ttl_seconds", "ACCESS_TOKEN_EXPIRE_MINUTES",
            AT(security.jwt_access_token_ttl_s), 1, kSecondsOfYear,
            "Lifetime of access tokens of sessions and OAuth clients.", 60},
    Setting{"security.jwt_refresh_token_ttl_seconds", "REFRESH_TOKEN_EXPIRE_DAYS",
            AT(security.jwt_refresh_token_ttl_s), 1, kSecondsOfYear,
            "Absolute lifetime of a session and its refresh tokens.", 86'400},
    Setting{"security.max_concurrent_sessions", "MAX_CONCURRENT_SESSIONS",
            AT(security.max_concurrent_sessions), 1, 1000, "Live sessions of one person."},
    Setting{"security.session_idle_seconds", "SESSION_TIMEOUT_MINUTES", AT(security.session_idle_s),
            60, kSecondsOfYear, "A session that is not used for so long ends.", 60},
    Setting{"security.service_token_default_expiry_days", "SERVICE_TOKEN_DEFAULT_EXPIRY_DAYS",
            AT(security.service_token_default_expiry_days), 1, kDays,
            "Lifetime of an sk_ token when none is asked for."},
    Setting{"security.service_token_high_usage_threshold", "SERVICE_TOKEN_HIGH_USAGE_THRESHOLD",
            AT(security.service_token_high_usage_threshold), 1, 1e12,
            "Uses after which an sk_ token is rotated sooner."},
    Setting{"security.service_token_rotation_enabled", "SERVICE_TOKEN_ROTATION_ENABLED",
            AT(security.service_token_rotation_enabled), 0, 0, "sk_ tokens are rotated by policy."},
    Setting{"security.key_file", "", AT(security.key_file), 0, 0,
            "File with the key that wraps all others (0600); empty: inside the data folder."},

    Setting{"monitoring.enabled", "SECURITY_MONITORING_ENABLED", AT(monitoring.enabled), 0, 0,
            "Observations are scored; false records them only."},
    Setting{"monitoring.anomaly_sensitivity", "ANOMALY_DETECTION_SENSITIVITY",
            AT(monitoring.anomaly_sensitivity), 0, 1,
            "0.7 gives the stated budget of false alerts; each 0.1 more or less doubles or halves "
            "it; 0 is off."},
    Setting{"monitoring.enable_baseline_learning", "", AT(monitoring.enable_baseline_learning), 0,
            0, "Baselines learn from what they see."},
    Setting{"monitoring.baseline_learning_hours", "BASELINE_LEARNING_HOURS",
            AT(monitoring.baseline_learning_hours), 0, 8760,
            "How long an identity is learned before its own baseline judges it; fractions are "
            "allowed."},
    Setting{"monitoring.enable_geo_anomaly", "", AT(monitoring.enable_geo_anomaly), 0, 0,
            "Signals of place and network count."},
    Setting{"monitoring.enable_temporal_analysis", "", AT(monitoring.enable_temporal_analysis), 0,
            0, "Signals of hour and weekday count."},
    Setting{"monitoring.alert_thresholds_days", "MONITORING_ALERT_THRESHOLDS",
            AT(monitoring.alert_thresholds_days), 0, kDays,
            "Days before a token's expiry at which an alert is raised."},

    Setting{"detection.learning_successes", "", AT(detection.learning_successes), 0, 1e6,
            "Successes that an identity must show before its own baseline judges it."},
    Setting{"detection.learning_distinct_hours", "", AT(detection.learning_distinct_hours), 0, 168,
            "Distinct hours of the week that it must have been seen in."},
    Setting{"detection.dormant_days", "", AT(detection.dormant_days), 1, 3650,
            "After so many silent days an identity that acts again is a sleeper that wakes."},

    Setting{"identity_types.service_account.max_token_lifetime_seconds", "",
            AT(identity_types.service_account.max_token_lifetime_s), 1, kSecondsOfYear,
            "Longest life of its tokens."},
    Setting{"identity_types.service_account.requires_attestation", "",
            AT(identity_types.service_account.requires_attestation), 0, 0,
            "It proves itself by a signed statement."},
    Setting{"identity_types.service_account.requires_continuous_auth", "",
            AT(identity_types.service_account.requires_continuous_auth), 0, 0,
            "Every introspection checks again."},
    Setting{"identity_types.ai_agent.max_token_lifetime_seconds", "",
            AT(identity_types.ai_agent.max_token_lifetime_s), 1, kSecondsOfYear,
            "Longest life of its tokens."},
    Setting{"identity_types.ai_agent.requires_attestation", "",
            AT(identity_types.ai_agent.requires_attestation), 0, 0,
            "It proves itself by a signed statement."},
    Setting{"identity_types.ai_agent.requires_continuous_auth", "",
            AT(identity_types.ai_agent.requires_continuous_auth), 0, 0,
            "Every introspection checks again."},
    Setting{"identity_types.api_key.max_token_lifetime_seconds", "",
            AT(identity_types.api_key.max_token_lifetime_s), 1, kSecondsOfYear,
            "Longest life of its tokens."},
    Setting{"identity_types.api_key.requires_attestation", "",
            AT(identity_types.api_key.requires_attestation), 0, 0,
            "It proves itself by a signed statement."},
    Setting{"identity_types.api_key.requires_continuous_auth", "",
            AT(identity_types.api_key.requires_continuous_auth), 0, 0,
            "Every introspection checks again."},
    Setting{"identity_types.human.max_token_lifetime_seconds", "",
            AT(identity_types.human.max_token_lifetime_s), 1, kSecondsOfYear,
            "Longest life of its tokens."},
    Setting{"identity_types.human.requires_attestation", "",
            AT(identity_types.human.requires_attestation), 0, 0,
            "It proves itself by a signed statement."},
    Setting{"identity_types.human.requires_continuous_auth", "",
            AT(identity_types.human.requires_continuous_auth), 0, 0,
            "Every introspection checks again."},

    Setting{"journal.data_dir", "", AT(journal.data_dir), 0, 0,
            "Folder of journal, checkpoints and keys (--data)."},
    Setting{"journal.partitions", "", AT(journal.partitions), 1, 64,
            "Fixed when the folder is made; a power of two, at most journal.regions.", 1, false,
            power_problem},
    Setting{"journal.regions", "", AT(journal.regions), 1, 64,
            "Fixed when the folder is made; the most partitions that it can ever have.", 1, false,
            power_problem},
    Setting{"journal.segment_bytes", "", AT(journal.segment_bytes), kMebi, 1024 * kMebi,
            "Size of a segment file."},
    Setting{"journal.reserve_bytes", "", AT(journal.reserve_bytes), kMebi, 1024 * kMebi,
            "Kept free, so that revoking works on a full disk."},
    Setting{"journal.checkpoint_interval_seconds", "", AT(journal.checkpoint_interval_s), 1, 3600,
            "Rows are written back at least so often."},
    Setting{"journal.checkpoint_bytes", "", AT(journal.checkpoint_bytes), kMebi, 65'536 * kMebi,
            "Rows are written back after so much change."},
    Setting{"journal.hot_rows_bytes", "", AT(journal.hot_rows_bytes), 16 * kMebi, kTebi,
            "Rows kept in memory, over all partitions."},
    Setting{"journal.index_mentions", "", AT(journal.index_mentions), 256, 1 << 28,
            "Which frames speak of whom: kept in memory up to so many, then a file; of each partition."},
    Setting{"journal.block_cache_bytes", "", AT(journal.block_cache_bytes), kMebi, kTebi,
            "Cache of the row store's blocks, over all partitions."},

    Setting{"api.listen", "", AT(api.listen), 0, 0,
            "Address and port of the API (--listen); port 0 picks one.", 1, false,
            endpoint_problem},
    Setting{"api.admin_listen", "", AT(api.admin_listen), 0, 0,
            "Address and port of /livez, /readyz and /metrics (--admin-listen).", 1, false,
            endpoint_problem},
    Setting{"api.public_url", "", AT(api.public_url), 0, 0,
            "URL under which callers reach the API: issuer and audience of tokens. Empty: made "
            "from api.listen.",
            1, false, url_problem},
    Setting{"api.cores", "", AT(api.cores), 0, 256, "Threads that serve; 0: one for each core."},
    Setting{"api.trusted_proxies", "", AT(api.trusted_proxies), 0, 0,
            "Networks whose X-Forwarded-For is believed.", 1, false, networks_problem},
    Setting{"api.tls_certificate_file", "", AT(api.tls_certificate_file), 0, 0,
            "PEM file with the certificate chain; read again on SIGHUP."},
    Setting{"api.tls_key_file", "", AT(api.tls_key_file), 0, 0, "PEM file with its private key."},
    Setting{"api.tls_key_passphrase", "", AT(api.tls_key_passphrase), 0, 0,
            "Opens an encrypted private key.", 1, true},
    Setting{"api.allow_insecure_http", "", AT(api.allow_insecure_http), 0, 0,
            "Plain HTTP on an address that others can reach; tokens then travel in the open."},
    Setting{"api.metrics_on_api", "", AT(api.metrics_on_api), 0, 0,
            "/metrics is served on api.listen too."},

    Setting{"limits.principal_requests_per_second", "", AT(limits.principal_requests_per_s), 1, 1e9,
            "Requests of one principal; 429 above."},
    Setting{
        "limits.failed_authentications_per_second", "", AT(limits.failed_authentications_per_s), 1,
        1e6,
        "Failed authentications of one network (IPv6: /64); a valid credential is never blocked."},
    Setting{"limits.connections", "", AT(limits.connections), 1, 1e6, "Connections at a time."},
    Setting{"limits.header_bytes", "", AT(limits.header_bytes), 1024, kMebi,
            "Longest header block of a request."},
    Setting{"limits.body_bytes", "", AT(limits.body_bytes), 1024, 64 * kMebi,
            "Longest body of a request."},
    Setting{"limits.header_timeout_seconds", "", AT(limits.header_timeout_s), 1, 600,
            "408 when a header takes longer."},
    Setting{"limits.body_timeout_seconds", "", AT(limits.body_timeout_s), 1, 600,
            "408 when a body takes longer."},
    Setting{"limits.idle_timeout_seconds", "", AT(limits.idle_timeout_s), 1, 3600,
            "Idle connections are closed."},
    Setting{"limits.waiting_commands", "", AT(limits.waiting_commands), 1, 1e7,
            "Commands that may wait for one partition; 503 above."},
    Setting{"limits.waiting_observations", "", AT(limits.waiting_observations), 1, 1e8,
            "Observations that may wait for one partition; 503 above."},
};
#undef AT

}  // namespace

std::span<const Setting> settings_table() { return kTable; }

const Setting* find_setting(std::string_view name) {
  const auto found = std::ranges::find(kTable, name, &Setting::name);
  return found == kTable.end() ? nullptr : &*found;
}

std::string environment_of(const Setting& setting) {
  if (!setting.environment.empty()) return std::string(setting.environment);
  std::string name = "WATCHWORD_";
  for (const char letter : setting.name)
    name += letter == '.'                    ? '_'
            : letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 32)
                                             : letter;
  return name;
}

}  // namespace watchword::config
