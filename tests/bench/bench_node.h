// A node inside the benchmark's own process: one partition on one core, with the HTTP API in
// front, in a folder that goes away with it. Mistakes end the process: a benchmark that half works
// measures nothing.
#pragma once
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "api/cli/bootstrap.h"
#include "api/handlers/api.h"
#include "tests/support/http_load.h"

namespace watchword::bench {

inline constexpr int kServerCpu = 0, kClientCpu = 1;

inline void print(const char* bench, const char* metric, double value, const char* unit) {
  std::printf("{\"bench\":\"%s\",\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", bench, metric,
              value, unit);
  std::fflush(stdout);
}

[[noreturn]] inline void end(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}
template <class Value>
Value must(Result<Value> result) {
  if (!result) end(std::string(result.error().reason) + ": " + result.error().detail);
  if constexpr (!std::is_void_v<Value>) return std::move(*result);
}
inline void must_not_fail(const testing::LoadResult& result) {
  if (result.failures != 0)
    end(std::to_string(result.failures) + " requests failed: " + result.first_failure);
}

class Watch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - from_).count();
  }
  double ms() const { return seconds() * 1e3; }

 private:
  std::chrono::steady_clock::time_point from_ = std::chrono::steady_clock::now();
};

// The value below which `part` of them are.
inline double quantile(std::vector<double>& values, double part) {
  if (values.empty()) end("nothing was measured");
  const auto at = values.begin() + static_cast<ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}
inline double median(std::vector<double> values) { return quantile(values, 0.5); }

inline double resident_bytes() {
  malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  double pages = 0, resident = 0;
  statm >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

class Folder {
 public:
  Folder() {
    const char* base = std::getenv("WATCHWORD_BENCH_DIR");
    path_ = std::string(base != nullptr ? base : "/tmp") + "/watchword-bench-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) end("no folder for " + path_);
  }
  ~Folder() {
    std::error_code failed;
    std::filesystem::remove_all(path_, failed);
  }
  Folder(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline runtime::EngineOptions options_for(const std::string& folder) {
  runtime::EngineOptions options;
  options.directory = folder + "/data";
  options.create = true;
  options.partitions = 1;
  options.cores = 1;
  options.memory_bytes = size_t{8} << 30;
  options.warn = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  options.fatal = [](const std::string& line) { end(line); };
  return options;
}

class Node {
 public:
  explicit Node(runtime::EngineOptions options)
      : engine_(must(runtime::Engine::open(std::move(options), system_clock(), system_entropy()))) {
    engine_->start();
    on_loop([] { testing::pin_thread(kServerCpu); });
    must(cli::ensure_signing_key(*engine_));
  }
  ~Node() { stop(); }
  Node(const Node&) = delete;

  // The rates allow whatever comes: all requests of a benchmark are one caller's.
  void serve() {
    api::ApiSettings settings;
    settings.issuer = "https://watchword.example";
    settings.principal_rate = {1'000'000, 1'000'000};
    api_ = std::make_unique<api::Api>(*engine_, std::move(settings), metrics_);
    http::ServerOptions listen;
    listen.on_trouble = [](std::string_view what) { end(std::string(what)); };
    server_ = must(http::Server::start(std::move(listen), {&engine_->context(0)},
                                       api::make_handler(*api_)));
  }
  void stop() {
    if (server_) server_->stop(1'000);
    server_.reset();
    if (engine_) engine_->stop();
    engine_.reset();
  }

  runtime::Engine& engine() { return *engine_; }
  runtime::Partition& partition() { return engine_->partition(0); }
  api::Api& api() { return *api_; }
  uint16_t port() const { return server_->port(); }

  // Runs `work()` on the loop and waits for what it gives.
  template <class Work>
  auto on_loop(Work work) -> std::invoke_result_t<Work> {
    std::packaged_task<std::invoke_result_t<Work>()> task(std::move(work));
    auto got = task.get_future();
    boost::asio::post(engine_->context(0), [&task] { task(); });
    return got.get();
  }
  double loop_cpu_seconds() {
    return on_loop([] {
      timespec time{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
    });
  }
  // Returns when all that is durable now stands in a checkpoint, which may still be on its way to
  // the disk. A checkpoint's own word in the journal changes no row and asks for none.
  void checkpoint() {
    constexpr uint64_t kOwnFrames = 4;
    const uint64_t until = partition().durable_seq;
    while (must(partition().database->stamp()).seq + kOwnFrames < until) {
      on_loop([this] { partition().task->checkpoint_soon(); });
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // paces the polling
    }
  }

  // Appends the events that `next` gives, some in each command, until it gives none. `next` is
  // called on the loop.
  using NextEvents = std::function<std::vector<v1::Event>()>;
  void append(NextEvents next) {
    Appending appending{*partition().task, std::move(next)};
    boost::asio::post(engine_->context(0), [&] { appending.more(); });
    appending.over.get_future().get();
  }

 private:
  struct Appending {
    runtime::PartitionTask& task;
    NextEvents next;
    size_t ahead = 0;
    bool ended = false, told = false, busy = false;
    std::promise<void> over{};

    void more() {
      if (std::exchange(busy, true)) return;
      while (!ended && ahead < 64) {
        auto events = next();
        ended = events.empty();
        if (!ended) submit(std::move(events));
      }
      busy = false;
      if (ended && ahead == 0 && !std::exchange(told, true)) over.set_value();
    }
    void submit(std::vector<v1::Event> events) {
      runtime::Command command;
      command.decide = [events = std::move(events)](fold::Ahead&, const runtime::Moment& moment) {
        runtime::Decided decided{events, ""};
        for (auto& event : decided.events) event.mutable_envelope()->set_at_ms(moment.now_ms);
        return Result<runtime::Decided>(std::move(decided));
      };
      command.done = [this](const runtime::Answer& answer) {
        if (!answer.body) end(answer.body.error().detail);
        --ahead;
        more();
      };
      ++ahead;
      task.submit(std::move(command));
    }
  };

  api::Metrics metrics_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<runtime::Engine> engine_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace watchword::bench
