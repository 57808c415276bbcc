#include <boost/json/serialize.hpp>

#include "api/cli/cli.h"
#include "api/cli/created.h"
#include "api/cli/exit_code.h"
#include "api/cli/limits_options.h"
#include "api/cli/remote.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

constexpr const char* kTokens = "/api/v1/auth/tokens";
constexpr Column kColumns[] = {{"ID", "id"},
                               {"NAME", "token_name"},
                               {"STATUS", "status"},
                               {"OWNER", "owner"},
                               {"PERMISSIONS", "permissions"},
                               {"EXPIRES", "expires_at"},
                               {"LAST USED", "last_used"}};

struct Create {
  Remote remote;
  std::string name, owner, identity, output;
  std::vector<std::string> permissions, sources, metadata;
  int64_t expires_in_days = 0;
};

int create(const Create& create, const Terminal& terminal) {
  json::object body{{"token_name", create.name}, {"permissions", array_of(create.permissions)}};
  if (create.expires_in_days != 0) body["expires_in_days"] = create.expires_in_days;
  if (!create.owner.empty()) body["owner"] = create.owner;
  if (!create.identity.empty()) body["identity_id"] = create.identity;
  if (!create.sources.empty()) body["sources"] = array_of(create.sources);
  if (!create.metadata.empty()) {
    auto metadata = metadata_of(create.metadata);
    if (!metadata) return terminal.fail(metadata.error());
    body["metadata"] = std::move(*metadata);
  }
  return create_with_secret({.remote = create.remote,
                             .target = kTokens,
                             .body = json::serialize(body),
                             .member = "token",
                             .output = create.output},
                            terminal);
}

struct List {
  Remote remote;
  Paging paging;
  std::string status, owner;
};
int list_tokens(const List& asked, const Terminal& terminal) {
  return list(asked.remote, terminal,
              Target(kTokens).with("status", asked.status).with("owner", asked.owner), asked.paging,
              kColumns);
}

struct One {
  Remote remote;
  std::string id, reason;
};
int show(const One& one, const Terminal& terminal) {
  return ask_and_show(one.remote, terminal, {.target = Target(kTokens).part(one.id).text()});
}
int revoke(const One& one, const Terminal& terminal) {
  return ask_and_show(one.remote, terminal,
                      {.method = "DELETE",
                       .target = Target(kTokens).part(one.id).with("reason", one.reason).text()});
}
int who(const Remote& remote, const Terminal& terminal) {
  return ask_and_show(remote, terminal, {.target = "/api/v1/auth/me"});
}

void add_create(Cli& cli, CLI::App& group) {
  auto [app, made] = add_verb<Create>(
      cli, group,
      {"create", "Create an sk_ token; its text is shown this once",
       "  watchword token create --name ci-deploy --permission api_read --output ci.token\n"
       "  watchword token create --name shop --permission event_write --source shop "
       "--expires-in-days 30\n"},
      create);
  add_changing_options(*app, made->remote);
  app->add_option("--name", made->name, "Unique")->required();
  app->add_option("--permission", made->permissions, "May be repeated")->required();
  app->add_option("--expires-in-days", made->expires_in_days, "Else as the server is set: 90")
      ->check(CLI::Range(1, 3650));
  app->add_option("--owner", made->owner, "Team or person that answers for it");
  app->add_option("--identity", made->identity,
                  "The identity that it speaks for; else the caller's")
      ->type_name("ID");
  app->add_option("--source", made->sources,
                  "A source that an event_write token may claim; may be repeated");
  app->add_option("--metadata", made->metadata, "May be repeated")->type_name("NAME=VALUE");
  app->add_option("--output", made->output, "New file (0600) for the token; else it is printed")
      ->type_name("FILE");
}

}  // namespace

void add_token_verbs(Cli& cli) {
  CLI::App& group = add_group(
      cli, "token", "sk_ tokens of machines (watchword jit is about just-in-time tokens)");
  add_create(cli, group);
  auto [list_app, asked] = add_verb<List>(
      cli, group, {"list", "List sk_ tokens", "  watchword token list --status active --all\n"},
      list_tokens);
  add_remote_options(*list_app, asked->remote);
  add_paging_options(*list_app, asked->paging);
  list_app->add_option("--status", asked->status, "active, expired or revoked");
  list_app->add_option("--owner", asked->owner, "Only of this owner");
  auto [show_app, shown] =
      add_verb<One>(cli, group, {"show", "State of one", "  watchword token show ID\n"}, show);
  show_app->add_option("ID", shown->id, "The token's id")->required();
  add_remote_options(*show_app, shown->remote);
  auto [revoke_app, revoked] = add_verb<One>(
      cli, group, {"revoke", "Revoke one", "  watchword token revoke ID --reason 'laptop lost'\n"},
      revoke);
  revoke_app->add_option("ID", revoked->id, "The token's id")->required();
  revoke_app->add_option("--reason", revoked->reason, "Why; stands in the journal");
  add_changing_options(*revoke_app, revoked->remote);
  auto [who_app, remote] = add_verb<Remote>(
      cli, group, {"me", "What the token that is used here may do", "  watchword token me\n"}, who);
  add_remote_options(*who_app, *remote);
}

}  // namespace watchword::cli
