#include "api/cli/cli.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <sstream>

#include "api/cli/exit_code.h"

namespace watchword::cli {
namespace {

constexpr const char* kEnvironmentText =
    "\nEnvironment:\n"
    "  WATCHWORD_URL         where the server is (http://127.0.0.1:8080)\n"
    "  WATCHWORD_TOKEN       the sk_ token or JWT to present\n"
    "  WATCHWORD_TOKEN_FILE  a file that holds it; better, since others cannot see it\n"
    "  WATCHWORD_CA_FILE     certificates to trust instead of the system's\n"
    "\nFirst steps:\n"
    "  watchword dev --data ./data\n"
    "  export WATCHWORD_TOKEN_FILE=./data/admin.token\n"
    "  watchword status\n";

int parse(Cli& cli, const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  try {
    cli.app.parse(reversed);
    return kOk;
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, errors;
    const int code = cli.app.exit(error, out, errors);
    cli.terminal.print(out.str());
    std::fputs(errors.str().c_str(), cli.terminal.errors);
    if (code == 0) cli.chosen = [] { return kOk; };
    return code == 0 ? kOk : kUsage;
  }
}

}  // namespace

CLI::App& add_group(Cli& cli, const char* name, const char* summary) {
  CLI::App* group = cli.app.add_subcommand(name, summary);
  group->require_subcommand(1);
  return *group;
}

void add_verbs(Cli& cli) {
  add_node_verbs(cli);
  add_identity_verbs(cli);
  add_token_verbs(cli);
  add_jit_verbs(cli);
  add_event_verbs(cli);
  add_alert_verbs(cli);
  add_import_verb(cli);
  add_replay_verbs(cli);
  add_config_verbs(cli);
  add_system_verbs(cli);
  add_about_verbs(cli);
}

int run(const std::vector<std::string>& arguments, const Terminal& terminal) {
  Cli cli;
  cli.terminal = terminal;
  cli.app.require_subcommand(1);
  cli.app.footer(std::string(kExitCodesText) + kEnvironmentText);
  add_verbs(cli);
  int code = parse(cli, arguments);
  if (code != kOk || !cli.chosen) return code;
  try {
    code = cli.chosen();
  } catch (const std::exception& bug) {
    terminal.say(std::string("internal error: ") + bug.what());
    return kInternal;
  }
  if (std::fflush(terminal.out) == 0 && std::ferror(terminal.out) == 0) return code;
  terminal.say("the output could not be written");
  return code == kOk ? kData : code;
}

}  // namespace watchword::cli
