#include "api/cli/import_command.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <thread>

#include "events/base/clock.h"
#include "events/base/json.h"
#include "events/base/time.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

constexpr int kMaxTries = 60;

void sleep_ms(int64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

Request request_of(const import::Batch& batch) {
  Request request;
  request.method = "POST";
  request.target = "/api/v1/events?mode=history";
  request.body = batch.body;
  request.headers = {
      {"Watchword-Import-Block", batch.block_digest},
      {"Watchword-Import-Part", std::to_string(batch.part) + "/" + std::to_string(batch.parts)}};
  request.repeatable = true;  // the server knows a body again
  return request;
}

int64_t wait_ms_of(const Response& response) {
  const std::string_view text = response.header("retry-after");
  int64_t seconds = 1;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::clamp<int64_t>(seconds, 1, 30) * kSecondMs;
}

// Waits for a server that is busy or away; gives up on one that says no.
Result<import::Answer> post(Client& client, const import::Batch& batch) {
  const Request request = request_of(batch);
  for (int tries = 1;; ++tries) {
    const auto response = client.send(request);
    if (response && response->ok()) return answer_of(response->body);
    const bool busy = !response || response->status == 429 || response->status == 503;
    if (!busy || tries == kMaxTries) return response ? error_of(*response) : response.error();
    sleep_ms(response ? wait_ms_of(*response) : kSecondMs);
  }
}

uint64_t count_of(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found && found->is_int64() && found->get_int64() >= 0
             ? static_cast<uint64_t>(found->get_int64())
             : 0;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found && found->is_string() ? std::string(found->get_string()) : "";
}

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

json::value summary_json(const import::Summary& summary, double seconds) {
  json::array named, kept(summary.kept_in.begin(), summary.kept_in.end());
  for (const import::Place& place : summary.named)
    named.push_back({{"file", place.file}, {"line", place.line}, {"reason", place.reason}});
  return {{"lines", summary.lines},
          {"observations", summary.records},
          {"accepted", summary.accepted},
          {"duplicates", summary.duplicates},
          {"rejected", summary.rejected},
          {"unreadable", summary.unreadable},
          {"named", std::move(named)},
          {"kept_in", std::move(kept)},
          {"seconds", seconds}};
}

class Stopwatch {
 public:
  double seconds() const {
    return static_cast<double>(system_clock().boottime_us() - begin_us_) / 1e6;
  }

 private:
  int64_t begin_us_ = system_clock().boottime_us();
};

import::Outside outside_of(const ImportCommand& command, Client& client, const Stopwatch& watch,
                           std::FILE* errors){import::Outside outside;
outside.send = [&client](const import::Batch& batch) { return post(client, batch); };
outside.now_ms = [] { return system_clock().wall_ms(); };
outside.sleep_ms = sleep_ms;
if (!command.quiet && isatty(fileno(errors)))
  outside.progress = [&watch, errors](const import::Progress& progress) {
    std::fprintf(errors, "\r%s\033[K", progress_line(progress, watch.seconds()).c_str());
    std::fflush(errors);
  };
return outside;
}  // namespace

}  // namespace watchword::cli

Result<import::Answer> answer_of(const std::string& body) {
  const auto value = parse_json_strict(body);
  if (!value || !value->is_object() || !value->get_object().contains("accepted"))
    return Error{Errc::unavailable, "cli.import.answer",
                 "the server's answer is not that of a Watchword"};
  const json::object& object = value->get_object();
  import::Answer answer{count_of(object, "accepted"), count_of(object, "duplicates"), {}};
  const json::value* rejected = object.if_contains("rejected");
  if (!rejected || !rejected->is_array()) return answer;
  for (const json::value& each : rejected->get_array())
    if (each.is_object())
      answer.rejected.push_back({count_of(each.get_object(), "index"),
                                 text_of(each.get_object(), "code"),
                                 text_of(each.get_object(), "detail")});
  return answer;
}

std::string progress_line(const import::Progress& progress, double seconds) {
  constexpr size_t kWidth = 24;
  const double rate = static_cast<double>(progress.lines) / std::max(seconds, 0.001);
  std::string tail =
      "  " + grouped(progress.lines) + " lines  " + grouped(static_cast<uint64_t>(rate)) + "/s";
  if (progress.bytes_total == 0) return "importing" + tail;
  const double done = std::min(
      1.0, static_cast<double>(progress.bytes) / static_cast<double>(progress.bytes_total));
  const auto filled = static_cast<size_t>(done * kWidth);
  std::string bar = "[" + std::string(filled, '=') + std::string(kWidth - filled, ' ') + "] ";
  if (done > 0) {
    const auto left_s = static_cast<int>(seconds / done - seconds);
    const std::string rest = std::to_string(left_s % 60);
    tail += "  ETA " + std::to_string(left_s / 60) + ":" + (rest.size() < 2 ? "0" : "") + rest;
  }
  return bar + std::to_string(static_cast<int>(done * 100)) + " %" + tail;
}

int import_command(const ImportCommand& command, std::FILE* out, std::FILE* errors) {
  auto client = Client::make(command.connection);
  if (!client) return std::fprintf(errors, "import: %s\n", client.error().detail.c_str()), 2;
  const Stopwatch watch;
  const import::Outside outside = outside_of(command, *client, watch, errors);
  import::Summary summary;
  const auto done = import::run(command.plan, outside, summary);
  if (outside.progress) std::fprintf(errors, "\r\033[K");
  if (command.json)
    std::fprintf(out, "%s\n", json::serialize(summary_json(summary, watch.seconds())).c_str());
  else
    std::fprintf(out, "%s", import::summary_text(summary, watch.seconds()).c_str());
  if (done) return 0;
  std::fprintf(errors,
               "import: %s\nThe same command goes on from there: what was taken is known again.\n",
               done.error().detail.c_str());
  return 1;
}

}  // namespace watchword::cli
