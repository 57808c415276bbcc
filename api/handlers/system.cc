#include <boost/json/serialize.hpp>
#include <sys/statvfs.h>

#include "api/handlers/handlers.h"
#include "api/handlers/partition.h"
#include "api/http/problem.h"
#include "events/base/time.h"
#include "processors/publisher/text.h"

namespace watchword::api::system {
namespace {

namespace json = boost::json;

struct PartitionStatus {
  json::object told;
  uint64_t journal_bytes = 0, events = 0;
  int64_t first_ms = 0;
  bool serves = false;
};

PartitionStatus status_of(runtime::Partition& partition, runtime::PartitionTask& task) {
  const auto& counters = task.counters();
  const auto tail = partition.journal->tail();
  PartitionStatus out;
  out.serves = task.not_serving().empty();
  out.journal_bytes = partition.journal->size_bytes();
  out.events = counters.events + counters.observations;
  const auto space = partition.journal->space();
  out.told = {{"partition", partition.number},
              {"serving", out.serves},
              {"reason", out.serves ? json::value(nullptr) : json::value(task.not_serving())},
              {"clock_doubt", task.time().doubt().empty() ? json::value(nullptr)
                                                           : json::value(task.time().doubt())},
              {"epoch", tail.epoch},
              {"position", task.position().text()},
              {"time", rfc3339(tail.time_ms)},
              {"journal_bytes", out.journal_bytes},
              {"disk", space == journal::Space::normal         ? "normal"
                       : space == journal::Space::reserve_only ? "reserve only"
                                                               : "full"},
              {"rows_in_memory_bytes", task.rows().footprint().hot},
              {"rows_on_disk_bytes", partition.database->disk_bytes()},
              {"waiting_commands", task.waiting_commands()},
              {"waiting_observation_bytes", task.waiting_observation_bytes()},
              {"checkpoint_age_seconds", task.checkpoint_age_us() / 1'000'000},
              {"observations", counters.observations.load()},
              {"events", counters.events.load()},
              {"frames", counters.frames.load()}};
  return out;
}

// How long the disk lasts at the rate since this process began.
json::object disk_of(const runtime::Engine& engine, uint64_t journal_bytes, uint64_t written_bytes,
                     uint64_t events, int64_t running_ms) {
  struct statvfs disk {};
  json::object out{{"journal_bytes", journal_bytes}};
  if (statvfs(engine.options().directory.c_str(), &disk) != 0) return out;
  const uint64_t free_bytes = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  out["free_bytes"] = free_bytes;
  if (events > 0) out["bytes_per_event"] = static_cast<double>(written_bytes) / static_cast<double>(events);
  const double per_day = running_ms > kMinuteMs ? static_cast<double>(written_bytes) * kDayMs / static_cast<double>(running_ms) : 0;
  out["days_until_full"] = per_day > 0 ? json::value(static_cast<double>(free_bytes) / per_day) : json::value(nullptr);
  return out;
}

const int64_t started_ms = system_clock().boottime_us() / 1'000;

}  // namespace

awaitable<void> status(Api& api, Call& call) {
  json::array partitions;
  uint64_t journal_bytes = 0, events = 0, written = 0;
  bool all_serve = true;
  for (uint32_t number = 0; number < api.engine.partitions(); ++number) {
    auto& partition = api.engine.partition(number);
    auto one = co_await at(api, partition, [&](runtime::PartitionTask& task) {
      written += task.counters().bytes;
      return status_of(partition, task);
    });
    journal_bytes += one.journal_bytes;
    events += one.events;
    all_serve = all_serve && one.serves;
    partitions.push_back(std::move(one.told));
  }
  const int64_t running_ms = system_clock().boottime_us() / 1'000 - started_ms;
  json::object out{{"version", WATCHWORD_VERSION},
                   {"cluster_id", api.engine.cluster_id()},
                   {"status", all_serve ? "ok" : "degraded"},
                   {"partitions", std::move(partitions)},
                   {"regions", api.engine.regions()},
                   {"cores", api.engine.cores()},
                   {"uptime_seconds", running_ms / 1'000},
                   {"disk", disk_of(api.engine, journal_bytes, written, events, running_ms)}};
  call.response.body = publisher::to_text(out);
}

awaitable<void> health(Api& api, Call& call) {
  for (uint32_t number = 0; number < api.engine.partitions(); ++number) {
    const auto serves = co_await at(api, api.engine.partition(number),
                                    [](runtime::PartitionTask& task) { return serving(task); });
    if (serves) continue;
    call.response.status = 503;
    (void)call.response.set("Retry-After", "1");
    call.response.body = R"({"status":"unavailable"})";
    co_return;
  }
  call.response.body = R"({"status":"ok"})";
}

awaitable<void> accept_clock(Api& api, Call& call) {
  json::array accepted;
  const auto accept = [&](runtime::Partition& partition) -> awaitable<void> {
    const auto doubt = co_await at(api, partition, [](runtime::PartitionTask& task) {
      const std::string told = task.time().doubt();
      task.time().accept();
      return told;
    });
    if (!doubt.empty()) accepted.emplace_back(doubt);
  };
  co_await accept(api.engine.control());
  for (uint32_t number = 0; number < api.engine.partitions(); ++number)
    co_await accept(api.engine.partition(number));
  runtime::Command command;
  v1::Event event;
  *event.mutable_envelope() = envelope_of(call, call.caller.principal);
  event.mutable_control()->mutable_admin_acted()->set_action("clock.accept");
  event.mutable_control()->mutable_admin_acted()->set_outcome("success");
  runtime::Decide decide = [event](fold::Ahead&, const runtime::Moment&) -> Result<runtime::Decided> {
    return runtime::Decided{{event}, ""};
  };
  auto answer = co_await change(api, call, api.engine.owner(call.caller.principal),
                                runtime::Lane::command, std::move(decide));
  if (!answer.body) co_return fail(call, answer.body.error());
  call.response.body = publisher::to_text(json::object{{"accepted", std::move(accepted)}});
}

awaitable<void> metrics(Api& api, Call& call) {
  call.response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  call.response.body = api.metrics.expose(api.engine);
  co_return;
}

}  // namespace watchword::api::system
