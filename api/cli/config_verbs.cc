#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "api/cli/cli.h"
#include "api/cli/exit_code.h"
#include "api/config/load.h"
#include "processors/detectors/detector.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

struct Config {
  std::string file;
  bool json = false;
};

Result<config::Loaded> load(const Config& asked) {
  const auto sources = config::sources_of(asked.file, {});
  if (!sources) return sources.error();
  auto loaded = config::load(*sources);
  std::vector<std::string_view> names;
  for (const auto& detector : detectors::kDetectors) names.push_back(detector.name);
  for (auto& problem : config::check_signal_names(loaded, names))
    loaded.problems.push_back(std::move(problem));
  return loaded;
}

int check(const Config& asked, const Terminal& terminal) {
  const auto loaded = load(asked);
  if (!loaded) return terminal.fail(loaded.error());
  if (asked.json) {
    json::array problems;
    for (const auto& problem : loaded->problems)
      problems.push_back(json::object{{"place", problem.place}, {"text", problem.text}});
    terminal.print_line(
        json::serialize(json::object{{"ok", loaded->ok()}, {"problems", std::move(problems)}}));
  } else {
    terminal.print(loaded->ok() ? "the configuration is right\n"
                                : printable(config::problems_text(*loaded)).c_str());
  }
  return loaded->ok() ? kOk : kNo;
}

int show(const Config& asked, const Terminal& terminal) {
  const auto loaded = load(asked);
  if (!loaded) return terminal.fail(loaded.error());
  terminal.print(asked.json ? config::show_json(*loaded) : config::show_text(*loaded));
  if (asked.json) terminal.print("\n");
  if (loaded->ok()) return kOk;
  terminal.say("some values were not taken:\n" + config::problems_text(*loaded));
  return kNo;
}

}  // namespace

void add_config_verbs(Cli& cli) {
  CLI::App& group = add_group(cli, "config", "Settings: file, environment and defaults together");
  auto [check_app, checked] = add_verb<Config>(
      cli, group,
      {"check", "Name every problem with its line and column; exit code 1 when there is one",
       "  watchword config check --config /etc/watchword.toml\n"},
      check);
  auto [show_app, shown] = add_verb<Config>(
      cli, group,
      {"show", "Every setting, its value and where that comes from",
       "  watchword config show\n  watchword config show --config /etc/watchword.toml --json\n"},
      show);
  for (auto [app, options] : {std::pair(check_app, checked), std::pair(show_app, shown)}) {
    app->add_option("--config,FILE", options->file, "TOML file")->type_name("FILE");
    app->add_flag("--json", options->json, "Print JSON");
  }
}

}  // namespace watchword::cli
