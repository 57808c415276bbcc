// What detection costs an event: reading, looking, folding, on warm rows of ordinary principals.
// One JSON line a metric.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "processors/detectors/scorer.h"
#include "schemas/identity.pb.h"

namespace watchword::detectors {
namespace {

constexpr size_t kPrincipals = 64, kEvents = 1 << 16, kRounds = 12;

std::string ordinary(size_t event) {
  v1::Observation seen;
  seen.set_id("0198a3c2-7b1e-8f00-8000-" + std::to_string(100'000'000'000 + event));
  seen.set_time_ms(1'754'870'400'000 + event * 37);
  seen.set_source("gateway-eu-1");
  seen.set_principal(std::string(15, 'p') + static_cast<char>(1 + event % kPrincipals));
  seen.set_token_id(std::string(16, 't'));
  seen.set_action("token.use");
  seen.set_outcome(v1::SUCCESS);
  seen.set_network(std::string("\x0a\x00\x01", 3) + static_cast<char>(event % 200));
  seen.set_user_agent("billing-worker/1.4 (linux)");
  seen.set_client_id("billing");
  seen.set_endpoint(event % 3 == 0 ? "/api/v1/invoices" : "/api/v1/invoices/12345/lines");
  seen.set_scope("invoices:read");
  seen.set_response_code(200);
  seen.set_kind(v1::SERVICE_ACCOUNT);
  seen.set_authenticated(true);
  return seen.SerializeAsString();
}

struct Run {
  std::vector<std::string> events;
  std::vector<Baseline> rows = std::vector<Baseline>(kPrincipals);
  uint64_t sum = 0;
};

void report(const char* metric, double nanoseconds, size_t count) {
  std::printf("{\"bench\":\"detectors\",\"metric\":\"%s\",\"value\":%.1f,\"unit\":\"ns\"}\n",
              metric, nanoseconds / static_cast<double>(count));
}

// The fastest round: what the machine can do when nobody else uses it.
template <class Step>
double fastest(Run& run, Step step) {
  double best = 1e18;
  for (size_t round = 0; round < kRounds; ++round) {
    const auto from = std::chrono::steady_clock::now();
    for (size_t i = 0; i < run.events.size(); ++i) step(i, round);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - from;
    best = std::min(best, took.count());
  }
  return best;
}

}  // namespace
}  // namespace watchword::detectors

int main() {
  using namespace watchword::detectors;
  Run run;
  for (size_t i = 0; i < kEvents; ++i) run.events.push_back(ordinary(i));
  const Tuning tuning;
  const double read = fastest(
      run, [&](size_t i, size_t) { run.sum += read_observation(run.events[i])->endpoint_hash; });
  const auto whole = [&](size_t i, size_t round) {
    auto seen = read_observation(run.events[i]);
    seen->time_ms += static_cast<int64_t>(round * kEvents * 37);
    seen->event_hash += round;
    Baseline& row = run.rows[i % kPrincipals];
    if (is_duplicate(row, seen->event_hash)) return;
    const Verdict verdict = judge(*seen, row, {}, tuning);
    run.sum += verdict.level;
    fold(row, *seen, verdict.learning);
  };
  const double all = fastest(run, whole);
  report("ns_per_event", all, kEvents);
  report("read_ns_per_event", read, kEvents);
  std::printf(
      "{\"bench\":\"detectors\",\"metric\":\"bytes_per_observation\",\"value\":%zu,\"unit\":\"B\"}"
      "\n",
      run.events[0].size());
  std::printf(
      "{\"bench\":\"detectors\",\"metric\":\"bytes_per_baseline\",\"value\":%zu,\"unit\":\"B\"}\n",
      sizeof(Baseline));
  return run.sum == 0;
}
