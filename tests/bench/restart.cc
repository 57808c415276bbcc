// How soon a node serves again: after a kill (a child process that ends without a word, with a
// tail of some MB behind its last checkpoint), after a clean stop, and with its rows lost, which
// rebuilds them from the journal. Usage: bench_restart [thousand observations] [thousand tokens]
#include <sys/wait.h>

#include <random>

#include "replay/verify.h"
#include "tests/bench/bench_node.h"
#include "tests/bench/population.h"
#include "tests/bench/zipf.h"

namespace watchword {
namespace {

constexpr size_t kIdentities = 100'000, kBatch = 512, kBatchesAhead = 32, kTail = 50'000;

v1::Observation observation(const Id& principal, uint64_t serial) {
  v1::Observation seen;
  char id[64];
  std::snprintf(id, sizeof id, "0198a3c2-7b1e-8f00-8000-%012llx", static_cast<unsigned long long>(serial));
  seen.set_id(id);
  seen.set_time_ms(static_cast<uint64_t>(system_clock().wall_ms()));
  seen.set_source("gateway-eu-1");
  seen.set_principal(std::string(principal.view()));
  seen.set_action("api.call");
  seen.set_outcome(v1::SUCCESS);
  const char network[4] = {10, 1, static_cast<char>(principal.bytes[15]), static_cast<char>(serial % 4)};
  seen.set_network(std::string(network, 4));
  seen.set_user_agent("billing-worker/1.4 (linux; x86_64)");
  seen.set_endpoint(serial % 5 == 0 ? "/api/v1/invoices" : "/api/v1/customers/orders");
  seen.set_response_code(200);
  seen.set_kind(v1::SERVICE_ACCOUNT);
  return seen;
}

// From the calling thread, some batches ahead of the task.
class Observing {
 public:
  Observing(bench::Node& node, const bench::Population& people, uint64_t first_serial)
      : node_(node),
        people_(people),
        zipf_(people.identities.size(), 1.1),
        serial_(first_serial) {}

  void add(uint64_t count) {
    const uint64_t until = serial_ + count;
    while (serial_ < until) submit(std::min<uint64_t>(kBatch, until - serial_));
    wait_for(0);
  }

 private:
  void submit(uint64_t count) {
    runtime::ObservationBatch batch;
    for (uint64_t i = 0; i < count; ++i)
      batch.add(observation(people_.identities[zipf_(random_) - 1], ++serial_).SerializeAsString());
    batch.done = [this](const runtime::Receipt& receipt) {
      if (receipt.error) bench::end(receipt.error->detail);
      std::lock_guard lock(mutex_);
      --ahead_;
      less_.notify_one();
    };
    wait_for(kBatchesAhead);
    std::lock_guard lock(mutex_);
    ++ahead_;
    boost::asio::post(node_.engine().context(0), [this, batch = std::move(batch)]() mutable {
      node_.partition().task->submit(std::move(batch));
    });
  }
  void wait_for(size_t most) {
    std::unique_lock lock(mutex_);
    less_.wait(lock, [&] { return ahead_ <= most; });
  }

  bench::Node& node_;
  const bench::Population& people_;
  bench::Zipf zipf_;
  std::mt19937_64 random_{42};
  uint64_t serial_;
  size_t ahead_ = 0;
  std::mutex mutex_;
  std::condition_variable less_;
};

// The first node stops in peace, which writes a checkpoint of everything; the second one adds the
// tail.
[[noreturn]] void build_and_die(const std::string& folder, uint64_t observations, size_t tokens) {
  bench::Population people;
  {
    bench::Node node(bench::options_for(folder));
    bench::add_identities(node, people, kIdentities);
    bench::add_jit_tokens(node, people, tokens);
    Observing(node, people, 0).add(observations);
  }
  bench::Node node(bench::options_for(folder));
  Observing(node, people, observations).add(kTail);
  _exit(0);
}

void build_in_a_child(const std::string& folder, uint64_t observations, size_t tokens) {
  const pid_t child = fork();
  if (child < 0) bench::end("no process for building");
  if (child == 0) build_and_die(folder, observations, tokens);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) bench::end("the folder was not built");
}

// From nothing to the first answer of a read.
double start_s(const std::string& folder) {
  const bench::Watch watch;
  bench::Node node(bench::options_for(folder));
  const bool serves = node.on_loop([&] { return node.partition().task->not_serving().empty(); });
  const double seconds = watch.seconds();
  if (!serves) bench::end("the node does not serve");
  return seconds;
}

void verify(const std::string& folder) {
  replay::VerifyOptions options;
  options.directory = folder + "/data";
  const auto verified = bench::must(replay::verify(options));
  if (!verified.ok()) bench::end("verify: " + verified.findings[0].detail);
  bench::print("restart", "verify_events_per_s", verified.done.events_per_s(), "1/s");
}

void run(uint64_t observations, size_t tokens) {
  const bench::Folder folder;
  build_in_a_child(folder.path(), observations, tokens);
  bench::print("restart", "after_kill_s", start_s(folder.path()), "s");
  bench::print("restart", "after_stop_s", start_s(folder.path()), "s");
  verify(folder.path());
  std::filesystem::remove_all(folder.path() + "/data/p0/rows");
  const double rebuild_s = start_s(folder.path());
  const auto events = static_cast<double>(observations + kTail + tokens + kIdentities);
  bench::print("restart", "events", events, "1");
  bench::print("restart", "tail_events", static_cast<double>(kTail), "1");
  bench::print("restart", "rebuild_s", rebuild_s, "s");
  bench::print("restart", "rebuild_events_per_s", events / rebuild_s, "1/s");
}

}  // namespace
}  // namespace watchword

int main(int count, char** arguments) {
  const auto thousands = [&](int at, int64_t otherwise) {
    return (count > at ? std::atoll(arguments[at]) : otherwise) * 1'000;
  };
  watchword::run(static_cast<uint64_t>(thousands(1, 3'000)), static_cast<size_t>(thousands(2, 100)));
  return 0;
}
