#include <algorithm>
#include <cmath>
#include <filesystem>

#include "api/cli/node.h"
#include "api/config/table.h"
#include "events/base/time.h"
#include "processors/detectors/detector.h"

namespace watchword::cli {
namespace {

// [limits] counts observations, a mailbox counts bytes: 100,000 of them are its 64 MiB.
constexpr size_t kBytesOfWaitingObservation = 672;

constexpr std::array<std::string_view, 4> kReloaded{"monitoring.", "detection.",
                                                    "security.auto_suspend_critical",
                                                    "security.auto_revoke_on_anomaly"};

uint64_t signals_off(const config::Settings& settings) {
  uint64_t off = 0;
  for (const auto& [name, on] : settings.detection.signals)
    if (const auto row = detectors::row_named(name); row && !on) off |= uint64_t{1} << *row;
  for (size_t row = 0; row < detectors::kDetectors.size(); ++row) {
    const auto group = detectors::kDetectors[row].group;
    const bool place_off =
        group == detectors::Group::geo && !settings.monitoring.enable_geo_anomaly;
    const bool time_off =
        group == detectors::Group::time && !settings.monitoring.enable_temporal_analysis;
    if (place_off || time_off) off |= uint64_t{1} << row;
  }
  return off;
}

uint32_t partitions_asked(const config::Loaded& loaded, const std::string& directory) {
  const bool is_new = !std::filesystem::exists(directory + "/control");
  const bool is_given = loaded.origin_of("journal.partitions").layer != config::Layer::standard;
  return is_new || is_given ? static_cast<uint32_t>(loaded.settings.journal.partitions) : 0;
}

// What a setting promises and the node cannot keep must not pass in silence.
Result<> check_supported(const config::Settings& settings) {
  const auto refuse = [](std::string text) {
    return Error{Errc::invalid, "cli.node.unsupported", std::move(text)};
  };
  if (settings.journal.data_dir.empty())
    return refuse("no data folder: give --data DIR, or journal.data_dir in the configuration");
  if (!settings.security.key_file.empty())
    return refuse(
        "security.key_file: the key file stands in the data folder (keys/master.key); leave it "
        "empty");
  if (!settings.api.tls_key_passphrase.empty())
    return refuse(
        "api.tls_key_passphrase: only unencrypted private keys (0600) can be read; leave it empty");
  if (settings.api.tls_certificate_file.empty() != settings.api.tls_key_file.empty())
    return refuse("api.tls_certificate_file and api.tls_key_file go together");
  return {};
}

}  // namespace

Result<runtime::EngineOptions> engine_options(const config::Loaded& loaded) {
  const config::Settings& settings = loaded.settings;
  if (auto good = check_supported(settings); !good) return good.error();
  runtime::EngineOptions options;
  options.directory = settings.journal.data_dir;
  options.partitions = partitions_asked(loaded, options.directory);
  options.regions = static_cast<uint32_t>(settings.journal.regions);
  options.cores = static_cast<uint32_t>(settings.api.cores);
  options.memory_bytes = static_cast<size_t>(settings.journal.hot_rows_bytes);
  options.segment_bytes = static_cast<uint64_t>(settings.journal.segment_bytes);
  options.reserve_bytes = static_cast<uint64_t>(settings.journal.reserve_bytes);
  options.index_mentions = static_cast<size_t>(settings.journal.index_mentions);
  options.judging = judge_settings(settings);
  options.limits.commands_waiting = static_cast<size_t>(settings.limits.waiting_commands);
  options.limits.observation_bytes_waiting =
      static_cast<size_t>(settings.limits.waiting_observations) * kBytesOfWaitingObservation;
  options.limits.checkpoint_dirty_bytes = static_cast<size_t>(settings.journal.checkpoint_bytes);
  options.limits.checkpoint_every_us = settings.journal.checkpoint_interval_s * 1'000'000;
  return options;
}

runtime::JudgeSettings judge_settings(const config::Settings& settings) {
  runtime::JudgeSettings judging;
  judging.monitoring_enabled = settings.monitoring.enabled;
  judging.auto_suspend_critical =
      settings.security.auto_suspend_critical && settings.security.auto_revoke_on_anomaly;
  auto& tuning = judging.tuning;
  tuning.sensitivity_percent =
      static_cast<uint32_t>(std::lround(settings.monitoring.anomaly_sensitivity * 100));
  tuning.learning_ms =
      std::llround(settings.monitoring.baseline_learning_hours * static_cast<double>(kHourMs));
  tuning.learning_successes = static_cast<uint32_t>(settings.detection.learning_successes);
  tuning.learning_hours = static_cast<uint32_t>(settings.detection.learning_distinct_hours);
  tuning.baseline_learning = settings.monitoring.enable_baseline_learning;
  tuning.signals_off = signals_off(settings);
  return judging;
}

api::ApiSettings api_settings(const config::Settings& settings) {
  api::ApiSettings api;
  api.issuer = settings.api.public_url;
  api.rules.types = config::type_policies(settings);
  api.tuning = judge_settings(settings).tuning;
  for (const auto& detector : detectors::kDetectors) api.rules.signals.push_back(detector.name);
  for (const std::string& text : settings.api.trusted_proxies)
    if (auto cidr = policy::Cidr::parse(text)) api.trusted_proxies.push_back(*cidr);
  api.jit_tokens_enabled = settings.security.jit_tokens_enabled;
  api.service_token_expiry_days = settings.security.service_token_default_expiry_days;
  const auto rate = [](int64_t per_s) {
    const auto number = static_cast<uint32_t>(std::min<int64_t>(per_s, 1'000'000));
    return http::Rate{number, number};
  };
  api.principal_rate = rate(settings.limits.principal_requests_per_s);
  api.failure_rate = rate(settings.limits.failed_authentications_per_s);
  api.metrics_on_api = settings.api.metrics_on_api;
  return api;
}

Result<http::ServerOptions> server_options(const config::Settings& settings,
                                           const std::string& listen) {
  const auto endpoint = config::parse_endpoint(listen);
  if (!endpoint) return endpoint.error();
  http::ServerOptions options;
  options.address = endpoint->address.text();
  options.port = endpoint->port;
  options.plain_off_loopback = settings.api.allow_insecure_http;
  if (!settings.api.tls_certificate_file.empty())
    options.tls = http::TlsFiles{settings.api.tls_certificate_file, settings.api.tls_key_file};
  options.gate.block_bytes_max = static_cast<size_t>(settings.limits.header_bytes);
  options.body_bytes_max = static_cast<uint64_t>(settings.limits.body_bytes);
  options.connections_max = static_cast<size_t>(settings.limits.connections);
  options.header_timeout_ms = settings.limits.header_timeout_s * kSecondMs;
  options.body_timeout_ms = settings.limits.body_timeout_s * kSecondMs;
  options.idle_timeout_ms = settings.limits.idle_timeout_s * kSecondMs;
  return options;
}

std::vector<std::string> changed_for_restart(const config::Settings& running,
                                             const config::Settings& read) {
  std::vector<std::string> names;
  for (const config::Setting& setting : config::settings_table()) {
    const bool reloaded = std::ranges::any_of(
        kReloaded, [&](std::string_view prefix) { return setting.name.starts_with(prefix); });
    if (!reloaded && config::read_value(setting, running) != config::read_value(setting, read))
      names.emplace_back(setting.name);
  }
  return names;
}

}  // namespace watchword::cli
