#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "api/cli/cli.h"
#include "api/cli/exit_code.h"
#include "processors/fold/state.h"

namespace watchword::cli {
namespace {

struct Version {
  bool json = false;
};
int version(const Version& asked, const Terminal& terminal) {
  if (asked.json)
    terminal.print_line(boost::json::serialize(
        boost::json::object{{"version", WATCHWORD_VERSION}, {"fold_version", fold::kFoldVersion}}));
  else
    terminal.print_line("watchword " WATCHWORD_VERSION);
  return kOk;
}

struct Completion {
  std::string shell;
};
// The verbs are asked for anew: a run does not know the command line that it was parsed with.
int completion(const Completion& asked, const Terminal& terminal) {
  Cli cli;
  add_verbs(cli);
  terminal.print(completion_script(cli.app, asked.shell));
  return kOk;
}

}  // namespace

void add_about_verbs(Cli& cli) {
  auto [app, asked] = add_verb<Completion>(
      cli, cli.app,
      {"completion", "A script that completes this command in a shell",
       "  watchword completion bash > /etc/bash_completion.d/watchword\n"
       "  watchword completion fish > ~/.config/fish/completions/watchword.fish\n"},
      completion);
  app->add_option("SHELL", asked->shell, "Which")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  auto [version_app, told] = add_verb<Version>(
      cli, cli.app, {"version", "Which Watchword this is", "  watchword version\n"}, version);
  version_app->add_flag("--json", told->json, "Print JSON");
}

}  // namespace watchword::cli
