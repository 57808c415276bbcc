// How fast the journal makes the rows again: the fold of every frame from zero, the whole of replay verify, and one question
// to the past. One partition, one thread. Usage: bench_replay [million events] [million principals]
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <random>
#include <string>

#include "processors/fold/fold.h"
#include "processors/runtime/engine.h"
#include "replay/folder.h"
#include "replay/history.h"
#include "replay/verify.h"
#include "tests/bench/zipf.h"

namespace watchword {
namespace {

constexpr uint64_t kBatch = 512;

class Watch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void print(const char* metric, double value, const char* unit) {
  std::printf("{\"bench\":\"replay\",\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", metric, value, unit);
  std::fflush(stdout);
}

[[noreturn]] void end(const Error& error) {
  std::fprintf(stderr, "%s: %s\n", std::string(error.reason).c_str(), error.detail.c_str());
  std::exit(1);
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

// About 200 bytes, as a gateway reports the call of a machine.
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
  const char network[4] = {10, static_cast<char>(principal >> 8), static_cast<char>(principal), 7};
  seen.set_network(std::string(network, 4));
  seen.set_user_agent("billing-worker/1.4 (linux; x86_64)");
  seen.set_client_id("billing-service");
  seen.set_endpoint(serial % 5 == 0 ? "/api/v1/invoices" : "/api/v1/customers/orders");
  seen.set_scope("invoices:read");
  seen.set_response_code(200);
  seen.set_kind(v1::FOREIGN);
  return seen.SerializeAsString();
}

void feed(runtime::Engine& engine, uint64_t events, uint64_t principals) {
  std::mt19937_64 random(42);
  bench::Zipf zipf(principals, 1.1);
  auto& partition = engine.partition(0);
  std::shared_ptr<std::promise<void>> last;
  for (uint64_t done = 0; done < events;) {
    runtime::ObservationBatch batch;
    for (uint64_t i = 0; i < kBatch && done < events; ++i, ++done)
      batch.add(observation(done, zipf(random), 1'790'000'000'000 + static_cast<int64_t>(done / 500)));
    const bool waits = done % (kBatch * 64) == 0 || done == events;
    if (waits) last = std::make_shared<std::promise<void>>();
    if (waits) batch.done = [last](const runtime::Receipt&) { last->set_value(); };
    auto posted = std::make_shared<runtime::ObservationBatch>(std::move(batch));
    boost::asio::post(engine.context_of(partition),
                      [&partition, posted] { partition.task->submit(std::move(*posted)); });
    if (waits) last->get_future().wait();
  }
}

void make(const std::string& directory, uint64_t events, uint64_t principals) {
  runtime::EngineOptions options;
  options.directory = directory;
  options.create = true;
  options.partitions = 1;
  auto engine = runtime::Engine::open(options, system_clock(), system_entropy());
  if (!engine) end(engine.error());
  (*engine)->start();
  feed(**engine, events, principals);
  (*engine)->stop();
}

void measure_fold(const std::string& directory, uint64_t events) {
  const auto journal = replay::open_journal(directory, 0);
  if (!journal) end(journal.error());
  const Watch reading;
  auto read = (*journal)->read(1, [](const journal::Stored&) -> Result<> { return {}; });
  if (!read) end(read.error());
  const double read_s = reading.seconds();
  fold::State state(0, nullptr, 0);
  if (auto opened = state.open(); !opened) end(opened.error());
  const Watch watch;
  read = (*journal)->read(1, [&](const journal::Stored& stored) { return fold::fold_frame(state, stored); });
  if (!read) end(read.error());
  const double fold_s = watch.seconds();
  print("rebuild_events_per_s", static_cast<double>(events) / fold_s, "1/s");
  print("read_and_check_events_per_s", static_cast<double>(events) / read_s, "1/s");
  print("rebuild_of_read_ratio", read_s / fold_s, "");
}

void measure_verify(const std::string& directory, uint64_t events) {
  const Watch watch;
  const auto result = replay::verify({.directory = directory, .threads = 1});
  if (!result) end(result.error());
  for (const auto& finding : result->findings) std::fprintf(stderr, "%s\n", finding.detail.c_str());
  if (!result->ok()) std::exit(1);
  print("verify_events_per_s", static_cast<double>(events) / watch.seconds(), "1/s");
  print("verify_digests", static_cast<double>(result->parts[1].digests_compared), "");
  print("verify_rows", static_cast<double>(result->parts[1].rows_compared), "");
}

void measure_at(const std::string& directory) {
  const auto journal = replay::open_journal(directory, 0);
  if (!journal) end(journal.error());
  auto index = views::PrincipalIndex::open_read_only(replay::part_directory(directory, 0) + "/index");
  if (!index) end(index.error());
  if (auto caught_up = replay::catch_up(**journal, **index); !caught_up) end(caught_up.error());
  const replay::History history(0, **journal, **index);
  for (const auto& [metric, number] : {std::pair("at_busiest_ms", 1u), std::pair("at_quiet_ms", 5'000u)}) {
    const Watch watch;
    const auto past = history.past_of(principal_of(number), {});
    if (!past) end(past.error());
    print(metric, watch.seconds() * 1e3, "ms");
  }
}

}  // namespace
}  // namespace watchword

int main(int count, char** arguments) {
  using namespace watchword;
  const auto number = [&](int at, double otherwise) {
    return static_cast<uint64_t>((count > at ? std::atof(arguments[at]) : otherwise) * 1e6);
  };
  const char* base = std::getenv("WATCHWORD_BENCH_DIR");
  const std::string directory = std::string(base != nullptr ? base : "/tmp") + "/watchword-replay-bench-" +
                                std::to_string(std::random_device()());
  const uint64_t events = number(1, 3);
  make(directory, events, number(2, 1));
  measure_fold(directory, events);
  measure_verify(directory, events);
  measure_at(directory);
  std::filesystem::remove_all(directory);
}
