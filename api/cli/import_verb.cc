#include <charconv>

#include "api/cli/cli.h"
#include "api/cli/exit_code.h"
#include "api/cli/import_command.h"
#include "api/cli/remote.h"
#include "events/base/time.h"

namespace watchword::cli {
namespace {

struct Import {
  Remote remote;
  std::string format, speed = "max", rejects;
  std::vector<std::string> files;
  int year = 0;
  double utc_offset_h = 0;
  bool quiet = false;
};

Result<ImportCommand> command_of(const Import& asked) {
  ImportCommand command;
  auto connection = connection_from(asked.remote.connection, asked.remote.token_file);
  if (!connection) return connection.error();
  command.connection = std::move(*connection);
  command.json = asked.remote.json;
  command.quiet = asked.quiet;
  command.plan.format = *import::format_of(asked.format);
  command.plan.files = asked.files.empty() ? std::vector<std::string>{"-"} : asked.files;
  command.plan.rejects = asked.rejects;
  if (asked.year != 0) command.plan.options.year = asked.year;
  command.plan.options.utc_offset_ms =
      static_cast<int64_t>(asked.utc_offset_h * static_cast<double>(kHourMs));
  if (asked.speed == "max") return command;
  const char* end = asked.speed.data() + asked.speed.size();
  const auto read = std::from_chars(asked.speed.data(), end, command.plan.speed);
  if (read.ec == std::errc{} && read.ptr == end && command.plan.speed > 0) return command;
  return Error{Errc::invalid, "cli.import.speed", "--speed takes a number above 0, or max"};
}

int run_import(const Import& asked, const Terminal& terminal) {
  const auto command = command_of(asked);
  if (!command) return terminal.fail(command.error());
  return import_command(*command, terminal.out, terminal.errors);
}

}  // namespace

void add_import_verb(Cli& cli) {
  auto [app, asked] = add_verb<Import>(
      cli, cli.app,
      {"import",
       "Send a log as history: it is learned from and raises alerts, but triggers no response",
       "  watchword import --format cloudtrail trail/*.json.gz\n"
       "  watchword import --format sshd --year 2025 /var/log/auth.log\n"
       "  zcat events.gz | watchword import --format jsonl --speed 60\n"},
      run_import);
  add_remote_options(*app, asked->remote);
  app->add_option("--format", asked->format, "Of the lines")
      ->required()
      ->check(CLI::IsMember({"cloudtrail", "sshd", "jsonl"}));
  app->add_option("FILE", asked->files, "Plain, gzip or zstd; - or none is standard input");
  app->add_option("--speed", asked->speed, "Times as fast as it happened, or max")
      ->capture_default_str()
      ->type_name("N|max");
  app->add_option("--year", asked->year, "sshd: of the first line")->check(CLI::Range(1970, 9999));
  app->add_option("--utc-offset", asked->utc_offset_h,
                  "sshd: hours that the host's clock is ahead of UTC")
      ->check(CLI::Range(-14.0, 14.0));
  app->add_option("--rejects", asked->rejects,
                  "Where unreadable lines are kept; else FILE.rejected")
      ->type_name("FILE");
  app->add_flag("--quiet", asked->quiet, "No progress");
}

}  // namespace watchword::cli
