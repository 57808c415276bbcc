// POST /oauth2/introspect over HTTP: 32 keep-alive connections, live JWTs and `sk_` tokens drawn
// by Zipf 1.1, and beside it, in turns, a bare Beast server that answers the same requests with
// 200 fixed bytes. Each server has a core, the client the other one. A million tokens take over a
// minute to make, so 200,000 are the default. Usage: bench_introspect [thousand tokens] [ms of a
// turn]
#include <random>

#include "tests/bench/bare_beast.h"
#include "tests/bench/bench_node.h"
#include "tests/bench/population.h"
#include "tests/bench/zipf.h"

namespace watchword {
namespace {

constexpr size_t kConnections = 32, kIdentities = 100'000;
constexpr int kTurns = 5;
constexpr uint64_t kCallerSecret = uint64_t{1} << 40;

// Four of five tokens are JWTs. Rank and age have nothing to do with each other.
class Requests {
 public:
  Requests(std::vector<std::string> jwts, size_t service_tokens, const std::string& caller)
      : jwts_(std::move(jwts)),
        count_(jwts_.size() + service_tokens),
        head_("POST /oauth2/introspect HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer " +
              caller +
              "\r\nUser-Agent: bench/1\r\nAccept: application/json\r\nContent-Type: "
              "application/x-www-form-urlencoded\r\nContent-Length: "),
        zipf_(count_, 1.1) {}

  std::string_view next() {
    const size_t token = (zipf_(random_) - 1) * kStride % count_;
    const std::string secret = token < jwts_.size() ? "" : bench::secret_text(token - jwts_.size());
    const std::string_view text = token < jwts_.size() ? jwts_[token] : secret;
    request_.assign(head_).append(std::to_string(kBefore.size() + text.size() + kBehind.size()));
    request_.append("\r\n\r\n").append(kBefore).append(text).append(kBehind);
    return request_;
  }

 private:
  static constexpr uint64_t kStride = 611'953;  // a prime
  static constexpr std::string_view kBefore = "token=";
  static constexpr std::string_view kBehind = "&client_ip=10.1.2.3";
  std::vector<std::string> jwts_;
  size_t count_;
  std::string head_, request_;
  bench::Zipf zipf_;
  std::mt19937_64 random_{42};
};

struct Series {
  std::vector<double> rate, p50, p99;
  void add(const testing::LoadResult& result) {
    bench::must_not_fail(result);
    rate.push_back(result.requests_per_s);
    p50.push_back(result.latency_us_p50);
    p99.push_back(result.latency_us_p99);
  }
  void report(const char* name) const {
    bench::print(name, "requests_per_s", bench::median(rate), "1/s");
    bench::print(name, "latency_us_p50", bench::median(p50), "us");
    bench::print(name, "latency_us_p99", bench::median(p99), "us");
  }
};

testing::LoadOptions load_of(uint16_t port, int64_t measure_ms) {
  testing::LoadOptions options;
  options.port = port;
  options.connections = kConnections;
  options.core = bench::kClientCpu;
  options.warm_up_ms = 300;
  options.measure_ms = measure_ms;
  return options;
}

// A signature is verified once for a token's bytes: that was before.
void remember(bench::Node& node, const std::vector<std::string>& jwts, const std::vector<Id>& ids) {
  node.on_loop([&] {
    for (size_t i = 0; i < jwts.size(); ++i)
      node.api().cores[0]->tokens.put(crypto::view(crypto::sha256(jwts[i])), ids[i]);
  });
}

Requests set_up(bench::Node& node, size_t tokens) {
  const bench::Watch watch;
  bench::Population people;
  const size_t secrets = tokens / 5;
  bench::add_identities(node, people, std::min(kIdentities, tokens));
  bench::add_jit_tokens(node, people, tokens - secrets);
  bench::add_service_tokens(node, people, secrets, 0, {"api_read", "event_write"});
  const auto caller = bench::caller_with(node, people, kCallerSecret, {"introspect"});
  std::fprintf(stderr, "introspect: %zu tokens appended after %.1f s\n", tokens, watch.seconds());
  auto jwts = bench::sign_tokens(node, people);
  remember(node, jwts, people.jit_tokens);
  std::fprintf(stderr, "introspect: signed after %.1f s\n", watch.seconds());
  return {std::move(jwts), secrets, caller};
}

void run(size_t tokens, int64_t turn_ms) {
  const bench::Folder folder;
  bench::Node node(bench::options_for(folder.path()));
  node.serve();
  Requests requests = set_up(node, tokens);
  node.checkpoint();
  bench::BareBeast bare_beast(bench::kServerCpu, std::string(200, 'x'));
  const auto next = [&] { return requests.next(); };
  uint64_t answers = 0, inactive = 0, bytes = 0;
  Series bare, own;
  for (int turn = 0; turn < kTurns; ++turn) {
    bare.add(testing::run_load(load_of(bare_beast.port(), turn_ms), next));
    own.add(testing::run_load(load_of(node.port(), turn_ms), next, [&](std::string_view body) {
      ++answers;
      bytes += body.size();
      inactive += !body.starts_with(R"({"active":true)");
    }));
  }
  if (inactive != 0) bench::end(std::to_string(inactive) + " live tokens were called inactive");
  bare.report("introspect_bare_beast");
  own.report("introspect");
  bench::print("introspect", "tokens", static_cast<double>(tokens), "1");
  bench::print("introspect", "answer_bytes", static_cast<double>(bytes) / static_cast<double>(answers), "B");
  bench::print("introspect", "ratio_to_bare", bench::median(own.rate) / bench::median(bare.rate), "1");
  bench::print("introspect", "p99_ratio_to_bare", bench::median(own.p99) / bench::median(bare.p99), "1");
}

}  // namespace
}  // namespace watchword

int main(int count, char** arguments) {
  const auto number = [&](int at, int64_t otherwise) {
    return count > at ? std::atoll(arguments[at]) : otherwise;
  };
  watchword::run(static_cast<size_t>(number(1, 200)) * 1'000, number(2, 2'000));
  return 0;
}
