// What one identity, one JIT token, one service token and one baseline weigh in memory: the rows'
// own account (what the bound of hot rows counts) and the process', each over many of them. The
// arithmetic goes to stderr. Usage: bench_memory [thousand]
#include <cmath>

#include "tests/bench/bench_node.h"
#include "tests/bench/population.h"

namespace watchword {
namespace {

using bench::Population;

struct Weight {
  double account = 0, resident = 0;
};

// A checkpoint's batch and the database's buffers are gone some time after it was asked for.
double settled_resident_bytes() {
  double last = 0, now = bench::resident_bytes();
  for (int look = 0; look < 20 && std::abs(now - last) > 1e6; ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // paces the looks
    last = std::exchange(now, bench::resident_bytes());
  }
  return now;
}

Weight weigh(bench::Node& node) {
  node.checkpoint();
  const double account =
      node.on_loop([&] { return static_cast<double>(node.partition().task->rows().footprint().hot); });
  return {account, settled_resident_bytes()};
}

// Several tables may grow with one thing: `what` names them.
void report(const char* what, const char* parts, size_t count, const Weight& before,
            const Weight& after) {
  const double each = static_cast<double>(count);
  const double account = (after.account - before.account) / each;
  const double resident = (after.resident - before.resident) / each;
  bench::print("memory", (std::string(what) + "_bytes").c_str(), account, "B");
  bench::print("memory", (std::string(what) + "_resident_bytes").c_str(), resident, "B");
  std::fprintf(stderr, "%s: %.0f B by the account, %.0f B of the process = %s\n", what, account,
               resident, parts);
}

// The key and its state, the map's share, and what the row holds on the heap.
template <class Row>
std::string parts(const char* table, const Row& row) {
  return std::string(table) + " row of " + std::to_string(sizeof(Row)) +
         " B, key and state 32 B, map 32 B, heap about " +
         std::to_string(rows::RowTraits<Row>::heap_bytes(row)) + " B";
}

template <class Row>
Row row_of(bench::Node& node, const Id& id) {
  return node.on_loop([&] { return *node.partition().task->rows().find<Row>(id); });
}

v1::Observation observation(const Id& principal, uint64_t serial) {
  v1::Observation seen;
  seen.set_id("memory-" + std::to_string(serial));
  seen.set_time_ms(static_cast<uint64_t>(system_clock().wall_ms()));
  seen.set_source("gateway-eu-1");
  seen.set_principal(std::string(principal.view()));
  seen.set_action("api.call");
  seen.set_outcome(v1::SUCCESS);
  seen.set_network(std::string("\x0a\x01\x02\x03", 4));
  seen.set_endpoint("/api/v1/invoices");
  seen.set_kind(v1::SERVICE_ACCOUNT);
  return seen;
}

void observe_each(bench::Node& node, const std::vector<Id>& principals) {
  for (size_t next = 0; next < principals.size();) {
    runtime::ObservationBatch batch;
    for (; batch.ends.size() < 1'000 && next < principals.size(); ++next)
      batch.add(observation(principals[next], next).SerializeAsString());
    std::promise<runtime::Receipt> promise;
    batch.done = [&](runtime::Receipt receipt) { promise.set_value(std::move(receipt)); };
    node.on_loop([&] { node.partition().task->submit(std::move(batch)); });
    const auto receipt = promise.get_future().get();
    if (receipt.error) bench::end(receipt.error->detail);
  }
}

void run(size_t count) {
  const bench::Folder folder;
  bench::Node node(bench::options_for(folder.path()));
  Population people;
  bench::add_identities(node, people, 1'000);  // what grows once has grown
  bench::add_jit_tokens(node, people, 1'000);
  people = {};
  auto before = weigh(node);
  bench::add_identities(node, people, count);
  auto after = weigh(node);
  report("identity", parts("identity", row_of<v1::IdentityState>(node, people.identities[0])).c_str(),
         count, before, after);
  before = after;
  bench::add_jit_tokens(node, people, count);
  after = weigh(node);
  report("jit_token", parts("jit_token", row_of<v1::JitTokenState>(node, people.jit_tokens[0])).c_str(),
         count, before, after);
  before = after;
  bench::add_service_tokens(node, people, count, 0, {"api_read"});
  after = weigh(node);
  const auto service = parts("service_token", row_of<v1::ServiceTokenState>(node, people.service_tokens[0])) +
                       "; and its hash's row of " + std::to_string(sizeof(v1::SecretState)) + " B";
  report("service_token", service.c_str(), count, before, after);
  before = after;
  observe_each(node, people.identities);
  after = weigh(node);
  report("baseline", parts("baseline", detectors::Baseline{}).c_str(), count, before, after);
}

}  // namespace
}  // namespace watchword

int main(int count, char** arguments) {
  watchword::run(static_cast<size_t>(count > 1 ? std::atoll(arguments[1]) : 100) * 1'000);
  return 0;
}
