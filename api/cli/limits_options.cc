#include "api/cli/limits_options.h"

#include <charconv>

#include "api/cli/remote.h"
#include "api/cli/time_text.h"
#include "events/base/json.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

// "9-17": whole hours of the day.
Result<json::array> hours_of(const std::string& text) {
  const Error malformed{Errc::invalid, "cli.hours.malformed",
                        "--hours takes two hours such as 9-17 or 22-6, not \"" + text + "\""};
  int hours[2];
  const char* at = text.data();
  const char* end = at + text.size();
  for (int i = 0; i < 2; ++i) {
    const auto [next, error] = std::from_chars(at, end, hours[i]);
    const bool ends = i == 0 ? next != end && *next == '-' : next == end;
    if (error != std::errc{} || !ends || hours[i] < 0 || hours[i] > 24) return malformed;
    at = next + 1;
  }
  return json::array{hours[0], hours[1]};
}

}  // namespace

void add_limits_options(CLI::App& app, LimitsOptions& limits) {
  app.add_option("--scope", limits.scopes, "A scope that it may ask for; may be repeated")
      ->type_name("SCOPE");
  app.add_option("--network", limits.networks, "A network that it may come from; may be repeated")
      ->type_name("CIDR");
  app.add_option("--hours", limits.hours, "Hours of the day, such as 9-17")->type_name("FROM-TO");
  app.add_option("--time-zone", limits.time_zone, "Of the hours; else UTC")->type_name("ZONE");
  app.add_option("--lifetime", limits.lifetime, "Longest life of its tokens, such as 15m")
      ->type_name("DURATION");
  app.add_option("--attestation", limits.attestation_file,
                 "JSON: {\"jwks\":…} or {\"issuer\":…,\"audience\":…,\"subject\":…}")
      ->type_name("FILE");
  app.add_option("--metadata", limits.metadata, "May be repeated")->type_name("NAME=VALUE");
  app.add_option("--signal-off", limits.signals_off, "A signal not to look at; may be repeated")
      ->type_name("NAME");
}

Result<> put_limits(const LimitsOptions& limits, json::object& body) {
  if (!limits.scopes.empty()) body["allowed_scopes"] = array_of(limits.scopes);
  if (!limits.networks.empty()) body["allowed_ips"] = array_of(limits.networks);
  if (!limits.signals_off.empty()) body["signals_off"] = array_of(limits.signals_off);
  if (!limits.time_zone.empty()) body["time_zone"] = limits.time_zone;
  if (!limits.hours.empty()) {
    auto hours = hours_of(limits.hours);
    if (!hours) return hours.error();
    body["allowed_hours"] = std::move(*hours);
  }
  if (!limits.lifetime.empty()) {
    const auto seconds = parse_duration_s(limits.lifetime);
    if (!seconds) return seconds.error();
    body["max_token_lifetime_seconds"] = *seconds;
  }
  if (!limits.metadata.empty()) {
    auto metadata = metadata_of(limits.metadata);
    if (!metadata) return metadata.error();
    body["metadata"] = std::move(*metadata);
  }
  if (limits.attestation_file.empty()) return {};
  const auto text = read_input(limits.attestation_file);
  if (!text) return text.error();
  auto value = parse_json_strict(*text);
  if (!value)
    return Error{Errc::invalid, "cli.attestation.malformed",
                 limits.attestation_file + ": " + value.error().detail};
  body["attestation"] = std::move(*value);
  return {};
}

Result<json::object> metadata_of(const std::vector<std::string>& pairs) {
  json::object out;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == pair.npos || equals == 0)
      return Error{Errc::invalid, "cli.metadata.malformed",
                   "--metadata takes NAME=VALUE, not \"" + pair + "\""};
    out[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return out;
}

json::array array_of(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

}  // namespace watchword::cli
