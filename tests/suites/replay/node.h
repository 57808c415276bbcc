// A real node on a folder of its own, for the tests of replay: commands and observations go in, and each call comes back
// when what it did is durable.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "processors/runtime/engine.h"
#include "replay/folder.h"
#include "replay/verify.h"

namespace watchword::replay {

// Goes with the machine's clock, and further ahead when told.
class AheadClock final : public Clock {
 public:
  int64_t wall_ms() const override { return system_clock().wall_ms() + ahead_ms_; }
  int64_t boottime_us() const override { return system_clock().boottime_us() + ahead_ms_ * 1'000; }
  void advance_ms(int64_t by_ms) { ahead_ms_ += by_ms; }

 private:
  std::atomic<int64_t> ahead_ms_{0};
};

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "watchword-replay-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = name;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Node {
 public:
  explicit Node(std::string directory, std::function<void(runtime::EngineOptions&)> change = {})
      : directory_(std::move(directory)) {
    runtime::EngineOptions options;
    options.directory = directory_;
    options.partitions = 2;
    options.create = true;
    options.segment_bytes = 1 << 20;
    options.limits.checkpoint_every_us = int64_t{1} << 60;  // only when a test asks for one
    options.fatal = [](const std::string& what) { ADD_FAILURE() << what; };
    options.warn = [this](const std::string& what) { warnings.push_back(what); };
    if (change) change(options);
    options_ = options;
    start();
  }
  ~Node() { stop(); }

  void start() {
    auto opened = runtime::Engine::open(options_, clock, system_entropy());
    ASSERT_TRUE(opened.ok()) << opened.error().reason << ": " << opened.error().detail;
    engine_ = std::move(*opened);
    options_.partitions = 0;
    engine_->start();
  }
  void stop() {
    if (engine_) engine_->stop();
    engine_.reset();
  }
  void restart() {
    stop();
    start();
  }

  // Runs on the loop of partition `number` and waits for what `work` hands to its argument.
  template <class Answer>
  Answer ask(uint32_t number, std::function<void(runtime::PartitionTask&, std::function<void(Answer)>)> work) {
    auto promise = std::make_shared<std::promise<Answer>>();
    auto answer = promise->get_future();
    auto& partition = part(number);
    boost::asio::post(engine_->context_of(partition), [&partition, work, promise] {
      work(*partition.task, [promise](Answer value) { promise->set_value(std::move(value)); });
    });
    return answer.get();
  }

  Position decide(uint32_t number, std::vector<v1::Event> events) {
    const auto answer = ask<runtime::Answer>(number, [&](auto& task, auto done) {
      runtime::Command command;
      command.decide = [events](fold::Ahead&, const runtime::Moment&) {
        return Result<runtime::Decided>(runtime::Decided{events, "{}"});
      };
      command.done = done;
      task.submit(std::move(command));
    });
    EXPECT_TRUE(answer.body.ok());
    return answer.position;
  }
  Position decide(const Id& principal, v1::Event event) {
    event.mutable_envelope()->set_subject(std::string(principal.view()));
    return decide(number_of(principal), std::vector{std::move(event)});
  }

  runtime::Receipt observe(uint32_t number, const std::vector<v1::Observation>& observations) {
    auto receipt = ask<runtime::Receipt>(number, [&](auto& task, auto done) {
      runtime::ObservationBatch batch;
      for (const auto& one : observations) batch.add(one.SerializeAsString());
      batch.done = done;
      task.submit(std::move(batch));
    });
    EXPECT_FALSE(receipt.error) << receipt.error->detail;
    return receipt;
  }
  runtime::Receipt observe(const v1::Observation& one) {
    return observe(number_of(Id::from_view(one.principal())), {one});
  }

  // Returns when the checkpoint's digest is durable in the journal.
  void checkpoint(uint32_t number) {
    auto& partition = part(number);
    const uint64_t before = partition.task->counters().checkpoints;
    const uint64_t seq = partition.durable_seq;
    const bool dirty = ask<bool>(number, [](auto& task, auto done) {
      const bool has_changes = task.rows().footprint().dirty > 0;
      task.checkpoint_soon();
      done(has_changes);
    });
    ASSERT_TRUE(dirty) << "nothing to write";
    while (partition.task->counters().checkpoints == before || partition.durable_seq == seq)
      std::this_thread::yield();
  }

  uint32_t number_of(const Id& id) { return engine_->partition_of(id.slot()); }
  runtime::Partition& part(uint32_t number) {
    return number == kControl ? engine_->control() : engine_->partition(number);
  }
  runtime::Engine& engine() { return *engine_; }
  const std::string& directory() const { return directory_; }

  AheadClock clock;
  std::vector<std::string> warnings;

 private:
  const std::string directory_;
  runtime::EngineOptions options_;
  std::unique_ptr<runtime::Engine> engine_;
};

// Ids and facts as a gateway would make them.
class Maker {
 public:
  explicit Maker(Clock& clock) : clock_(clock) {}

  Id principal(Slot slot) { return mint_principal_id_in(clock_.wall_ms(), slot, system_entropy()); }
  Id token(const Id& principal) {
    return mint_id(clock_.wall_ms(), principal.slot(), system_entropy());
  }
  v1::Event registered(const std::string& name) const {
    v1::Event event;
    auto& type = *event.mutable_identity()->mutable_registered()->mutable_type();
    type.set_kind(v1::SERVICE_ACCOUNT);
    type.set_name(name);
    type.set_owner_team("payments");
    return event;
  }
  v1::Event suspended(uint64_t generation) const {
    v1::Event event;
    auto& fact = *event.mutable_identity()->mutable_suspended();
    fact.set_reason("for a test");
    fact.set_generation(generation);
    return event;
  }
  v1::Event issued(const Id& token, int64_t lifetime_ms, int64_t remembered_ms = kDayMs) const {
    v1::Event event;
    auto& fact = *event.mutable_jit_token()->mutable_issued();
    fact.set_token_id(std::string(token.view()));
    fact.add_scopes("read");
    fact.set_generation(1);
    fact.set_expires_at_ms(clock_.wall_ms() + lifetime_ms);
    fact.set_forget_at_ms(clock_.wall_ms() + lifetime_ms + remembered_ms);
    return event;
  }
  v1::Event revoked(const Id& token) const {
    v1::Event event;
    auto& fact = *event.mutable_jit_token()->mutable_revoked();
    fact.set_token_id(std::string(token.view()));
    fact.set_reason("for a test");
    return event;
  }
  v1::Event created(const Id& token, const std::string& name) const {
    v1::Event event;
    auto& fact = *event.mutable_service_token()->mutable_created();
    fact.set_token_id(std::string(token.view()));
    fact.set_name(name);
    fact.set_secret_sha256(std::string(16, 'x') + std::string(token.view()));
    fact.add_permissions("api_read");
    fact.set_generation(1);
    return event;
  }
  v1::Event raised(const Id& alert, uint32_t risk) const {
    v1::Event event;
    auto& fact = *event.mutable_alert()->mutable_raised();
    fact.set_alert_id(std::string(alert.view()));
    fact.set_severity(v1::HIGH);
    fact.set_title("odd");
    fact.set_group("GEO");
    fact.set_risk(risk);
    auto& signal = *fact.add_signals();
    signal.set_name("new-network");
    signal.set_share(65'536);
    return event;
  }
  v1::Observation used(const Id& principal, const Id& token = {}) {
    v1::Observation seen;
    static std::atomic<uint64_t> observed{0};
    seen.set_id("event-" + std::to_string(++observed));
    seen.set_time_ms(static_cast<uint64_t>(clock_.wall_ms()));
    seen.set_source("test");
    seen.set_principal(std::string(principal.view()));
    if (!token.is_nil()) seen.set_token_id(std::string(token.view()));
    seen.set_action("token.use");
    seen.set_outcome(v1::SUCCESS);
    seen.set_network(std::string("\x0a\0\x01\x07", 4));
    seen.set_endpoint("/orders");
    seen.set_kind(v1::SERVICE_ACCOUNT);
    return seen;
  }

 private:
  Clock& clock_;
};

// Principals with all that they can have, over several frames and two checkpoints. Ids by partition.
struct Filled {
  std::vector<Id> principals, tokens;
};
inline Filled fill(Node& node, size_t principals = 6) {
  Maker maker(node.clock);
  Filled filled;
  for (size_t i = 0; i < principals; ++i) {
    const Id id = maker.principal(static_cast<Slot>(i));
    const Id token = maker.token(id), service_token = maker.token(id);
    filled.principals.push_back(id);
    filled.tokens.push_back(token);
    node.decide(id, maker.registered("service-" + std::to_string(i)));
    node.decide(id, maker.issued(token, kHourMs));
    node.decide(id, maker.created(service_token, "pipeline-" + std::to_string(i)));
    node.observe(maker.used(id, token));
    if (i == principals / 2)
      for (const uint32_t number : {0u, 1u}) node.checkpoint(number);
    for (int use = 0; use < 5; ++use) node.observe(maker.used(filled.principals[i / 2], filled.tokens[i / 2]));
  }
  node.decide(filled.principals[0], maker.raised(maker.token(filled.principals[0]), 50'000));
  node.decide(filled.principals[1], maker.revoked(filled.tokens[1]));
  node.decide(filled.principals[2], maker.suspended(2));
  for (const uint32_t number : {0u, 1u}) node.checkpoint(number);
  node.observe(maker.used(filled.principals[0]));
  return filled;
}

inline Verified verified(const std::string& directory) {
  auto result = verify({.directory = directory});
  EXPECT_TRUE(result.ok()) << result.error().reason << ": " << result.error().detail;
  return result ? *result : Verified{};
}

inline std::string findings_text(const Verified& result) {
  std::string text;
  for (const auto& finding : result.findings)
    text += finding.part + " " + finding.reason + ": " + finding.detail + "\n";
  return text;
}

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Flips one bit of a file for as long as it lives.
class Flip {
 public:
  Flip(std::string path, uint64_t offset, char bits = 1) : path_(std::move(path)), offset_(offset), bits_(bits) {
    turn();
  }
  ~Flip() { turn(); }
  Flip(const Flip&) = delete;

 private:
  void turn() {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    char byte = 0;
    file.seekg(static_cast<std::streamoff>(offset_));
    file.get(byte);
    file.seekp(static_cast<std::streamoff>(offset_));
    file.put(static_cast<char>(byte ^ bits_));
  }
  const std::string path_;
  const uint64_t offset_;
  const char bits_;
};

}  // namespace watchword::replay
