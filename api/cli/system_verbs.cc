#include <boost/json/serialize.hpp>

#include "api/cli/cli.h"
#include "api/cli/exit_code.h"
#include "api/cli/remote.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

constexpr Column kPartitions[] = {{"PARTITION", "partition"},
                                  {"SERVES", "serving"},
                                  {"POSITION", "position"},
                                  {"EVENTS", "events"},
                                  {"OBSERVATIONS", "observations"},
                                  {"JOURNAL BYTES", "journal_bytes"},
                                  {"DISK", "disk"},
                                  {"CHECKPOINT AGE S", "checkpoint_age_seconds"},
                                  {"DOUBT", "clock_doubt"}};

int status(const Remote& remote, const Terminal& terminal) {
  const auto value = ask(remote, {.target = "/api/v1/system/status"});
  if (!value) return terminal.fail(value.error());
  const json::value* state = find_path(*value, "status");
  const json::value* partitions = find_path(*value, "partitions");
  if (remote.json || !value->is_object()) {
    terminal.print_line(json::serialize(*value));
  } else {
    json::object rest = value->get_object();
    rest.erase("partitions");
    terminal.print(fields_of(rest));
    if (partitions != nullptr && partitions->is_array())
      terminal.print("\n" + table_of(partitions->get_array(), kPartitions));
  }
  return state != nullptr && *state == "ok" ? kOk : kNo;
}

int accept_clock(const Remote& remote, const Terminal& terminal) {
  return ask_and_show(remote, terminal,
                      {.method = "POST", .target = "/api/v1/system/clock/accept"});
}

}  // namespace

void add_system_verbs(Cli& cli) {
  auto [app, remote] = add_verb<Remote>(
      cli, cli.app,
      {"status", "State of a node: partitions, bytes per event, days until the disk is full",
       "  watchword status\n  watchword status --json\n"},
      status);
  add_remote_options(*app, *remote);
  CLI::App& group = add_group(cli, "clock", "The node's clock");
  auto [accept_app, accepted] =
      add_verb<Remote>(cli, group,
                       {"accept", "Vouch for the clock after a long absence or a step",
                        "  watchword clock accept\n"},
                       accept_clock);
  add_changing_options(*accept_app, *accepted);
}

}  // namespace watchword::cli
