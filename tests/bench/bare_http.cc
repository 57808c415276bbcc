// How much of a bare Beast server's speed is left when our server answers with an empty handler:
// the same 200-byte body, one core each, 32 keep-alive connections driven from the other core. The
// two are measured in turns, so that a busy machine slows both. Also what 10,000 idle connections
// weigh.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "api/http/server.h"
#include "tests/bench/bare_beast.h"
#include "tests/support/http_client.h"
#include "tests/support/http_load.h"

namespace {

namespace asio = boost::asio;
using watchword::testing::LoadResult;

constexpr int kServerCore = 0, kClientCore = 1;
const std::string kBody(200, 'x');
const std::string kRequest =
    "POST /oauth2/introspect HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer "
    "sk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\nUser-Agent: "
    "bench/1\r\nAccept: "
    "application/json\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "
    "73\r\n\r\n"
    "token=sk_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

LoadResult load(uint16_t port, int64_t measure_ms) {
  watchword::testing::LoadOptions options;
  options.port = port;
  options.core = kClientCore;
  options.warm_up_ms = 200;
  options.measure_ms = measure_ms;
  return watchword::testing::run_load(options, [] { return std::string_view(kRequest); });
}

asio::awaitable<void> fixed_answer(watchword::http::Request&, watchword::http::Response& response) {
  response.body.assign(kBody);
  co_return;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Series {
  std::vector<double> rate, p50, p99;
  void add(const LoadResult& result) {
    rate.push_back(result.requests_per_s);
    p50.push_back(result.latency_us_p50);
    p99.push_back(result.latency_us_p99);
    if (result.failures) std::fprintf(stderr, "failures: %s\n", result.first_failure.c_str());
  }
};

void report(const char* bench, const char* metric, double value, const char* unit) {
  std::printf("{\"bench\":\"%s\",\"metric\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}\n", bench,
              metric, value, unit);
}

void report_series(const char* bench, const Series& series) {
  report(bench, "requests_per_s", median(series.rate), "1/s");
  report(bench, "latency_us_p50", median(series.p50), "us");
  report(bench, "latency_us_p99", median(series.p99), "us");
}

// The gate alone, on the bench's own request.
void measure_gate() {
  constexpr int kRounds = 2'000'000;
  const std::string_view block =
      std::string_view(kRequest).substr(0, watchword::http::block_length(kRequest));
  const watchword::http::GateLimits limits;
  watchword::http::Head head;
  uint64_t accepted = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kRounds; ++i) {
    accepted += watchword::http::inspect(block, limits, head).accepted();
    asm volatile("" : : "r"(&head) : "memory");  // the head counts as read
  }
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
  if (accepted != kRounds) std::fprintf(stderr, "the gate refused the bench's request\n");
  report("http_gate", "block_bytes", static_cast<double>(block.size()), "B");
  report("http_gate", "time_per_request", taken.count() / kRounds, "ns");
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// Each connection has made one request, so that nothing is measured that was never used.
void measure_idle(uint16_t port) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const size_t count = std::min<size_t>(10'000, (files.rlim_cur - 200) / 2);
  std::vector<watchword::testing::HttpClient> clients;
  clients.reserve(count);
  const int64_t before = resident_bytes();
  int64_t of_clients = 0;
  for (size_t i = 0; i < count; ++i) {
    clients.emplace_back("127.0.0.1", port);
    if (clients.back().get("/").status != 200) std::fprintf(stderr, "connection %zu failed\n", i);
    of_clients += 512;  // what the client itself holds for each, roughly
  }
  const double bytes =
      static_cast<double>(std::max<int64_t>(resident_bytes() - before - of_clients, 0));
  report("idle_connections", "count", static_cast<double>(count), "1");
  report("idle_connections", "resident_bytes", bytes, "B");
  report("idle_connections", "bytes_each", bytes / static_cast<double>(count), "B");
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t measure_ms = argc > 1 ? std::atoll(argv[1]) : 1500;
  constexpr int kTurns = 5;
  watchword::bench::BareBeast bare_beast(kServerCore, kBody);
  watchword::bench::OneCore own_core(kServerCore);
  auto server = watchword::http::Server::start({}, {&own_core.context}, fixed_answer);
  if (!server) return 1;

  Series bare, own;
  for (int turn = 0; turn < kTurns; ++turn) {
    bare.add(load(bare_beast.port(), measure_ms));
    own.add(load((*server)->port(), measure_ms));
  }
  report_series("bare_beast", bare);
  report_series("own_server", own);
  report("own_server", "ratio_to_bare", median(own.rate) / median(bare.rate), "1");
  report("own_server", "p99_ratio_to_bare", median(own.p99) / median(bare.p99), "1");
  measure_gate();
  measure_idle((*server)->port());
  (*server)->stop(1000);
  return 0;
}
