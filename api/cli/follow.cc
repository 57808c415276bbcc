#include "api/cli/follow.h"

#include <chrono>
#include <thread>

#include "api/cli/exit_code.h"
#include "events/base/json.h"

namespace watchword::cli {
namespace {

constexpr int kTries = 30;
constexpr std::chrono::seconds kPause{2};

// Lines out of pieces of any size. Remembers the id of the last event.
class Lines {
 public:
  Lines(const Each& each, std::string& last_id) : each_(each), last_id_(last_id) {}

  bool take(std::string_view piece) {
    waiting_ += piece;
    size_t from = 0;
    for (size_t end; (end = waiting_.find('\n', from)) != waiting_.npos; from = end + 1)
      if (!take_line(waiting_.substr(from, end - from))) return false;
    waiting_.erase(0, from);
    return true;
  }

 private:
  bool take_line(const std::string& line) {
    const auto value = parse_json_strict(line);
    if (!value || !value->is_object()) return true;  // an empty line keeps the connection alive
    const auto& event = value->get_object();
    if (const auto* id = event.if_contains("id"); id != nullptr && id->is_string())
      last_id_ = id->get_string();
    return each_(line, event);
  }

  const Each& each_;
  std::string& last_id_;
  std::string waiting_;
};

}  // namespace

int follow(const Follow& follow, const Terminal& terminal, const Each& each) {
  auto client = connect(follow.remote);
  if (!client) return terminal.fail(client.error());
  std::string last_id = follow.from;
  bool wanted = true;
  const Each counted = [&](const std::string& line, const boost::json::object& event) {
    return wanted = each(line, event);
  };
  for (int tries = 1;; ++tries) {
    const std::string before = last_id;
    Lines lines(counted, last_id);
    Target target("/api/v1/streams");
    target.part(follow.topic).with("from", last_id).with("follow", follow.once ? "false" : "");
    const auto response =
        client->stream({.target = target.text(), .headers = {{"Accept", "application/x-ndjson"}}},
                       [&](std::string_view piece) { return lines.take(piece); });
    if (response && !response->ok() && response->status != 503)
      return terminal.fail(error_of(*response));
    if (!wanted || (response && response->ok() && follow.once)) return kOk;
    if (before != last_id) tries = 1;
    if (tries >= kTries || follow.once)
      return terminal.fail(response ? error_of(*response) : response.error());
    if (tries == 1) terminal.say("the connection was lost; trying again");
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace watchword::cli
