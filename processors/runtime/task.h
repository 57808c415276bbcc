// One partition's task: takes what waits, decides it, appends one frame, and when that is durable applies it and answers.
// Single-threaded: every member runs on its loop. It knows no socket, and not which journal it has. ARCHITECTURE section 4.
#pragma once
#include <array>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "processors/detectors/scorer.h"
#include "processors/fold/ahead.h"
#include "processors/fold/state.h"
#include "processors/runtime/command.h"
#include "processors/runtime/judge.h"
#include "processors/runtime/loop.h"
#include "processors/runtime/timekeeper.h"
#include "stores/journal/frame.h"
#include "stores/journal/journal.h"

namespace watchword::runtime {

struct TaskLimits {
  size_t commands_waiting = 10'000;
  size_t observation_bytes_waiting = 64u << 20;
  size_t frames_in_flight = 3;
  size_t busy_frame_bytes = 64u << 10;  // of observations, while commands come
  int64_t busy_turn_us = 300;
  size_t quiet_frame_bytes = 240u << 10;
  int64_t quiet_after_us = 100'000;     // without a command
  int64_t gather_us = 10'000;           // observations alone may wait so long for company
  int64_t pace_us = 2'000;              // and make a frame no more often: a trickle of them would else sync all the time
  size_t checkpoint_dirty_bytes = 192u << 20;  // of rows in memory: about 64 MiB as they are stored
  int64_t checkpoint_every_us = 30'000'000;
  size_t slice_rows = 64;
};

// What happened, counted for /metrics. Written by the loop, read by anybody.
struct TaskCounters {
  std::atomic<uint64_t> frames{0}, events{0}, observations{0}, duplicates{0}, alerts{0}, commands{0}, refused{0},
      checkpoints{0}, bytes{0}, rows_bytes{0}, turn_us_max{0}, turn_us_sum{0};
  std::array<std::atomic<uint64_t>, v1::IdentityKind_ARRAYSIZE> new_networks{};  // by kind
};

struct TaskSetup {
  uint32_t partition = 0;
  journal::Journal* journal = nullptr;
  rows::Database* database = nullptr;  // null: no checkpoints
  fold::State* state = nullptr;
  const Clock* clock = nullptr;
  Loop* loop = nullptr;
  Workers* workers = nullptr;
  JudgeSettings judging;
  TaskLimits limits;
  // A frame is durable and applied: its seq, time and the principals that it is about (not sorted, may repeat).
  std::function<void(uint64_t seq, std::vector<uint64_t> principals)> published;
  // The task can go no further (failed append, broken rows): the owner rebuilds it or ends the process.
  std::function<void(Error)> halted;
};

class PartitionTask {
 public:
  explicit PartitionTask(TaskSetup setup);
  ~PartitionTask();
  PartitionTask(const PartitionTask&) = delete;

  // After the claim was read back and the tail folded: begins to take work. `tail` is the journal's.
  void start(const journal::Tail& tail);

  // done is always called: at once with too_many or unavailable when the mailbox is full or the disk has no room.
  void submit(Command command);
  void submit(ObservationBatch batch);

  // Committed rows, for reads; null-terminated doubts are the caller's: check serving() first.
  fold::State& rows() { return state_; }
  // Empty when reads may be answered.
  const std::string& not_serving() const { return not_serving_; }
  Timekeeper& time() { return time_; }
  const Clock& clock() const { return *setup_.clock; }
  // The last durable, applied position.
  Position position() const { return {setup_.partition, state_.seq()}; }
  // The time of that frame: what is over by it stays over, whatever happens to the clock or to this process.
  int64_t durable_ms() const { return durable_ms_; }
  // Calls `ready` once the applied seq has reached `seq`; drops it after stop.
  void when_applied(uint64_t seq, std::function<void()> ready);
  // The last frame appended, durable or not: what is shown of rows kept in place rests on all up to it.
  uint64_t last_appended() const { return next_seq_ - 1; }

  void checkpoint_soon() { checkpoint_wanted_ = true; pump(); }
  // Stops taking work, drains, writes a last checkpoint, then calls `stopped`.
  void stop(std::function<void()> stopped);
  void tune(const JudgeSettings& settings) { judge_.tune(settings); }

  const TaskCounters& counters() const { return counters_; }
  size_t waiting_commands() const { return revokes_.size() + commands_.size(); }
  size_t waiting_observation_bytes() const { return observation_bytes_; }
  int64_t checkpoint_age_us() const { return setup_.clock->boottime_us() - last_checkpoint_us_; }

 private:
  struct Flight {
    uint64_t seq = 0;
    int64_t time_ms = 0;
    std::vector<v1::Event> events;
    std::vector<std::function<void()>> answers;
    std::vector<uint64_t> principals;
  };
  struct Pending {  // a batch of observations part of which has been decided
    ObservationBatch batch;
    uint32_t next = 0;
    Receipt receipt;
    int64_t arrived_us = 0;
    bool ready = true;  // false while another thread reads its cold rows
  };
  enum class Phase : uint8_t { idle, draining, encoding, writing, releasing };

  // The pump: whatever may happen now, does.
  void pump();
  void pump_soon();
  bool turn_is_due() const;
  void wake_after(int64_t delay_us);
  void turn();
  void take_commands(Flight& flight);
  bool take_command(std::deque<Command>& lane, Flight& flight);
  void decide(Command& command, Flight& flight);
  void take_observations(Flight& flight, int64_t started_us);
  void load_cold_rows(const std::shared_ptr<Pending>& pending);
  void look_ahead(const Pending& pending);
  bool has_observations() const { return !observations_.empty() && observations_.front()->ready; }
  bool memory_is_full() const;
  void take_housekeeping(Flight& flight);
  void add_event(v1::Event event, Flight& flight);
  void launch(Flight flight);
  void on_appended(uint64_t seq, const Result<uint64_t>& appended);
  void apply(Flight& flight);
  void refuse(Command& command, Error error);
  void refuse_commands(const Error& error);
  void refuse_observations(const Error& error);
  std::optional<Answer> repeated_answer(const Command& command);
  v1::Event kept_result(const Repeatable& repeatable, const std::string& answer) const;
  Error full() const;
  void halt(Error error);
  // Checkpoints.
  void checkpoint_step();
  void begin_checkpoint();
  void write_checkpoint();
  void checkpoint_written(Result<> written, std::array<uint8_t, 32> digest, uint64_t rows);
  bool checkpoint_is_due() const;

  TaskSetup setup_;
  TaskLimits limits_;
  fold::State& state_;
  fold::Ahead ahead_;
  Judge judge_;
  Timekeeper time_;
  TaskCounters counters_;
  journal::FrameBuilder builder_;
  std::deque<Command> revokes_, commands_;
  std::deque<std::shared_ptr<Pending>> observations_;
  size_t observation_bytes_ = 0;
  std::deque<Flight> flights_;
  std::deque<std::pair<uint64_t, std::function<void()>>> waiting_reads_;
  uint64_t epoch_ = 0, next_seq_ = 1;
  int64_t frame_ms_ = 0, durable_ms_ = 0, last_command_us_ = 0, next_observations_us_ = 0;
  std::string not_serving_ = "not started";
  bool started_ = false, stopping_ = false, pumping_ = false, pump_posted_ = false, woken_ = false;
  int64_t wake_at_us_ = 0;
  std::function<void()> stopped_;
  // Checkpoints.
  Phase phase_ = Phase::idle;
  bool checkpoint_wanted_ = false;
  std::shared_ptr<rows::Batch> batch_;
  rows::Stamp stamp_;
  uint64_t checkpointed_seq_ = 0;
  int64_t last_checkpoint_us_ = 0;
  std::vector<v1::Event> own_events_;  // the task's own facts, for the next frame
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace watchword::runtime
