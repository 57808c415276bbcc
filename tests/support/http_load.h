// A load client for benches: keep-alive connections on one epoll loop, one request in flight on
// each, latencies recorded.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace watchword::testing {

struct LoadOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  size_t connections = 32;
  int64_t warm_up_ms = 500;  // not counted
  int64_t measure_ms = 3'000;
  int core = -1;  // the CPU to stay on; -1: any
};

struct LoadResult {
  uint64_t requests = 0;  // answered while measuring
  uint64_t failures = 0;  // answers that are not 2xx, or connections that broke
  double seconds = 0;
  double requests_per_s = 0;
  double latency_us_p50 = 0, latency_us_p99 = 0, latency_us_max = 0;
  std::string first_failure;  // head of the first answer that failed
};

// Gives the whole bytes of the next request; valid until it is called again. Called on the loading
// thread.
using NextRequest = std::function<std::string_view()>;
// Sees the body of each answer; may be empty. Answers need a Content-Length.
using SeeAnswer = std::function<void(std::string_view body)>;

// Runs on the calling thread until the time is over.
LoadResult run_load(const LoadOptions& options, const NextRequest& next, const SeeAnswer& see = {});

// Keeps the calling thread on one CPU; a no-op for -1 or where that CPU does not exist.
void pin_thread(int core);

}  // namespace watchword::testing
