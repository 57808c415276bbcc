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
