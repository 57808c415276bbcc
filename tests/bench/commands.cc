// Commands over HTTP, durable before their answers: JIT tokens issued (ES256) and revoked by 64
// callers, and how long it takes from sending a revocation until an introspection says no, alone
// and beside 63 callers that issue. The server has one core, the client the other. Usage:
// bench_commands [ms of each load]
#include <atomic>
#include <random>

#include "tests/bench/bench_node.h"
#include "tests/bench/population.h"
#include "tests/support/http_client.h"

namespace watchword {
namespace {

constexpr size_t kCallers = 64, kIdentities = 10'000, kRevocable = 300'000, kProbes = 2'000;
constexpr uint64_t kSecrets = uint64_t{1} << 40;

struct Callers {
  std::string issuer, revoker, introspecter;
};

std::string head_of(const char* request_line, const std::string& caller) {
  return std::string(request_line) + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer " +
         caller + "\r\nUser-Agent: bench/1\r\n";
}

class IssueRequests {
 public:
  IssueRequests(const bench::Population& people, const std::string& caller)
      : people_(people),
        head_(head_of("POST /api/v1/tokens/jit", caller) +
              "Content-Type: application/json\r\nContent-Length: ") {}
  std::string_view next() {
    const auto& identity = people_.identities[random_() % people_.identities.size()];
    const std::string body =
        R"({"identity_id":")" + identity.text() +
        R"(","requested_scopes":["invoices:read"],"duration_seconds":600,"justification":"bench"})";
    request_ = head_ + std::to_string(body.size()) + "\r\n\r\n" + body;
    return request_;
  }

 private:
  const bench::Population& people_;
  const std::string head_;
  std::string request_;
  std::mt19937_64 random_{42};
};

testing::LoadOptions load_of(const bench::Node& node, size_t connections, int64_t measure_ms) {
  testing::LoadOptions options;
  options.port = node.port();
  options.connections = connections;
  options.core = bench::kClientCpu;
  options.measure_ms = measure_ms;
  return options;
}

void report(const char* name, const testing::LoadResult& result) {
  bench::must_not_fail(result);
  bench::print(name, "commands_per_s", result.requests_per_s, "1/s");
  bench::print(name, "latency_ms_p50", result.latency_us_p50 / 1e3, "ms");
  bench::print(name, "latency_ms_p99", result.latency_us_p99 / 1e3, "ms");
}

void measure_issues(bench::Node& node, const bench::Population& people, const Callers& callers,
                    int64_t measure_ms) {
  IssueRequests requests(people, callers.issuer);
  report("jit_issue", testing::run_load(load_of(node, kCallers, measure_ms),
                                        [&] { return requests.next(); }));
}

// Each token once: a second revocation would change nothing and cost less.
void measure_revocations(bench::Node& node, const bench::Population& people, const Callers& callers,
                         int64_t measure_ms) {
  size_t next = kProbes * 2;
  std::string request;
  const auto result = testing::run_load(load_of(node, kCallers, measure_ms), [&] {
    if (next == people.jit_tokens.size()) bench::end("no tokens are left to revoke");
    request = head_of(("DELETE /api/v1/tokens/" + people.jit_tokens[next++].text()).c_str(),
                      callers.revoker) +
              "\r\n";
    return std::string_view(request);
  });
  report("jit_revoke", result);
}

// Two connections: one revokes, the other asks once the revocation is acknowledged.
class Prober {
 public:
  Prober(bench::Node& node, const bench::Population& people, const Callers& callers)
      : people_(people),
        revoking_("127.0.0.1", node.port()),
        asking_("127.0.0.1", node.port()),
        as_revoker_{"Authorization: Bearer " + callers.revoker},
        as_introspecter_{"Authorization: Bearer " + callers.introspecter,
                         "Content-Type: application/x-www-form-urlencoded"} {}

  void probe(size_t token, const std::string& text) {
    if (!is_active(text)) bench::end("a live token was called inactive");
    const bench::Watch watch;
    const auto target = "/api/v1/tokens/" + people_.jit_tokens[token].text();
    const auto revoked = revoking_.request("DELETE", target, as_revoker_);
    if (revoked.status != 204) bench::end("a revocation was refused: " + revoked.body);
    acknowledged_ms_.push_back(watch.ms());
    while (is_active(text)) ++stale_;
    denied_ms_.push_back(watch.ms());
  }
  void report(const char* name) {
    bench::print(name, "ms_p50", bench::quantile(denied_ms_, 0.5), "ms");
    bench::print(name, "ms_p99", bench::quantile(denied_ms_, 0.99), "ms");
    bench::print(name, "acknowledged_ms_p99", bench::quantile(acknowledged_ms_, 0.99), "ms");
    bench::print(name, "stale_reads", static_cast<double>(stale_), "1");
  }

 private:
  bool is_active(const std::string& text) {
    const auto reply =
        asking_.post("/oauth2/introspect", "token=" + text + "&client_ip=10.1.2.3", as_introspecter_);
    if (reply.status != 200) bench::end("an introspection was refused: " + reply.body);
    return reply.body.starts_with(R"({"active":true)");
  }

  const bench::Population& people_;
  testing::HttpClient revoking_, asking_;
  std::vector<std::string> as_revoker_, as_introspecter_;
  std::vector<double> acknowledged_ms_, denied_ms_;
  uint64_t stale_ = 0;
};

void measure_denial(const char* name, bench::Node& node, const bench::Population& people,
                    const Callers& callers, size_t first) {
  Prober prober(node, people, callers);
  const bench::Watch watch;
  for (size_t i = first; i < first + kProbes && watch.seconds() < 20; ++i)
    prober.probe(i, bench::sign_token(node, people, i));
  prober.report(name);
}

// What the other callers do must not keep a revocation waiting: its lane goes first.
void measure_denial_in_a_crowd(bench::Node& node, const bench::Population& people,
                               const Callers& callers, int64_t crowd_ms) {
  std::thread crowd([&] {
    IssueRequests requests(people, callers.issuer);
    bench::must_not_fail(testing::run_load(load_of(node, kCallers - 1, crowd_ms),
                                           [&] { return requests.next(); }));
  });
  Prober prober(node, people, callers);
  const bench::Watch watch;
  for (size_t i = kProbes; i < 2 * kProbes && watch.ms() < static_cast<double>(crowd_ms); ++i)
    prober.probe(i, bench::sign_token(node, people, i));
  crowd.join();
  prober.report("revoke_to_denied_in_a_crowd");
}

void run(int64_t measure_ms) {
  const bench::Folder folder;
  bench::Node node(bench::options_for(folder.path()));
  node.serve();
  bench::Population people;
  bench::add_identities(node, people, kIdentities);
  bench::add_jit_tokens(node, people, kRevocable);
  const Callers callers{bench::caller_with(node, people, kSecrets, {"token_issue"}),
                        bench::caller_with(node, people, kSecrets + 1, {"token_revoke"}),
                        bench::caller_with(node, people, kSecrets + 2, {"introspect"})};
  node.checkpoint();
  testing::pin_thread(bench::kClientCpu);
  measure_issues(node, people, callers, measure_ms);
  measure_revocations(node, people, callers, measure_ms);
  measure_denial("revoke_to_denied", node, people, callers, 0);
  measure_denial_in_a_crowd(node, people, callers, measure_ms);
}

}  // namespace
}  // namespace watchword

int main(int count, char** arguments) {
  watchword::run(count > 1 ? std::atoll(arguments[1]) : 5'000);
  return 0;
}
