// Settings from TOML, environment and flags. Input: the TOML text, a line of '=' signs, then lines
// NAME=value of the environment.
#include "api/config/load.h"
#include "api/config/table.h"
#include "processors/detectors/detector.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

constexpr std::string_view kDivider = "\n====\n";

config::Sources sources_of(std::string_view input) {
  config::Sources sources;
  sources.file = "watchword.toml";
  const size_t at = input.find(kDivider);
  sources.toml = input.substr(0, at);
  if (at == input.npos) return sources;
  for (Pieces lines(input.substr(at + kDivider.size())); !lines.empty();) {
    Pieces line(lines.until('\n'));
    const std::string name(line.until('='));
    sources.environment[name] = line.rest();
  }
  return sources;
}

std::vector<std::string_view> signals() {
  std::vector<std::string_view> names;
  for (const auto& detector : detectors::kDetectors) names.push_back(detector.name);
  return names;
}

void require_in_range(const config::Setting& setting, const config::Settings& settings) {
  if (setting.low == setting.high) return;
  const auto value = config::read_value(setting, settings);
  const auto within = [&](double number) {
    return number >= setting.low && number <= setting.high;
  };
  if (const auto* whole = std::get_if<int64_t>(&value))
    require(within(static_cast<double>(*whole)), "a number within its range");
  if (const auto* real = std::get_if<double>(&value))
    require(within(*real), "a number within its range");
  if (const auto* list = std::get_if<std::vector<int64_t>>(&value))
    for (const auto each : *list)
      require(within(static_cast<double>(each)), "a list within its range");
}

void require_same_again(const config::Loaded& loaded) {
  const auto again = config::load(
      {.file = "again.toml", .toml = config::show_text(loaded), .environment = {}, .flags = {}});
  require(again.ok(), "what is shown is a good file");
  for (const auto& setting : config::settings_table())
    if (!setting.secret)
      require(config::read_value(setting, again.settings) ==
                  config::read_value(setting, loaded.settings),
              "with the same values in it");
  require(again.settings.detection.signals == loaded.settings.detection.signals, "and signals");
}

void run(std::string_view input) {
  const auto loaded = config::load(sources_of(input));
  for (const auto& problem : loaded.problems)
    require(!problem.place.empty() && !problem.text.empty(), "a problem has a place");
  for (const auto& setting : config::settings_table()) require_in_range(setting, loaded.settings);
  const auto names = signals();
  if (loaded.ok() && config::check_signal_names(loaded, names).empty()) require_same_again(loaded);
  (void)config::show_json(loaded);
}

const Registered kTarget{{"config", run}};

}  // namespace
}  // namespace watchword::fuzz
