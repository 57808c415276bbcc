// A partition task whose loop, clock, workers and journal are the test's: nothing happens unless the test says so.
#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>

#include "events/domain/identity.h"
#include "events/domain/jit_token.h"
#include "processors/fold/fold.h"
#include "processors/runtime/task.h"
#include "stores/journal/memory.h"

namespace watchword::runtime::testing {

inline constexpr int64_t kNow = 1'790'000'000'000;

class ManualClock final : public Clock {
 public:
  int64_t wall_ms() const override { return wall; }
  int64_t boottime_us() const override { return boot_us; }
  void pass(int64_t ms) {
    wall += ms;
    boot_us += ms * 1'000;
  }
  int64_t wall = kNow, boot_us = 1'000'000;
};

class ManualLoop final : public Loop {
 public:
  explicit ManualLoop(ManualClock& clock) : clock_(clock) {}
  void post(std::function<void()> work) override { queue_.push_back(std::move(work)); }
  void after(int64_t delay_us, std::function<void()> work) override {
    timers_.emplace(clock_.boot_us + delay_us, std::move(work));
  }
  // Runs what is posted and due, until nothing is.
  void run() {
    for (;;) {
      while (!timers_.empty() && timers_.begin()->first <= clock_.boot_us) {
        queue_.push_back(std::move(timers_.begin()->second));
        timers_.erase(timers_.begin());
      }
      if (queue_.empty()) return;
      auto work = std::move(queue_.front());
      queue_.pop_front();
      work();
    }
  }

 private:
  ManualClock& clock_;
  std::deque<std::function<void()>> queue_;
  std::multimap<int64_t, std::function<void()>> timers_;
};

class InlineWorkers final : public Workers {
 public:
  bool run(std::function<void()> work) override {
    if (busy) return false;
    work();
    return true;
  }
  bool busy = false;
};

inline Id principal(uint8_t number) {
  return mint_id_from(kNow, 7, uint64_t{number} << 32);
}

// One task on a log that outlives it: a second Partition on the same log is a restart.
struct Partition {
  explicit Partition(std::shared_ptr<journal::MemoryLog> the_log, ManualClock& the_clock,
                     rows::Database* database = nullptr, TaskLimits limits = {}, size_t memory_bytes = 0)
      : log(std::move(the_log)), clock(the_clock), loop(clock), state(0, database, memory_bytes) {
    journal = journal::open_memory(log, {[this](std::function<void()> step) {
                                     disk.push_back(std::move(step));
                                   }});
    EXPECT_TRUE(state.open().ok());
    const uint64_t from = state.seq() + 1;
    EXPECT_TRUE(journal->read(from, [&](const journal::Stored& stored) {
                         return fold::fold_frame(state, stored);
                       })
                    .ok());
    const auto tail = journal->claim("node", {}, clock.wall);
    EXPECT_TRUE(tail.ok());
    TaskSetup setup;
    setup.journal = journal.get();
    setup.database = database;
    setup.state = &state;
    setup.clock = &clock;
    setup.loop = &loop;
    setup.workers = &workers;
    setup.limits = limits;
    setup.judging.tuning.learning_successes = 20;
    setup.halted = [this](const Error& error) { halted = error.reason; };
    task = std::make_unique<PartitionTask>(std::move(setup));
    task->start(*tail);
    loop.run();
  }

  // The disk does one step of what it owes: one frame becomes durable.
  bool sync_one() {
    if (disk.empty()) return false;
    auto step = std::move(disk.front());
    disk.pop_front();
    step();
    loop.run();
    return true;
  }
  void settle() {
    for (int i = 0; i < 3; ++i) {  // observations keep a pace
      loop.run();
      while (sync_one()) {
      }
      clock.pass(3);
    }
    loop.run();
  }

  std::shared_ptr<journal::MemoryLog> log;
  ManualClock& clock;
  ManualLoop loop;
  InlineWorkers workers;
  fold::State state;
  std::deque<std::function<void()>> disk;
  std::unique_ptr<journal::MemoryJournal> journal;
  std::string_view halted;
  std::unique_ptr<PartitionTask> task;
};

// What became of a command.
struct Outcome {
  bool answered = false;
  Answer answer;
};
inline std::shared_ptr<Outcome> send(Partition& partition, Decide decide, Lane lane = Lane::command,
                                     std::optional<Repeatable> repeatable = std::nullopt) {
  auto outcome = std::make_shared<Outcome>();
  Command command;
  command.lane = lane;
  command.decide = std::move(decide);
  command.repeatable = std::move(repeatable);
  command.done = [outcome](Answer answer) {
    EXPECT_FALSE(outcome->answered) << "answered twice";
    outcome->answered = true;
    outcome->answer = std::move(answer);
  };
  partition.task->submit(std::move(command));
  partition.loop.run();
  return outcome;
}

template <class Fact>
Decided decided(const Id& subject, std::vector<Fact> facts) {
  Decided out;
  for (auto& fact : facts) {
    auto& event = out.events.emplace_back();
    event.mutable_envelope()->set_subject(std::string(subject.view()));
    if constexpr (std::is_same_v<Fact, v1::IdentityEvent>)
      *event.mutable_identity() = std::move(fact);
    else
      *event.mutable_jit_token() = std::move(fact);
  }
  return out;
}

inline Decide registering(const Id& id) {
  return [id](fold::Ahead& rows, const Moment&) -> Result<Decided> {
    domain::identity::Register command;
    command.type.set_kind(v1::SERVICE_ACCOUNT);
    command.type.set_name("billing");
    command.type.set_environment("production");
    command.type.set_owner_team("payments");
    command.limits.allowed_scopes = std::vector<std::string>{"invoices:read"};
    auto facts = domain::identity::decide(rows.find<v1::IdentityState>(id), command, {});
    if (!facts) return facts.error();
    auto out = decided(id, std::move(*facts));
    out.answer = "registered";
    return out;
  };
}

inline Decide suspending(const Id& id) {
  return [id](fold::Ahead& rows, const Moment&) -> Result<Decided> {
    auto facts = domain::identity::decide(rows.find<v1::IdentityState>(id),
                                          domain::identity::Suspend{"test"});
    if (!facts) return facts.error();
    return decided(id, std::move(*facts));
  };
}

inline Decide issuing(const Id& id, const Id& token, uint64_t max_usage = 0) {
  return [id, token, max_usage](fold::Ahead& rows, const Moment& moment) -> Result<Decided> {
    domain::jit_token::Issue command;
    command.token_id = token;
    command.scopes = {"invoices:read"};
    command.justification = "test";
    command.max_usage = max_usage;
    command.address = *Address::parse("10.0.1.7");
    auto facts = domain::jit_token::decide(rows.find<v1::JitTokenState>(token),
                                           rows.find<v1::IdentityState>(id), command, {}, {moment.now_ms});
    if (!facts) return facts.error();
    return decided(id, std::move(*facts));
  };
}

inline Decide using_token(const Id& id, const Id& token) {
  return [id, token](fold::Ahead& rows, const Moment& moment) -> Result<Decided> {
    auto facts = domain::jit_token::decide(rows.find<v1::JitTokenState>(token),
                                           rows.find<v1::IdentityState>(id), domain::jit_token::Use{},
                                           {}, {moment.now_ms});
    if (!facts) return facts.error();
    return decided(id, std::move(*facts));
  };
}

struct Sight {
  std::string id;
  Id who;
  int64_t at_ms = kNow;
  v1::Outcome outcome = v1::SUCCESS;
  std::string network = std::string("\x0a\x00\x01\x07", 4);
  std::string agent = "billing-worker/1.4", endpoint = "/api/v1/invoices";
  Id token;
  bool authenticated = false;
  v1::IdentityKind kind = v1::SERVICE_ACCOUNT;
};
inline std::string bytes_of(const Sight& sight) {
  v1::Observation seen;
  seen.set_id(sight.id);
  seen.set_time_ms(static_cast<uint64_t>(sight.at_ms));
  seen.set_source("gateway");
  seen.set_principal(std::string(sight.who.view()));
  if (!sight.token.is_nil()) seen.set_token_id(std::string(sight.token.view()));
  seen.set_action("api.call");
  seen.set_outcome(sight.outcome);
  seen.set_network(sight.network);
  seen.set_user_agent(sight.agent);
  seen.set_endpoint(sight.endpoint);
  seen.set_kind(sight.kind);
  seen.set_authenticated(sight.authenticated);
  return seen.SerializeAsString();
}

inline std::shared_ptr<std::optional<Receipt>> observe(Partition& partition,
                                                       const std::vector<Sight>& sights) {
  auto outcome = std::make_shared<std::optional<Receipt>>();
  ObservationBatch batch;
  for (const auto& sight : sights) batch.add(bytes_of(sight));
  batch.done = [outcome](Receipt receipt) { *outcome = std::move(receipt); };
  partition.task->submit(std::move(batch));
  partition.loop.run();
  return outcome;
}

// Every row of a state as a checkpoint would write it.
inline std::string all_rows(fold::State& state) {
  rows::Batch batch;
  state.freeze(batch);
  while (state.encode_some(1'000) > 0) {
  }
  uint64_t rows = 0;
  std::string out;
  for (const auto& record : batch.sorted()) {
    if (record.removed) continue;
    out.append(record.key).append("=").append(record.value).append("\n");
    ++rows;
  }
  state.finish_checkpoint();
  while (state.release_some(1'000) > 0) {
  }
  return out;
}

}  // namespace watchword::runtime::testing
