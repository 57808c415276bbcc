#include <boost/json/serialize.hpp>

#include "api/cli/cli.h"
#include "api/cli/exit_code.h"
#include "api/cli/follow.h"
#include "api/cli/remote.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

constexpr const char* kAlerts = "/api/v1/monitoring/alerts";
constexpr Column kColumns[] = {{"TIME", "time"},     {"SEVERITY", "severity"},  {"RISK", "risk"},
                               {"STATUS", "status"}, {"EVENTS", "event_count"}, {"TITLE", "title"},
                               {"ID", "id"}};
constexpr Column kSignalColumns[] = {{"SIGNAL", "name"},
                                     {"SHARE", "share"},
                                     {"EXPECTED", "expected"},
                                     {"SEEN", "seen"},
                                     {"ATT&CK", "attack_id"}};

struct List {
  Remote remote;
  Paging paging;
  std::string status, severity, identity;
};
int list_alerts(const List& asked, const Terminal& terminal) {
  Target target(kAlerts);
  target.with("status", asked.status)
      .with("severity", asked.severity)
      .with("identity_id", asked.identity);
  return list(asked.remote, terminal, target, asked.paging, kColumns);
}

// The reasons as a table of their own: they are what an alert is read for.
void show_alert(const json::value& alert, const Terminal& terminal) {
  if (!alert.is_object()) return;
  json::object rest = alert.get_object();
  rest.erase("signals");
  terminal.print(fields_of(rest));
  const json::value* signals = find_path(alert, "signals");
  if (signals != nullptr && signals->is_array() && !signals->get_array().empty())
    terminal.print("\n" + table_of(signals->get_array(), kSignalColumns));
}

struct One {
  Remote remote;
  std::string id, assignee, verdict, note;
};
int show(const One& one, const Terminal& terminal) {
  return ask_and_show(one.remote, terminal, {.target = Target(kAlerts).part(one.id).text()},
                      show_alert);
}

int triage(const One& one, const Terminal& terminal, const char* status) {
  json::object body;
  const auto put = [&](const char* member, const std::string& value) {
    if (!value.empty()) body[member] = value;
  };
  put("status", status);
  put("assignee", one.assignee);
  put("verdict", one.verdict);
  put("note", one.note);
  Request request{.method = "PATCH",
                  .target = Target(kAlerts).part(one.id).text(),
                  .body = json::serialize(body)};
  return ask_and_show(one.remote, terminal, std::move(request), show_alert);
}
int acknowledge(const One& one, const Terminal& terminal) {
  return triage(one, terminal, "acknowledged");
}
int close(const One& one, const Terminal& terminal) { return triage(one, terminal, "closed"); }
int assign(const One& one, const Terminal& terminal) { return triage(one, terminal, ""); }

struct Tail {
  Remote remote;
  std::string from;
  bool once = false;
};

int tail(const Tail& asked, const Terminal& terminal) {
  return follow({asked.remote, "alert", asked.from, asked.once}, terminal,
                [&](const std::string& line, const json::object& event) {
                  if (asked.remote.json) {
                    terminal.print_line(line);
                    return std::fflush(terminal.out) == 0;
                  }
                  const json::value whole(event);
                  std::string text;
                  for (const char* path :
                       {"time", "type", "data.severity", "data.risk", "data.title", "subject"})
                    if (const auto* value = find_path(whole, path)) text += cell_of(*value) + "  ";
                  terminal.print_line(printable(text.substr(0, text.find_last_not_of(' ') + 1)));
                  return std::fflush(terminal.out) == 0;
                });
}

std::pair<CLI::App*, One*> add_one(Cli& cli, CLI::App& group, const VerbText& text,
                                   int (*run)(const One&, const Terminal&)) {
  auto added = add_verb<One>(cli, group, text, run);
  added.first->add_option("ID", added.second->id, "The alert")->required();
  if (run == show) {
    add_remote_options(*added.first, added.second->remote);
  } else {
    add_changing_options(*added.first, added.second->remote);
    added.first->add_option("--note", added.second->note, "Added to its notes");
  }
  return added;
}

}  // namespace

void add_alert_verbs(Cli& cli) {
  CLI::App& group = add_group(cli, "alerts", "What is odd: list, follow, look at, triage");
  auto [app, asked] = add_verb<List>(
      cli, group,
      {"list", "List alerts", "  watchword alerts list --status open --severity critical\n"},
      list_alerts);
  add_remote_options(*app, asked->remote);
  add_paging_options(*app, asked->paging);
  app->add_option("--status", asked->status, "open, acknowledged or closed");
  app->add_option("--severity", asked->severity, "low, medium, high or critical");
  app->add_option("--identity", asked->identity, "Only about this identity")->type_name("ID");
  auto [tail_app, followed] =
      add_verb<Tail>(cli, group,
                     {"tail", "Follow alerts as they are raised",
                      "  watchword alerts tail\n  watchword alerts tail --from 0 --once --json\n"},
                     tail);
  add_remote_options(*tail_app, followed->remote);
  tail_app
      ->add_option("--from", followed->from,
                   "After this place (0-17-2,1-4-0); 0 is the beginning; else from now on")
      ->type_name("ID");
  tail_app->add_flag("--once", followed->once, "Only what is there");
  add_one(cli, group, {"show", "One alert with its reasons", "  watchword alerts show ID\n"}, show);
  auto [ack_app, acked] = add_one(
      cli, group,
      {"ack", "Say that somebody looks at it", "  watchword alerts ack ID --assignee alice\n"},
      acknowledge);
  ack_app->add_option("--assignee", acked->assignee, "Who");
  auto [assign_app, assigned] = add_one(
      cli, group, {"assign", "Give it to somebody", "  watchword alerts assign ID --to alice\n"},
      assign);
  assign_app->add_option("--to", assigned->assignee, "To whom")->required();
  auto [close_app, closed] =
      add_one(cli, group,
              {"close", "Close it with a verdict",
               "  watchword alerts close ID --verdict false_positive --note 'new office'\n"},
              close);
  close_app->add_option("--verdict", closed->verdict, "What it was")
      ->required()
      ->check(CLI::IsMember(
          {"true_positive", "false_positive", "benign", "duplicate", "accepted_risk"}));
}

}  // namespace watchword::cli
