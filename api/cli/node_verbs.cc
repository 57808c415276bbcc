#include "api/cli/cli.h"
#include "api/cli/exit_code.h"
#include "api/cli/node.h"

namespace watchword::cli {
namespace {

struct NodeVerb {
  NodeOptions node;
  std::string data, listen, admin_listen, partitions, insecure;
  std::vector<std::string> set;
  bool json = false;
};

void add_flag_of(const std::string& value, const char* name, const char* given, NodeOptions& node) {
  if (!value.empty()) node.flags.push_back({name, value, given});
}

Result<NodeOptions> node_of(const NodeVerb& verb) {
  NodeOptions node = verb.node;
  add_flag_of(verb.data, "journal.data_dir", "--data", node);
  add_flag_of(verb.listen, "api.listen", "--listen", node);
  add_flag_of(verb.admin_listen, "api.admin_listen", "--admin-listen", node);
  add_flag_of(verb.partitions, "journal.partitions", "--partitions", node);
  add_flag_of(verb.insecure, "api.allow_insecure_http", "--allow-insecure-http", node);
  for (const std::string& pair : verb.set) {
    const size_t equals = pair.find('=');
    if (equals == pair.npos)
      return Error{Errc::invalid, "cli.set", "--set takes NAME=VALUE, not \"" + pair + "\""};
    node.flags.push_back({pair.substr(0, equals), pair.substr(equals + 1), "--set"});
  }
  return node;
}

int dev(const NodeVerb& verb, const Terminal& terminal) {
  auto node = node_of(verb);
  if (!node) return terminal.fail(node.error());
  node->create = true;
  node->accept_clock = true;
  return run_node(*node, terminal);
}

int serve(const NodeVerb& verb, const Terminal& terminal) {
  auto node = node_of(verb);
  if (!node) return terminal.fail(node.error());
  return run_node(*node, terminal);
}

int init(const NodeVerb& verb, const Terminal& terminal) {
  auto node = node_of(verb);
  if (!node) return terminal.fail(node.error());
  node->create = !node->new_admin;
  node->serve = false;
  const int code = run_node(*node, terminal);
  if (code == kOk && verb.json) terminal.print_line(R"({"initialised":true})");
  return code;
}

void add_common_options(CLI::App& app, NodeVerb& verb) {
  app.add_option("--data", verb.data, "The data folder")->type_name("DIR");
  app.add_option("--config", verb.node.config_file, "TOML file")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  app.add_option("--set", verb.set, "Any setting, as watchword config show names it")
      ->type_name("NAME=VALUE");
  app.add_flag("-v,--verbose", verb.node.verbose, "Log more");
}

void add_listen_options(CLI::App& app, NodeVerb& verb) {
  app.add_option("--listen", verb.listen, "Address of the API; port 0 picks one")
      ->type_name("ADDRESS:PORT");
  app.add_option("--admin-listen", verb.admin_listen, "Address of /livez, /readyz and /metrics")
      ->type_name("ADDRESS:PORT");
}

void add_admin_options(CLI::App& app, NodeVerb& verb) {
  app.add_option("--admin-token-file", verb.node.admin_token_file,
                 "Where the admin token of a new folder goes (0600); else DIR/admin.token")
      ->type_name("FILE");
  app.add_option("--admin-expires-in-days", verb.node.admin_expiry_days, "How long it is good for")
      ->check(CLI::Range(1, 3650));
  app.add_option("--partitions", verb.partitions, "Of a new folder: a power of two")
      ->type_name("N");
}

}  // namespace

void add_node_verbs(Cli& cli) {
  auto [serve_app, serve_verb] =
      add_verb<NodeVerb>(cli, cli.app,
                         {"serve", "Serve a folder that watchword init made",
                          "  watchword serve --config /etc/watchword.toml\n"
                          "  watchword serve --data /var/lib/watchword --listen 127.0.0.1:8080\n"},
                         serve);
  add_common_options(*serve_app, *serve_verb);
  add_listen_options(*serve_app, *serve_verb);
  serve_app->add_flag("--allow-insecure-http{true}", serve_verb->insecure,
                      "Plain HTTP on an address that others can reach");

  auto [dev_app, dev_verb] =
      add_verb<NodeVerb>(cli, cli.app,
                         {"dev",
                          "Serve on this machine, making what is missing; the production policy, "
                          "plain HTTP on loopback",
                          "  watchword dev --data ./data\n"
                          "  watchword dev --data ./data --listen 127.0.0.1:0 --admin-listen "
                          "127.0.0.1:0 --admin-token-file ./admin\n"},
                         dev);
  add_common_options(*dev_app, *dev_verb);
  add_listen_options(*dev_app, *dev_verb);
  add_admin_options(*dev_app, *dev_verb);

  auto [init_app, init_verb] = add_verb<NodeVerb>(
      cli, cli.app,
      {"init", "Make a data folder, or with --new-admin a further admin token for a stopped one",
       "  watchword init --data /var/lib/watchword --admin-token-file /etc/watchword/admin.token\n"
       "  watchword init --data /var/lib/watchword --new-admin --admin-token-file "
       "/etc/watchword/second.token\n"},
      init);
  add_common_options(*init_app, *init_verb);
  add_admin_options(*init_app, *init_verb);
  init_app->add_flag("--new-admin", init_verb->node.new_admin,
                     "Mint one more admin token, as an event");
  init_app->add_flag("--json", init_verb->json, "Print JSON");
}

}  // namespace watchword::cli
