#include "tests/simulation/report.h"

#include <cstdio>

#include "tests/simulation/facts.h"

namespace watchword::simulation {
namespace {

unsigned long long count(uint64_t value) { return value; }

void print_never(const char* what, const std::string& names) {
  std::printf("never %s: %s\n", what, names.empty() ? "-" : names.c_str());
}

std::string joined(std::string names, std::string_view name) {
  if (!names.empty()) names += ", ";
  return names.append(name);
}

}  // namespace

void print_failure(uint64_t seed, const Outcome& outcome) {
  std::printf("seed %llu broke %s\n  its last steps:\n", count(seed), outcome.failure.c_str());
  for (const auto& line : outcome.story) std::printf("    %.240s\n", line.c_str());
  std::printf("  again, with every step: tests/simulation/run.sh --seed %llu\n", count(seed));
  std::fflush(stdout);
}

void print_progress(const Tally& tally, int64_t elapsed_ms) {
  std::printf("%llu seeds in %lld s, %llu requests, %llu crashes, %llu failures\n", count(tally.seeds),
              static_cast<long long>(elapsed_ms / 1'000), count(tally.requests), count(tally.crashes), count(tally.failures));
  std::fflush(stdout);
}

void print_summary(const Tally& tally, int64_t elapsed_ms, uint32_t jobs) {
  const double seeds = tally.seeds == 0 ? 1 : static_cast<double>(tally.seeds);
  std::printf("%llu seeds, %.1f ms each a process (slowest %llu ms), %u processes\n", count(tally.seeds),
              static_cast<double>(elapsed_ms) * jobs / seeds, count(tally.slowest_ms), jobs);
  std::printf("%llu steps, %llu requests (%llu lost), %llu frames, %llu crashes, %llu restarts, %llu checks\n",
              count(tally.steps), count(tally.requests), count(tally.lost), count(tally.frames), count(tally.crashes),
              count(tally.restarts), count(tally.checks));
  std::string never;
  std::printf("faults:");
  for (size_t i = 0; i < tally.faults.size(); ++i) {
    const auto name = name_of(static_cast<Fault>(i));
    std::printf(" %.*s %llu", static_cast<int>(name.size()), name.data(), count(tally.faults[i]));
    if (tally.faults[i] == 0) never = joined(never, name);
  }
  std::printf("\ncrashed at:");
  std::string no_crash;
  for (size_t i = 0; i < kCrashPoints.size(); ++i) {
    std::printf(" %.*s %llu", static_cast<int>(kCrashPoints[i].size()), kCrashPoints[i].data(), count(tally.points[i]));
    if (tally.points[i] == 0) no_crash = joined(no_crash, kCrashPoints[i]);
  }
  std::printf("\nanswers:");
  for (size_t status = 0; status < tally.statuses.size(); ++status)
    if (tally.statuses[status] != 0) std::printf(" %zu %llu", status, count(tally.statuses[status]));
  std::printf("\n");
  std::string no_fact;
  for (const auto& [number, name] : kinds_of_facts())
    if (tally.facts[number] == 0) no_fact = joined(no_fact, name);
  print_never("went wrong", never);
  print_never("crashed at", no_crash);
  print_never("logged", no_fact);
  std::printf("%llu failures\n", count(tally.failures));
  std::fflush(stdout);
}

}  // namespace watchword::simulation
