#include "api/cli/follow.h"

#include <chrono>
#include <thread>
#include <utility>

#include "api/cli/exit_code.h"
#include "events/base/json.h"

namespace watchword::cli {
namespace {

constexpr int kTries = 30;
constexpr std::chrono::seconds kPause{2};

// Server-sent events (WHATWG HTML, 9.2) out of pieces of any size. They, unlike plain lines, carry
// the place in every partition, without which a second connection could not go on where the first
// one was lost.
class Events {
 public:
  Events(const Each& each, std::string& place) : each_(each), place_(place) {}

  bool take(std::string_view piece) {
    waiting_ += piece;
    size_t from = 0;
    for (size_t end; (end = waiting_.find('\n', from)) != waiting_.npos; from = end + 1)
      if (!take_line(std::string_view(waiting_).substr(from, end - from))) return false;
    waiting_.erase(0, from);
    return true;
  }

 private:
  bool take_line(std::string_view line) {
    if (line.starts_with("id: ")) id_ = line.substr(4);
    if (line.starts_with("data: ")) data_ = line.substr(6);
    return !line.empty() || end_of_event();
  }
  bool end_of_event() {
    const std::string data = std::exchange(data_, {});
    const auto value = parse_json_strict(data);
    if (!value || !value->is_object()) return true;  // a comment keeps the connection alive
    if (!each_(data, value->get_object())) return false;
    if (!id_.empty()) place_ = id_;
    return true;
  }

  const Each& each_;
  std::string& place_;
  std::string waiting_, id_, data_;
};

std::string begin_of(const std::string& from) {
  if (from.empty()) return "end";
  return from == "0" ? "start" : from;
}

}  // namespace

int follow(const Follow& follow, const Terminal& terminal, const Each& each) {
  auto client = connect(follow.remote);
  if (!client) return terminal.fail(client.error());
  std::string place = begin_of(follow.from);
  bool wanted = true;
  const Each counted = [&](const std::string& line, const boost::json::object& event) {
    return wanted = each(line, event);
  };
  for (int tries = 1;; ++tries) {
    const std::string before = place;
    Events events(counted, place);
    Target target("/api/v1/streams");
    target.part(follow.topic).with("from", place).with("follow", follow.once ? "false" : "");
    const auto response =
        client->stream({.target = target.text(), .headers = {{"Accept", "text/event-stream"}}},
                       [&](std::string_view piece) { return events.take(piece); });
    const bool refused = response && !response->ok();
    if (refused && response->status != 503) return terminal.fail(error_of(*response));
    if (!wanted || (response && !refused && follow.once)) return kOk;
    if (before != place) tries = 1;
    if (tries >= kTries || follow.once)
      return terminal.fail(response ? error_of(*response) : response.error());
    if (tries == 1) terminal.say("the connection was lost; trying again");
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace watchword::cli
