#include <boost/json/serialize.hpp>

#include "api/cli/cli.h"
#include "api/cli/exit_code.h"
#include "api/cli/follow.h"
#include "api/cli/remote.h"
#include "api/cli/time_text.h"
#include "events/base/clock.h"
#include "events/base/ids.h"
#include "events/base/json.h"
#include "events/base/time.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

struct Send {
  Remote remote;
  std::string file, format = "auto", id, time, source, identity, subject, token_id, action, outcome,
                    source_ip, user_agent, endpoint;
};

Result<std::string> one_event(const Send& send) {
  if (send.source.empty())
    return Error{Errc::invalid, "cli.events.source",
                 "an event needs --source: the service that saw it"};
  const int64_t now_ms = system_clock().wall_ms();
  const auto at_ms = parse_time_ms(send.time.empty() ? "now" : send.time, now_ms);
  if (!at_ms) return at_ms.error();
  json::object event{
      {"id", send.id.empty() ? mint_id(now_ms, 0, system_entropy()).text() : send.id},
      {"time", rfc3339(*at_ms)}};
  const auto put = [&](const char* member, const std::string& value) {
    if (!value.empty()) event[member] = value;
  };
  put("source", send.source);
  put("identity_id", send.identity);
  put("subject", send.subject);
  put("token_id", send.token_id);
  put("action", send.action);
  put("outcome", send.outcome);
  put("source_ip", send.source_ip);
  put("user_agent", send.user_agent);
  put("endpoint", send.endpoint);
  return json::serialize(event);
}

std::string content_type_of(const Send& send, std::string_view body) {
  if (send.format == "ndjson") return "application/x-ndjson";
  if (send.format == "cloudevents") return "application/cloudevents-batch+json";
  if (send.format == "protobuf") return "application/x-protobuf";
  const bool lines = send.format == "auto" && !parse_json_strict(body, {32, size_t{64} << 20});
  return lines ? "application/x-ndjson" : "application/json";
}

int show_receipt(const json::value& receipt, const Remote& remote, const Terminal& terminal) {
  const json::value* rejected = find_path(receipt, "rejected");
  if (remote.json) {
    terminal.print_line(json::serialize(receipt));
  } else {
    for (const char* count : {"accepted", "duplicates"})
      if (const auto* value = find_path(receipt, count))
        terminal.print_line(std::string(count) + " " + cell_of(*value));
    static constexpr Column kColumns[] = {
        {"REJECTED", "index"}, {"CODE", "code"}, {"DETAIL", "detail"}};
    if (rejected != nullptr && rejected->is_array() && !rejected->get_array().empty())
      terminal.print(table_of(rejected->get_array(), kColumns));
  }
  return rejected != nullptr && rejected->is_array() && !rejected->get_array().empty() ? kNo : kOk;
}

int send_events(const Send& asked, const Terminal& terminal) {
  auto body =
      asked.action.empty() ? read_input(asked.file.empty() ? "-" : asked.file) : one_event(asked);
  if (!body) return terminal.fail(body.error());
  const std::string type =
      asked.action.empty() ? content_type_of(asked, *body) : "application/json";
  Request request{.method = "POST",
                  .target = "/api/v1/events",
                  .body = std::move(*body),
                  .content_type = type,
                  .repeatable = true};
  const auto receipt = ask(asked.remote, std::move(request));
  if (!receipt) return terminal.fail(receipt.error());
  return show_receipt(*receipt, asked.remote, terminal);
}

struct Tail {
  Remote remote;
  std::string topic = "token", from;
  bool once = false;
};

int tail(const Tail& asked, const Terminal& terminal) {
  return follow({asked.remote, asked.topic, asked.from, asked.once}, terminal,
                [&](const std::string& line, const json::object& event) {
                  if (asked.remote.json) {
                    terminal.print_line(line);
                  } else {
                    std::string text;
                    for (const char* member : {"time", "type", "subject", "data"})
                      if (const auto* value = event.if_contains(member))
                        text += cell_of(*value) + "  ";
                    terminal.print_line(printable(text.substr(0, text.find_last_not_of(' ') + 1)));
                  }
                  return std::fflush(terminal.out) == 0;
                });
}

void add_send(Cli& cli, CLI::App& group) {
  auto [app, sent] =
      add_verb<Send>(cli, group,
                     {"send", "Report what a service saw; exit code 1 when one is rejected",
                      "  watchword events send observations.ndjson\n"
                      "  watchword events send --source shop --subject alice@example.com --action "
                      "auth.login --outcome success\n"},
                     send_events);
  add_changing_options(*app, sent->remote);
  app->add_option("FILE", sent->file, "JSON, NDJSON, CloudEvents or Protobuf; - is standard input");
  app->add_option("--format", sent->format, "Of the file")
      ->check(CLI::IsMember({"auto", "json", "ndjson", "cloudevents", "protobuf"}))
      ->capture_default_str();
  CLI::Option* action =
      app->add_option("--action", sent->action, "One event from the options, such as auth.login");
  for (auto [name, value, text] :
       {std::tuple("--id", &sent->id, "Unique for the source; else one is made"),
        std::tuple("--time", &sent->time, "When; else now"),
        std::tuple("--source", &sent->source, "The service that saw it"),
        std::tuple("--identity", &sent->identity, "Whom it is about, an identity here"),
        std::tuple("--subject", &sent->subject, "Whom it is about, a name of another system"),
        std::tuple("--token", &sent->token_id, "The token that was used, by its id"),
        std::tuple("--outcome", &sent->outcome, "success, failure or denied"),
        std::tuple("--source-ip", &sent->source_ip, "Where it came from"),
        std::tuple("--user-agent", &sent->user_agent, "With which client"),
        std::tuple("--endpoint", &sent->endpoint, "What was called")})
    app->add_option(name, *value, text)->needs(action);
}

}  // namespace

void add_event_verbs(Cli& cli) {
  CLI::App& group = add_group(cli, "events", "Observations in, public events out");
  add_send(cli, group);
  auto [app, asked] = add_verb<Tail>(cli, group,
                                     {"tail", "Follow a public topic",
                                      "  watchword events tail --topic identity\n  watchword "
                                      "events tail --topic token --from 0 --once --json\n"},
                                     tail);
  add_remote_options(*app, asked->remote);
  app->add_option("--topic", asked->topic, "Which")
      ->check(CLI::IsMember({"identity", "token", "session", "alert", "dead-letter"}))
      ->capture_default_str();
  app->add_option("--from", asked->from,
                  "After this place (0-17-2,1-4-0); 0 is the beginning; else from now on")
      ->type_name("ID");
  app->add_flag("--once", asked->once, "Only what is there");
}

}  // namespace watchword::cli
