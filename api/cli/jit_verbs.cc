#include <boost/json/serialize.hpp>

#include "api/cli/cli.h"
#include "api/cli/created.h"
#include "api/cli/exit_code.h"
#include "api/cli/limits_options.h"
#include "api/cli/remote.h"
#include "api/cli/time_text.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

constexpr const char* kTokens = "/api/v1/tokens";

void trim_end(std::string& text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
}

struct Issue {
  Remote remote;
  std::string identity, duration, justification, source_ip, user_agent, attestation_file, output;
  std::vector<std::string> scopes;
  int64_t max_usage = 0;
};

Result<json::object> body_of(const Issue& issue) {
  json::object body{{"identity_id", issue.identity}, {"requested_scopes", array_of(issue.scopes)}};
  const auto put = [&](const char* member, const std::string& value) {
    if (!value.empty()) body[member] = value;
  };
  put("justification", issue.justification);
  put("source_ip", issue.source_ip);
  put("user_agent", issue.user_agent);
  if (issue.max_usage != 0) body["max_usage"] = issue.max_usage;
  if (!issue.duration.empty()) {
    const auto seconds = parse_duration_s(issue.duration);
    if (!seconds) return seconds.error();
    body["duration_seconds"] = *seconds;
  }
  if (!issue.attestation_file.empty()) {
    auto jwt = read_input(issue.attestation_file);
    if (!jwt) return jwt.error();
    trim_end(*jwt);
    body["attestation_data"] = *jwt;
  }
  return body;
}

int issue(const Issue& issue, const Terminal& terminal) {
  const auto body = body_of(issue);
  if (!body) return terminal.fail(body.error());
  return create_with_secret({.remote = issue.remote,
                             .target = "/api/v1/tokens/jit",
                             .body = json::serialize(*body),
                             .member = "access_token",
                             .output = issue.output},
                            terminal);
}

struct One {
  Remote remote;
  std::string id, at, reason;
};
int show(const One& one, const Terminal& terminal) {
  return ask_and_show(one.remote, terminal,
                      {.target = Target(kTokens).part(one.id).with("at", one.at).text()});
}
int usage(const One& one, const Terminal& terminal) {
  return ask_and_show(one.remote, terminal,
                      {.target = Target(kTokens).part("usage").part(one.id).text()});
}
int revoke(const One& one, const Terminal& terminal) {
  return ask_and_show(one.remote, terminal,
                      {.method = "DELETE",
                       .target = Target(kTokens).part(one.id).with("reason", one.reason).text()});
}

struct Introspect {
  Remote remote;
  std::string file = "-", client_ip, user_agent, endpoint;
};

// A token given on the command line could be read by every other user of the machine.
int introspect(const Introspect& asked, const Terminal& terminal) {
  auto token = read_input(asked.file, 1 << 16);
  if (!token) return terminal.fail(token.error());
  trim_end(*token);
  Target form("");
  form.with("token", *token)
      .with("client_ip", asked.client_ip)
      .with("user_agent", asked.user_agent)
      .with("endpoint", asked.endpoint);
  const auto value = ask(asked.remote, {.method = "POST",
                                        .target = "/oauth2/introspect",
                                        .body = form.text().substr(form.text().empty() ? 0 : 1),
                                        .content_type = "application/x-www-form-urlencoded"});
  if (!value) return terminal.fail(value.error());
  if (asked.remote.json || !value->is_object())
    terminal.print_line(json::serialize(*value));
  else
    terminal.print(fields_of(value->get_object()));
  const json::value* active = find_path(*value, "active");
  return active != nullptr && active->is_bool() && active->get_bool() ? kOk : kNo;
}

void add_issue(Cli& cli, CLI::App& group) {
  auto [app, asked] = add_verb<Issue>(cli, group,
                                      {"issue", "Issue a just-in-time token for an identity",
                                       "  watchword jit issue --identity ID --scope payment:read "
                                       "--duration 15m --justification 'nightly run'\n"
                                       "  watchword jit issue --identity ID --scope payment:read "
                                       "--max-usage 1 --justification test --output once.jwt\n"},
                                      issue);
  add_changing_options(*app, asked->remote);
  app->add_option("--identity", asked->identity, "Whose token")->required()->type_name("ID");
  app->add_option("--scope", asked->scopes, "May be repeated")->required();
  app->add_option("--duration", asked->duration, "Such as 15m; else the identity's limit")
      ->type_name("DURATION");
  app->add_option("--justification", asked->justification,
                  "Why it is needed; stands in the journal");
  app->add_option("--max-usage", asked->max_usage, "How often it may be used")
      ->check(CLI::PositiveNumber);
  app->add_option("--source-ip", asked->source_ip,
                  "Where the client says that it is; recorded as a claim");
  app->add_option("--user-agent", asked->user_agent, "What the client says that it is");
  app->add_option("--attestation", asked->attestation_file,
                  "File with the JWT that proves the identity; - is standard input")
      ->type_name("FILE");
  app->add_option("--output", asked->output, "New file (0600) for the token; else it is printed")
      ->type_name("FILE");
}

}  // namespace

void add_jit_verbs(Cli& cli) {
  CLI::App& group =
      add_group(cli, "jit", "Just-in-time tokens: issue, look at, revoke, introspect");
  add_issue(cli, group);
  auto [show_app, shown] = add_verb<One>(
      cli, group,
      {"show", "State of one, now or at any time before", "  watchword jit show ID --at 0:1201\n"},
      show);
  show_app->add_option("--at", shown->at, "As of this time or position")->type_name("TIME|P:SEQ");
  auto [usage_app, used] = add_verb<One>(
      cli, group,
      {"usage", "How often, when and from where it was used", "  watchword jit usage ID\n"}, usage);
  auto [revoke_app, revoked] = add_verb<One>(
      cli, group, {"revoke", "Revoke one", "  watchword jit revoke ID --reason 'job done'\n"},
      revoke);
  revoke_app->add_option("--reason", revoked->reason, "Why; stands in the journal");
  add_remote_options(*show_app, shown->remote);
  add_remote_options(*usage_app, used->remote);
  add_changing_options(*revoke_app, revoked->remote);
  for (auto [app, one] :
       {std::pair(show_app, shown), std::pair(usage_app, used), std::pair(revoke_app, revoked)})
    app->add_option("ID", one->id, "The token's id (jti)")->required();
  auto [app, asked] =
      add_verb<Introspect>(cli, group,
                           {"introspect", "Whether a token is good now; exit code 1 when it is not",
                            "  watchword jit introspect once.jwt\n  pass show token | watchword "
                            "jit introspect --client-ip 10.0.1.7\n"},
                           introspect);
  add_remote_options(*app, asked->remote);
  app->add_option("FILE", asked->file, "File with the token; - is standard input")
      ->capture_default_str();
  app->add_option("--client-ip", asked->client_ip, "Of the call that is judged");
  app->add_option("--user-agent", asked->user_agent, "Of the call that is judged");
  app->add_option("--endpoint", asked->endpoint, "Of the call that is judged");
}

}  // namespace watchword::cli
