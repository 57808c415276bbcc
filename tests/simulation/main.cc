// simulate: runs seeds until one breaks an invariant. tests/simulation/README.md says what a run is.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "tests/simulation/report.h"
#include "tests/simulation/run.h"

namespace watchword::simulation {
namespace {

using Time = std::chrono::steady_clock;

constexpr uint64_t kTwiceEvery = 16;  // such a seed runs twice: same seed, same trace
constexpr auto kProgressEvery = std::chrono::seconds(10);

struct Options {
  uint64_t seeds = 500, from = 1, only = 0;
  double minutes = 0;
  uint32_t jobs = 1;
  bool verbose = false;
  std::string folder = "/dev/shm";
};

int64_t ms_since(Time::time_point begun) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Time::now() - begun).count();
}

// One seed; false when it broke something, which is told.
bool try_seed(uint64_t seed, const Options& options, const std::string& folder, Tally& total) {
  const auto begun = Time::now();
  Outcome outcome = run_seed({seed, folder, true, options.verbose});
  outcome.tally.slowest_ms = static_cast<uint64_t>(ms_since(begun));
  if (outcome.failure.empty() && seed % kTwiceEvery == 0) {
    const Outcome again = run_seed({seed, folder, true, options.verbose});
    if (again.trace_hash != outcome.trace_hash) outcome.failure = "repeatable: the same seed left another trace";
  }
  ++outcome.tally.seeds;
  if (!outcome.failure.empty()) {
    ++outcome.tally.failures;
    print_failure(seed, outcome);
  }
  total.add(outcome.tally);
  return outcome.failure.empty();
}

// Every jobs-th seed from `first` on; what it did goes through the pipe.
int work(const Options& options, uint64_t first, int pipe) {
  const std::string folder = options.folder + "/watchword-simulation-" + std::to_string(getpid());
  const auto begun = Time::now();
  const auto limit_ms = static_cast<int64_t>(options.minutes * 60'000);
  Tally total;
  for (uint64_t seed = first; options.minutes > 0 || seed < options.from + options.seeds; seed += options.jobs) {
    if (limit_ms > 0 && ms_since(begun) > limit_ms) break;
    Tally one;
    try_seed(seed, options, folder, one);
    if (write(pipe, &one, sizeof one) != sizeof one) return 1;
  }
  std::filesystem::remove_all(folder);
  return 0;
}

int run(const Options& options) {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  for (uint32_t job = 0; job < options.jobs; ++job) {
    std::fflush(stdout);
    if (fork() != 0) continue;
    close(ends[0]);
    const int code = work(options, options.from + job, ends[1]);
    std::fflush(stdout);
    _exit(code);
  }
  close(ends[1]);
  const auto begun = Time::now();
  auto told = begun;
  Tally total, one;
  size_t got = 0;
  for (ssize_t bytes; (bytes = read(ends[0], reinterpret_cast<char*>(&one) + got, sizeof one - got)) > 0;) {
    if ((got += static_cast<size_t>(bytes)) < sizeof one) continue;
    got = 0;
    total.add(one);
    if (Time::now() - told < kProgressEvery) continue;
    told = Time::now();
    print_progress(total, ms_since(begun));
  }
  int worst = 0;
  for (int status; wait(&status) > 0;) worst = std::max(worst, WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  if (worst != 0) std::printf("a process of this run ended badly\n");
  print_summary(total, ms_since(begun), options.jobs);
  return worst != 0 || total.failures != 0 ? 1 : 0;
}

}  // namespace
}  // namespace watchword::simulation

int main(int argc, char** argv) {
  using namespace watchword::simulation;
  Options options;
  CLI::App app("Runs the production code on a simulated machine, with everything that may break, and checks every invariant.");
  app.add_option("--seeds", options.seeds, "how many (500)");
  app.add_option("--from", options.from, "the first one (1)");
  app.add_option("--minutes", options.minutes, "as many seeds as fit into this time instead");
  app.add_option("--seed", options.only, "this one alone, with every step told");
  app.add_option("--jobs", options.jobs, "processes at once (1)")->check(CLI::Range(1, 64));
  app.add_option("--folder", options.folder, "where RocksDB's files go; in memory (/dev/shm)");
  CLI11_PARSE(app, argc, argv);
  if (options.only == 0) return run(options);
  options.verbose = true;
  Tally total;
  const std::string folder = options.folder + "/watchword-simulation-" + std::to_string(getpid());
  return try_seed(options.only, options, folder, total) ? 0 : 1;
}
