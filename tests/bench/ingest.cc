// The pipeline's speed: observations from Protobuf bytes in memory through mailbox, detectors, frame, fdatasync, rows and
// checkpoints, on one core with its writer and checkpoint threads beside it. Usage: bench_ingest [million events]
// [million principals] [memory MB]; without arguments both runs of the table.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "processors/runtime/engine.h"
#include "tests/bench/zipf.h"

namespace watchword {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBatch = 512, kBatchesAhead = 64;

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * 4096 / 1e6;
}

void print(const char* bench, const char* metric, double value, const char* unit) {
  std::printf("{\"bench\":\"%s\",\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", bench, metric, value, unit);
  std::fflush(stdout);
}

Id principal_of(uint64_t number) {
  Id id;
  const uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15u;
  std::memcpy(id.bytes.data(), &mixed, 8);
  std::memcpy(id.bytes.data() + 8, &number, 8);
  id.bytes[6] = 0x80;
  id.bytes[7] = 0;
  return id;
}

// About 200 bytes, as a gateway reports the call of a machine: its own network, client and endpoints, now and then another.
std::string observation(uint64_t serial, uint64_t principal, int64_t time_ms) {
  v1::Observation seen;
  char id[64];
  std::snprintf(id, sizeof id, "0198a3c2-7b1e-8f00-8000-%012llx", static_cast<unsigned long long>(serial));
  seen.set_id(id);
  seen.set_time_ms(static_cast<uint64_t>(time_ms));
  seen.set_source("gateway-eu-1");
  seen.set_principal(std::string(principal_of(principal).view()));
  seen.set_action("api.call");
  seen.set_outcome(v1::SUCCESS);
  const char network[4] = {10, static_cast<char>(principal >> 8), static_cast<char>(principal),
                           static_cast<char>(serial % 16)};
  seen.set_network(std::string(network, 4));
  seen.set_user_agent("billing-worker/1.4 (linux; x86_64)");
  seen.set_client_id("billing-service");
  seen.set_endpoint(serial % 5 == 0 ? "/api/v1/invoices" : "/api/v1/customers/orders");
  seen.set_scope("invoices:read");
  seen.set_response_code(200);
  seen.set_latency_ms(12);
  seen.set_kind(v1::FOREIGN);
  return seen.SerializeAsString();
}

struct Feed {
  std::vector<runtime::ObservationBatch> batches;
  uint64_t events = 0, bytes = 0;
};

Feed make_feed(uint64_t events, uint64_t principals) {
  std::mt19937_64 random(42);
  bench::Zipf zipf(principals, 1.1);
  const int64_t start_ms = 1'790'000'000'000;
  Feed feed;
  while (feed.events < events) {
    auto& batch = feed.batches.emplace_back();
    for (size_t i = 0; i < kBatch && feed.events < events; ++i, ++feed.events)
      batch.add(observation(feed.events, zipf(random), start_ms + static_cast<int64_t>(feed.events / 500)));
    feed.bytes += batch.bytes.size();
  }
  return feed;
}

// Keeps at most kBatchesAhead batches in the mailbox, from the loop itself: no other thread feeds it.
class Feeder {
 public:
  Feeder(runtime::Partition& partition, Feed& feed) : partition_(partition), feed_(feed) {}

  void more() {
    while (next_ < feed_.batches.size() && ahead_ < kBatchesAhead) {
      auto batch = std::move(feed_.batches[next_++]);
      ++ahead_;
      batch.done = [this](const runtime::Receipt& receipt) {
        accepted_ += receipt.accepted;
        if (receipt.error) std::fprintf(stderr, "refused: %s\n", receipt.error->detail.c_str());
        --ahead_;
        if (++done_ == feed_.batches.size()) finish();
        else more();
      };
      partition_.task->submit(std::move(batch));
    }
  }
  void wait() {
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [&] { return over_; });
  }
  uint64_t accepted() const { return accepted_; }

 private:
  void finish() {
    std::lock_guard lock(mutex_);
    over_ = true;
    finished_.notify_one();
  }
  runtime::Partition& partition_;
  Feed& feed_;
  size_t next_ = 0, ahead_ = 0, done_ = 0;
  uint64_t accepted_ = 0;
  std::mutex mutex_;
  std::condition_variable finished_;
  bool over_ = false;
};

// How long the loop was ever late for a timer of 1 ms.
class Heartbeat {
 public:
  explicit Heartbeat(boost::asio::io_context& context) : timer_(context) { beat(); }
  double longest_ms() const { return static_cast<double>(longest_us_.load()) / 1'000; }

 private:
  void beat() {
    const auto due = Clock::now() + std::chrono::milliseconds(1);
    timer_.expires_at(due);
    timer_.async_wait([this, due](boost::system::error_code failed) {
      if (failed) return;
      const auto late = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - due).count();
      if (late > longest_us_) longest_us_ = late;
      beat();
    });
  }
  boost::asio::steady_timer timer_;
  std::atomic<int64_t> longest_us_{0};
};

void run(const char* name, uint64_t events, uint64_t principals, size_t memory_mb) {
  std::fprintf(stderr, "%s: making %.1f million observations of %.1f million principals\n", name,
               static_cast<double>(events) / 1e6, static_cast<double>(principals) / 1e6);
  const double before_mb = resident_mb();
  Feed feed = make_feed(events, principals);
  char folder[] = "/tmp/watchword-ingest-XXXXXX";
  const char* base = std::getenv("WATCHWORD_BENCH_DIR");
  std::string directory = base != nullptr ? std::string(base) + "/ingest" : mkdtemp(folder);
  std::filesystem::remove_all(directory);
  runtime::EngineOptions options;
  options.directory = directory;
  options.create = true;
  options.partitions = 1;
  options.cores = 1;
  options.memory_bytes = memory_mb << 20;
  options.warn = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  auto engine = runtime::Engine::open(options, system_clock(), system_entropy());
  if (!engine) {
    std::fprintf(stderr, "%s\n", engine.error().detail.c_str());
    std::exit(1);
  }
  auto& partition = (*engine)->partition(0);
  (*engine)->start();
  Heartbeat heartbeat((*engine)->context(0));
  Feeder feeder(partition, feed);
  const auto from = Clock::now();
  const double cpu_from = cpu_seconds();
  boost::asio::post((*engine)->context(0), [&] { feeder.more(); });
  feeder.wait();
  const std::chrono::duration<double> took = Clock::now() - from;
  const double cpu = cpu_seconds() - cpu_from;
  feed.batches.clear();
  malloc_trim(0);  // what the feed held goes back first
  const double resident = resident_mb();
  const auto& counters = partition.task->counters();
  const double count = static_cast<double>(feeder.accepted());
  print(name, "events_per_s", count / took.count(), "1/s");
  print(name, "events_per_cpu_s", count / cpu, "1/s");
  print(name, "bytes_per_event", static_cast<double>(feed.bytes) / count, "B");
  print(name, "journal_bytes_per_event", static_cast<double>(counters.bytes) / count, "B");
  print(name, "frames", static_cast<double>(counters.frames), "");
  print(name, "checkpoints", static_cast<double>(counters.checkpoints), "");
  print(name, "alerts", static_cast<double>(counters.alerts), "");
  print(name, "turn_ms_max", static_cast<double>(counters.turn_us_max) / 1e3, "ms");
  print(name, "stall_ms_max", heartbeat.longest_ms(), "ms");
  print(name, "reads_on_loop", static_cast<double>(partition.state->reads_on_loop()), "");
  print(name, "rows_in_memory_mb", static_cast<double>(counters.rows_bytes) / 1e6, "MB");
  print(name, "process_mb", resident - before_mb, "MB");
  (*engine)->stop();
  engine->reset();
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace watchword

int main(int count, char** arguments) {
  const auto number = [&](int at, double otherwise) {
    return count > at ? std::atof(arguments[at]) : otherwise;
  };
  if (count > 1) {
    watchword::run(number(3, 4096) < 1024 ? "ingest_bounded" : "ingest", static_cast<uint64_t>(number(1, 3) * 1e6),
                   static_cast<uint64_t>(number(2, 1) * 1e6), static_cast<size_t>(number(3, 4096)));
    return 0;
  }
  watchword::run("ingest", 3'000'000, 1'000'000, 4'096);
  watchword::run("ingest_bounded", 2'000'000, 10'000'000, 512);
  return 0;
}
