#include <boost/json/serialize.hpp>

#include "api/cli/cli.h"
#include "api/cli/created.h"
#include "api/cli/exit_code.h"
#include "api/cli/limits_options.h"
#include "api/cli/remote.h"
#include "events/base/json.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

constexpr const char* kIdentities = "/api/v1/identities";

constexpr Column kColumns[] = {{"ID", "identity_id"},        {"TYPE", "identity_type.type"},
                               {"STATUS", "status"},         {"RISK", "risk_score"},
                               {"SCOPES", "allowed_scopes"}, {"LAST SEEN", "last_authenticated"}};
constexpr Column kTimelineColumns[] = {{"TIME", "time"},       {"TYPE", "type"},
                                       {"ACTION", "action"},   {"OUTCOME", "outcome"},
                                       {"NETWORK", "network"}, {"ENDPOINT", "endpoint"},
                                       {"SIGNALS", "signals"}, {"WHERE", "id"}};
constexpr Column kRiskColumns[] = {
    {"TIME", "time"}, {"RISK", "risk"}, {"TYPE", "type"}, {"SIGNALS", "signals"}};

struct Create {
  Remote remote;
  LimitsOptions limits;
  std::string type = "ServiceAccount", name, environment, team, model, email, output;
};

Result<json::object> type_of(const Create& create) {
  json::object type{{"type", create.type}};
  const auto put = [&](const char* member, const std::string& value) {
    if (!value.empty()) type[member] = value;
  };
  put(create.type == "ServiceAccount" ? "service_name"
      : create.type == "AIAgent"      ? "agent_name"
      : create.type == "ApiKey"       ? "key_name"
                                      : "username",
      create.name);
  put("environment", create.environment);
  put("model", create.model);
  put("owner_team", create.team);
  put("email", create.email);
  return type;
}

int create(const Create& create, const Terminal& terminal) {
  json::object body{{"allowed_scopes", json::array{}}};
  auto type = type_of(create);
  if (!type) return terminal.fail(type.error());
  body["identity_type"] = std::move(*type);
  if (auto put = put_limits(create.limits, body); !put) return terminal.fail(put.error());
  return create_with_secret({.remote = create.remote,
                             .target = kIdentities,
                             .body = json::serialize(body),
                             .member = "api_key",
                             .output = create.output},
                            terminal);
}

struct List {
  Remote remote;
  Paging paging;
  std::string type, status, team;
};

int list_identities(const List& asked, const Terminal& terminal) {
  Target target(kIdentities);
  target.with("identity_type", asked.type)
      .with("status", asked.status)
      .with("owner_team", asked.team);
  return list(asked.remote, terminal, target, asked.paging, kColumns);
}

struct One {
  Remote remote;
  Paging paging;
  std::string id, at, reason;
};

int show(const One& one, const Terminal& terminal) {
  Target target(kIdentities);
  target.part(one.id).with("at", one.at);
  return ask_and_show(one.remote, terminal, {.target = target.text()});
}

int act(const One& one, const Terminal& terminal, std::string_view what) {
  Target target(kIdentities);
  target.part(one.id).part(what);
  json::object body;
  if (!one.reason.empty()) body["reason"] = one.reason;
  Request request{.method = "POST", .target = target.text(), .body = json::serialize(body)};
  return ask_and_show(one.remote, terminal, std::move(request));
}
int suspend(const One& one, const Terminal& terminal) { return act(one, terminal, "suspend"); }
int reactivate(const One& one, const Terminal& terminal) {
  return act(one, terminal, "reactivate");
}
int retire(const One& one, const Terminal& terminal) { return act(one, terminal, "retire"); }
int baseline(const One& one, const Terminal& terminal) { return act(one, terminal, "baseline"); }
int baseline_reset(const One& one, const Terminal& terminal) {
  return act(one, terminal, "baseline-reset");
}

int metrics(const One& one, const Terminal& terminal) {
  return ask_and_show(one.remote, terminal,
                      {.target = Target(kIdentities).part(one.id).part("metrics").text()});
}
int timeline(const One& one, const Terminal& terminal) {
  return list(one.remote, terminal, Target(kIdentities).part(one.id).part("timeline"), one.paging,
              kTimelineColumns);
}
int risk(const One& one, const Terminal& terminal) {
  return list(one.remote, terminal, Target(kIdentities).part(one.id).part("risk"), one.paging,
              kRiskColumns);
}

struct Patch {
  Remote remote;
  LimitsOptions limits;
  std::string id, from;
};

int patch(const Patch& patch, const Terminal& terminal) {
  json::object body;
  if (!patch.from.empty()) {
    const auto text = read_input(patch.from);
    if (!text) return terminal.fail(text.error());
    auto value = parse_json_strict(*text);
    if (!value || !value->is_object())
      return terminal.fail(
          {Errc::invalid, "cli.patch.malformed",
           patch.from + ": " + (value ? "is no JSON object" : value.error().detail)});
    body = std::move(value->get_object());
  }
  if (auto put = put_limits(patch.limits, body); !put) return terminal.fail(put.error());
  if (body.empty())
    return terminal.fail({Errc::invalid, "cli.patch.empty", "nothing to change: give an option"});
  Request request{.method = "PATCH",
                  .target = Target(kIdentities).part(patch.id).text(),
                  .body = json::serialize(body)};
  return ask_and_show(patch.remote, terminal, std::move(request));
}

void add_create(Cli& cli, CLI::App& group) {
  auto [app, made] =
      add_verb<Create>(cli, group,
                       {"create", "Register an identity",
                        "  watchword identity create --name payment-processor --environment "
                        "production --team payments \\\n"
                        "      --scope payment:read --network 10.0.1.0/24 --hours 9-17\n"
                        "  watchword identity create --type ApiKey --name partner --team sales "
                        "--scope order:read --output partner.key\n"},
                       create);
  add_changing_options(*app, made->remote);
  app->add_option("--type", made->type, "What it is")
      ->check(CLI::IsMember({"ServiceAccount", "AIAgent", "ApiKey", "Human"}))
      ->capture_default_str();
  app->add_option("--name", made->name, "Its name; of a person the user name");
  app->add_option("--environment", made->environment, "Of a service account");
  app->add_option("--model", made->model, "Of an AI agent");
  app->add_option("--team", made->team, "Who answers for it");
  app->add_option("--email", made->email, "Of a person");
  app->add_option("--output", made->output,
                  "New file (0600) for the key of an ApiKey; else it is printed")
      ->type_name("FILE");
  add_limits_options(*app, made->limits);
}

using RunOne = int (*)(const One&, const Terminal&);
void add_one(Cli& cli, CLI::App& group, const VerbText& text, RunOne run, bool changes) {
  auto [app, one] = add_verb<One>(cli, group, text, run);
  app->add_option("ID", one->id, "The identity")->required();
  if (changes) {
    add_changing_options(*app, one->remote);
    app->add_option("--reason", one->reason, "Why; stands in the journal");
    return;
  }
  add_remote_options(*app, one->remote);
  if (run == show)
    app->add_option("--at", one->at, "As of this time or position")->type_name("TIME|P:SEQ");
  if (run == timeline || run == risk) add_paging_options(*app, one->paging);
}

}  // namespace

void add_identity_verbs(Cli& cli) {
  CLI::App& group = add_group(
      cli, "identity", "Services, agents, keys and people: register, limit, suspend, look at");
  add_create(cli, group);
  auto [list_app, asked] = add_verb<List>(
      cli, group,
      {"list", "List identities", "  watchword identity list --status suspended --all\n"},
      list_identities);
  add_remote_options(*list_app, asked->remote);
  add_paging_options(*list_app, asked->paging);
  list_app->add_option("--type", asked->type, "Only of this type");
  list_app->add_option("--status", asked->status, "active, suspended or retired");
  list_app->add_option("--team", asked->team, "Only of this team");
  add_one(cli, group,
          {"show", "State of one identity, now or at any time before",
           "  watchword identity show ID --at 2026-11-21T11:59:00Z\n"},
          show, false);
  add_one(cli, group,
          {"suspend", "Suspend it; all its tokens are dead at once",
           "  watchword identity suspend ID --reason 'key leaked'\n"},
          suspend, true);
  add_one(cli, group,
          {"reactivate", "Let it act again; tokens of before stay dead",
           "  watchword identity reactivate ID --reason 'key replaced'\n"},
          reactivate, true);
  add_one(
      cli, group,
      {"retire", "End it for ever", "  watchword identity retire ID --reason 'service removed'\n"},
      retire, true);
  auto [patch_app, changed] =
      add_verb<Patch>(cli, group,
                      {"patch", "Change its limits; what is not given stays",
                       "  watchword identity patch ID --lifetime 15m --network 10.0.1.0/24\n  "
                       "watchword identity patch ID --from change.json\n"},
                      patch);
  patch_app->add_option("ID", changed->id, "The identity")->required();
  add_changing_options(*patch_app, changed->remote);
  patch_app
      ->add_option("--from", changed->from,
                   "JSON object with members to change; - is standard input")
      ->type_name("FILE");
  add_limits_options(*patch_app, changed->limits);
  add_one(cli, group,
          {"timeline", "Everything that happened to it, newest first",
           "  watchword identity timeline ID --limit 100\n"},
          timeline, false);
  add_one(cli, group,
          {"risk", "Its risk over time, with signals", "  watchword identity risk ID\n"}, risk,
          false);
  add_one(cli, group,
          {"metrics", "Its activity and what is usual for it", "  watchword identity metrics ID\n"},
          metrics, false);
  add_one(cli, group,
          {"baseline", "Take what was seen so far as usual", "  watchword identity baseline ID\n"},
          baseline, true);
  add_one(cli, group,
          {"baseline-reset", "Start learning again",
           "  watchword identity baseline-reset ID --reason 'moved to another network'\n"},
          baseline_reset, true);
}

}  // namespace watchword::cli
