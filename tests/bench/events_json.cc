// POST /api/v1/events with JSON batches of 500 observations of registered identities, answered
// when durable. The server has one core, the client the other. Where the time goes: reading the
// JSON (measured alone on the same bodies), the task's turns (judging and the frame), and the
// rest. Usage: bench_events_json [thousand events]
#include <random>

#include "api/observe/draft.h"
#include "events/base/time.h"
#include "tests/bench/bench_node.h"
#include "tests/bench/population.h"
#include "tests/bench/zipf.h"

namespace watchword {
namespace {

constexpr size_t kBatch = 500, kConnections = 4, kIdentities = 100'000;
constexpr int64_t kWarmUpMs = 300;
constexpr uint64_t kCallerSecret = uint64_t{1} << 40;

std::string observation(uint64_t serial, uint64_t number, const Id& identity, const std::string& time) {
  char address[32];
  std::snprintf(address, sizeof address, "10.%u.%u.%u", static_cast<unsigned>(number >> 8 & 0xff),
                static_cast<unsigned>(number & 0xff), static_cast<unsigned>(serial % 16));
  return R"({"id":"0198a3c2-7b1e-8f00-8000-)" + std::to_string(100'000'000'000 + serial) +
         R"(","time":")" + time + R"(","source":"gateway-eu-1","identity_id":")" + identity.text() +
         R"(","action":"api.call","outcome":"success","source_ip":")" + address +
         R"(","user_agent":"billing-worker/1.4","client_id":"billing-service","endpoint":")" +
         (serial % 5 == 0 ? "/api/v1/invoices" : "/api/v1/customers/orders") +
         R"(","scope":"invoices:read","response_code":200,"latency_ms":12})";
}

std::vector<std::string> make_bodies(const bench::Population& people, uint64_t events) {
  std::mt19937_64 random(42);
  bench::Zipf zipf(people.identities.size(), 1.1);
  const std::string time = rfc3339(system_clock().wall_ms());
  std::vector<std::string> bodies;
  for (uint64_t serial = 0; serial < events;) {
    std::string body = "[";
    for (size_t i = 0; i < kBatch; ++i, ++serial) {
      const uint64_t number = zipf(random) - 1;
      body.append(i == 0 ? "" : ",").append(observation(serial, number, people.identities[number], time));
    }
    bodies.push_back(body + "]");
  }
  return bodies;
}

double read_ns_per_event(const std::vector<std::string>& bodies) {
  const int64_t now_ms = system_clock().wall_ms();
  const size_t count = std::min<size_t>(bodies.size(), 400);
  const bench::Watch watch;
  for (size_t i = 0; i < count; ++i) {
    const auto batch = bench::must(observe::read(observe::Form::json, bodies[i], now_ms));
    if (batch.drafts.size() != kBatch) bench::end("an observation was not taken: " + batch.rejections[0].detail);
  }
  return watch.seconds() * 1e9 / static_cast<double>(count * kBatch);
}

// No body twice: it would be taken for the same call again.
class Requests {
 public:
  Requests(const std::vector<std::string>& bodies, const std::string& caller)
      : bodies_(bodies),
        head_("POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer " + caller +
              "\r\nUser-Agent: bench/1\r\nContent-Type: application/json\r\nContent-Length: ") {}
  std::string_view next() {
    if (next_ == bodies_.size()) bench::end("the bodies are used up: give more events");
    const std::string& body = bodies_[next_++];
    request_.assign(head_).append(std::to_string(body.size())).append("\r\n\r\n").append(body);
    return request_;
  }

 private:
  const std::vector<std::string>& bodies_;
  const std::string head_;
  std::string request_;
  size_t next_ = 0;
};

struct Spent {
  double loop_s, turns_s, observations;
};
Spent spent(bench::Node& node) {
  const auto& counters = node.partition().task->counters();
  return {node.loop_cpu_seconds(), static_cast<double>(counters.turn_us_sum) / 1e6,
          static_cast<double>(counters.observations)};
}

testing::LoadResult drive(bench::Node& node, const std::vector<std::string>& bodies,
                          const std::string& caller, int64_t measure_ms) {
  Requests requests(bodies, caller);
  testing::LoadOptions options;
  options.port = node.port();
  options.connections = kConnections;
  options.core = bench::kClientCpu;
  options.warm_up_ms = kWarmUpMs;
  options.measure_ms = measure_ms;
  uint64_t incomplete = 0;
  const auto result = testing::run_load(options, [&] { return requests.next(); }, [&](std::string_view body) {
    incomplete += !body.starts_with(R"({"accepted":500,"duplicates":0,)");
  });
  bench::must_not_fail(result);
  if (incomplete != 0) bench::end(std::to_string(incomplete) + " batches were not taken whole");
  return result;
}

void run(uint64_t events) {
  const bench::Folder folder;
  bench::Node node(bench::options_for(folder.path()));
  node.serve();
  bench::Population people;
  bench::add_identities(node, people, kIdentities);
  const auto caller = bench::caller_with(node, people, kCallerSecret, {"event_write"});
  const auto bodies = make_bodies(people, events);
  const double read_ns = read_ns_per_event(bodies);
  const auto before = spent(node);
  const auto result = drive(node, bodies, caller, 3'000);
  const auto after = spent(node);
  const double taken = after.observations - before.observations;
  const double loop_ns = (after.loop_s - before.loop_s) * 1e9 / taken;
  const double turn_ns = (after.turns_s - before.turns_s) * 1e9 / taken;
  bench::print("events_json", "events_per_s", result.requests_per_s * kBatch, "1/s");
  bench::print("events_json", "events_per_core_s", 1e9 / loop_ns, "1/s");
  bench::print("events_json", "batch_ms_p50", result.latency_us_p50 / 1e3, "ms");
  bench::print("events_json", "batch_ms_p99", result.latency_us_p99 / 1e3, "ms");
  bench::print("events_json", "bytes_per_event", static_cast<double>(bodies[0].size()) / kBatch, "B");
  bench::print("events_json", "share_read_json", read_ns / loop_ns, "1");
  bench::print("events_json", "share_turns", turn_ns / loop_ns, "1");
  bench::print("events_json", "share_http_and_handler", 1 - (read_ns + turn_ns) / loop_ns, "1");
}

}  // namespace
}  // namespace watchword

int main(int count, char** arguments) {
  watchword::run(static_cast<uint64_t>(count > 1 ? std::atoll(arguments[1]) : 2'000) * 1'000);
  return 0;
}
