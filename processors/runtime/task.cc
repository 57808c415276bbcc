#include "processors/runtime/task.h"

#include <algorithm>

#include "events/base/crash_point.h"
#include "processors/fold/fold.h"

namespace watchword::runtime {
namespace {

constexpr size_t kObservationBytesMax = 32u << 10;  // a larger one could stand at the head of its queue for ever
constexpr size_t kRoomForEvents = 16u << 10;  // kept free in a frame for what follows from an observation
constexpr size_t kCommandsThatFillATurn = 32;
constexpr uint32_t kLookAhead = 16;
constexpr int64_t kHousekeepingUs = 250'000;
constexpr int64_t kResultKeptMs = 24 * 3'600'000;

uint64_t principal_key(std::string_view principal) { return IdHash{}(Id::from_view(principal)); }

}  // namespace

PartitionTask::PartitionTask(TaskSetup setup)
    : setup_(std::move(setup)),
      limits_(setup_.limits),
      state_(*setup_.state),
      ahead_(state_),
      judge_(state_, ahead_, setup_.judging),
      time_(*setup_.clock) {}

PartitionTask::~PartitionTask() { *alive_ = false; }

void PartitionTask::start(const journal::Tail& tail) {
  epoch_ = tail.epoch;
  next_seq_ = tail.seq + 1;
  state_.advance(tail.seq, tail.time_ms);
  durable_ms_ = tail.time_ms;
  // What was folded since then is dirty still: the next digest covers it.
  const auto stamp = setup_.database != nullptr ? setup_.database->stamp() : Result<rows::Stamp>();
  checkpointed_seq_ = stamp ? stamp->seq : 0;
  time_.begin(tail.time_ms);
  last_checkpoint_us_ = setup_.clock->boottime_us();
  not_serving_.clear();
  started_ = true;
  wake_after(kHousekeepingUs);
  pump();
}

void PartitionTask::submit(Command command) {
  if (!started_ || stopping_)
    return refuse(command, {Errc::unavailable, "task.stopping", "this partition is not taking work"});
  if (waiting_commands() >= limits_.commands_waiting)
    return refuse(command, {Errc::too_many, "task.mailbox_full", "too many requests are waiting"});
  last_command_us_ = setup_.clock->boottime_us();
  (command.lane == Lane::revoke ? revokes_ : commands_).push_back(std::move(command));
  pump();
}

void PartitionTask::submit(ObservationBatch batch) {
  std::optional<Error> error;
  if (!started_ || stopping_)
    error = Error{Errc::unavailable, "task.stopping", "this partition is not taking work"};
  else if (observation_bytes_ + batch.bytes.size() > limits_.observation_bytes_waiting)
    error = Error{Errc::too_many, "task.observations_full", "too many observations are waiting"};
  else if (setup_.journal->space() != journal::Space::normal)
    error = full();
  else if (memory_is_full())
    error = Error{Errc::too_many, "task.memory_full", "too many rows wait for a checkpoint"};
  if (error) {
    Receipt receipt;
    receipt.error = std::move(error);
    if (batch.done) batch.done(std::move(receipt));
    return;
  }
  observation_bytes_ += batch.bytes.size();
  auto pending = std::make_shared<Pending>();
  pending->batch = std::move(batch);
  pending->arrived_us = setup_.clock->boottime_us();
  load_cold_rows(pending);
  observations_.push_back(std::move(pending));
  pump_soon();  // not at once: whoever hands in many batches in a row would run a turn with each
}

// Rows that only the database has are read before the turn that needs them, on another thread. What that cannot bring in time
// (a checkpoint finished meanwhile, the workers are behind) the turn reads by itself.
void PartitionTask::load_cold_rows(const std::shared_ptr<Pending>& pending) {
  std::vector<Id> baselines, identities;
  uint32_t from = 0;
  for (const uint32_t end : pending->batch.ends) {
    const Id id = detectors::principal_of(
        std::string_view(pending->batch.bytes).substr(from, end - from));
    from = end;
    if (state_.cold<detectors::Baseline>(id)) baselines.push_back(id);
    if (state_.cold<v1::IdentityState>(id)) identities.push_back(id);
  }
  if (baselines.empty() && identities.empty()) return;
  std::vector<std::string> keys;
  for (const Id& id : baselines) keys.push_back(fold::State::database_key<detectors::Baseline>(id));
  for (const Id& id : identities) keys.push_back(fold::State::database_key<v1::IdentityState>(id));
  pending->ready = !setup_.workers->run(
      [this, alive = alive_, loop = setup_.loop, database = setup_.database, pending,
       keys = std::move(keys), baselines = std::move(baselines), identities = std::move(identities),
       generation = state_.generation()] {
        auto rows = database->multi_get(keys);
        loop->post([=, this, rows = std::move(rows)] {
          if (!*alive) return;
          auto row = rows ? rows->begin() : std::vector<std::optional<std::string>>::const_iterator{};
          for (size_t i = 0; rows && i < baselines.size(); ++i)
            state_.install<detectors::Baseline>(baselines[i], *row++, generation);
          for (size_t i = 0; rows && i < identities.size(); ++i)
            state_.install<v1::IdentityState>(identities[i], *row++, generation);
          pending->ready = true;
          pump();
        });
      });
}

// Rows that may not be dropped yet fill the bound: until a checkpoint has written them, only revoking goes on.
bool PartitionTask::memory_is_full() const {
  const size_t limit = state_.memory_limit_bytes();
  return limit != 0 && state_.footprint().hot > limit + limit / 8;
}

void PartitionTask::when_applied(uint64_t seq, std::function<void()> ready) {
  if (state_.seq() >= seq) return ready();
  waiting_reads_.emplace_back(seq, std::move(ready));
}

void PartitionTask::stop(std::function<void()> stopped) {
  stopping_ = true;
  if (!started_) return stopped();  // halted: nothing is left to drain
  stopped_ = std::move(stopped);
  pump();
}

void PartitionTask::refuse(Command& command, Error error) {
  ++counters_.refused;
  Answer answer;
  answer.body = std::move(error);
  answer.position = {setup_.partition, next_seq_ - 1};
  command.done(std::move(answer));
}

void PartitionTask::refuse_commands(const Error& error) {
  for (auto* lane : {&revokes_, &commands_})
    for (auto& command : std::exchange(*lane, {})) refuse(command, error);
}

// Of a batch that is half taken the rest is refused: sent again, the first half are duplicates.
void PartitionTask::refuse_observations(const Error& error) {
  observation_bytes_ = 0;
  for (auto& pending : std::exchange(observations_, {})) {
    pending->receipt.error = error;
    if (pending->batch.done) pending->batch.done(pending->receipt);
  }
}

Error PartitionTask::full() const {
  return {Errc::unavailable, "task.disk_full", "the disk is full: only revoking goes on"};
}

void PartitionTask::pump() {
  if (!started_ || pumping_) return;
  // A read may have met the damage: whoever waits for a turn would wait for ever, since nothing authenticates any more.
  if (state_.broken()) return halt({Errc::corrupt, "task.rows", state_.failure()});
  pumping_ = true;
  if (turn_is_due()) turn();
  if (started_) checkpoint_step();
  pumping_ = false;
  if (!started_) return;
  if (turn_is_due()) return pump_soon();
  if (has_observations()) wake_after(flights_.empty() ? limits_.pace_us : limits_.gather_us);
}

// One turn at a time: between two of them the loop does what else waits.
void PartitionTask::pump_soon() {
  if (std::exchange(pump_posted_, true)) return;
  setup_.loop->post([this, alive = alive_] {
    if (!*alive) return;
    pump_posted_ = false;
    pump();
  });
}

// With nothing in flight a turn starts at once; behind a frame in flight, work gathers: that is the group commit.
bool PartitionTask::turn_is_due() const {
  if (phase_ == Phase::draining || flights_.size() >= limits_.frames_in_flight) return false;
  if (!revokes_.empty()) return true;
  if (!commands_.empty())
    return flights_.empty() || commands_.size() >= kCommandsThatFillATurn;
  if (has_observations()) {
    if (observation_bytes_ >= limits_.quiet_frame_bytes) return true;
    if (flights_.empty()) return setup_.clock->boottime_us() >= next_observations_us_;
    return setup_.clock->boottime_us() - observations_.front()->arrived_us >= limits_.gather_us;
  }
  // What nobody waits for does not eat into the reserve.
  if (!flights_.empty() || setup_.journal->space() != journal::Space::normal) return false;
  return !own_events_.empty() ||
         (!stopping_ && !state_.due().empty() && state_.due().begin()->at_ms <= state_.time_ms());
}

void PartitionTask::wake_after(int64_t delay_us) {
  const int64_t at_us = setup_.clock->boottime_us() + delay_us;
  if (woken_ && wake_at_us_ <= at_us) return;
  woken_ = true;
  wake_at_us_ = at_us;
  setup_.loop->after(delay_us, [this, at_us, alive = alive_] {
    if (!*alive || !woken_ || wake_at_us_ != at_us) return;  // an earlier one was set since
    woken_ = false;
    if (!started_) return;
    if (flights_.empty()) state_.advance(state_.seq(), time_.frame_ms());
    pump();
    wake_after(kHousekeepingUs);
  });
}

void PartitionTask::turn() {
  const int64_t started_us = setup_.clock->boottime_us();
  const auto space = setup_.journal->space();
  if (space != journal::Space::normal) refuse_observations(full());
  if (space == journal::Space::none) return refuse_commands(full());
  frame_ms_ = time_.frame_ms();
  ahead_.at(next_seq_);
  Flight flight;
  flight.seq = next_seq_;
  flight.time_ms = frame_ms_;
  // Once a frame and before its entries, whatever they are: as fold_frame() does.
  const auto& due = state_.due_in_place();
  const bool sweeps = !due.empty() && due.begin()->at_ms <= frame_ms_;
  if (sweeps) fold::sweep_in_place(state_, frame_ms_);
  take_housekeeping(flight);
  take_commands(flight);
  take_observations(flight, started_us);
  // What the sweep did must stand in a frame.
  if (sweeps && builder_.entries() == 0) {
    v1::Event event;
    event.mutable_control()->mutable_time_advanced();
    add_event(std::move(event), flight);
  }
  if (state_.broken())
    return halt({Errc::corrupt, "task.rows", state_.failure()});
  if (builder_.entries() == 0) {
    for (auto& answer : flight.answers)
      if (flights_.empty())
        answer();
      else
        flights_.back().answers.push_back(std::move(answer));
    return;
  }
  crash_point(CrashPoint::turn_decided);
  launch(std::move(flight));
  const auto took_us = static_cast<uint64_t>(setup_.clock->boottime_us() - started_us);
  counters_.turn_us_sum += took_us;
  if (took_us > counters_.turn_us_max) counters_.turn_us_max = took_us;
}

void PartitionTask::take_housekeeping(Flight& flight) {
  auto events = std::exchange(own_events_, {});
  if (events.empty() && revokes_.empty() && commands_.empty() && observations_.empty())
    events.emplace_back().mutable_control()->mutable_time_advanced();
  for (auto& event : events) add_event(std::move(event), flight);
}

void PartitionTask::take_commands(Flight& flight) {
  while (!revokes_.empty() && take_command(revokes_, flight)) {
  }
  while (!commands_.empty() && take_command(commands_, flight)) {
  }
}

// False when the frame has no room for the next one, which then stays.
bool PartitionTask::take_command(std::deque<Command>& lane, Flight& flight) {
  if (builder_.bytes() + kRoomForEvents > journal::kMaxFrameBytes) return false;
  Command command = std::move(lane.front());
  lane.pop_front();
  crash_point(CrashPoint::turn_taken);
  decide(command, flight);
  return !state_.broken();
}

void PartitionTask::decide(Command& command, Flight& flight) {
  ++counters_.commands;
  const auto refused = [&](Error error) {
    flight.answers.push_back([this, command = std::move(command), error = std::move(error)]() mutable {
      refuse(command, std::move(error));
    });
  };
  if (command.deadline_us != 0 && setup_.clock->boottime_us() > command.deadline_us)
    return refused({Errc::unavailable, "task.too_late", "the request waited too long"});
  if (command.lane != Lane::revoke) {
    if (!time_.doubt().empty()) return refused({Errc::unavailable, "task.clock", time_.doubt()});
    if (setup_.journal->space() != journal::Space::normal) return refused(full());
    if (memory_is_full())
      return refused({Errc::unavailable, "task.memory_full", "too many rows wait for a checkpoint"});
  }
  if (auto again = repeated_answer(command)) {
    flight.answers.push_back(
        [done = std::move(command.done), again = std::move(*again)] { done(again); });
    return;
  }
  auto decided = command.decide(ahead_, {frame_ms_, {setup_.partition, next_seq_}});
  if (!decided) return refused(decided.error());
  if (command.repeatable) decided->events.push_back(kept_result(*command.repeatable, decided->answer));
  size_t bytes = 0;
  for (const auto& event : decided->events) bytes += event.ByteSizeLong() + 16;
  if (bytes > kRoomForEvents)
    return refused({Errc::unprocessable, "task.command_too_large", "its facts do not fit one frame"});
  const uint64_t seq = decided->events.empty() ? next_seq_ - 1 : next_seq_;
  for (auto& event : decided->events) add_event(std::move(event), flight);
  Answer answer;
  answer.body = std::move(decided->answer);
  answer.position = {setup_.partition, seq};
  flight.answers.push_back(
      [done = std::move(command.done), answer = std::move(answer)] { done(answer); });
}

std::optional<Answer> PartitionTask::repeated_answer(const Command& command) {
  if (!command.repeatable) return std::nullopt;
  const auto* kept = ahead_.find<v1::ResultState>(command.repeatable->key);
  if (kept == nullptr || kept->forget_at_ms() <= frame_ms_) return std::nullopt;
  Answer answer;
  answer.repeated = true;
  answer.position = {setup_.partition, kept->seq()};
  if (kept->body_hmac() == command.repeatable->body_hmac)
    answer.body = kept->sealed();
  else
    answer.body = Error{Errc::unprocessable, "idempotency.other_body",
                        "this Idempotency-Key was used with another request"};
  return answer;
}

v1::Event PartitionTask::kept_result(const Repeatable& repeatable, const std::string& answer) const {
  v1::Event event;
  auto& kept = *event.mutable_control()->mutable_result_kept();
  kept.set_key(std::string(repeatable.key.view()));
  kept.set_body_hmac(repeatable.body_hmac);
  kept.set_sealed(answer);
  kept.set_forget_at_ms(frame_ms_ + kResultKeptMs);
  return event;
}

void PartitionTask::take_observations(Flight& flight, int64_t started_us) {
  const bool busy = started_us - last_command_us_ < limits_.quiet_after_us;
  const size_t room = busy ? limits_.busy_frame_bytes : limits_.quiet_frame_bytes;
  Judgement judged;
  if (has_observations()) {
    next_observations_us_ = started_us + limits_.pace_us;
    crash_point(CrashPoint::turn_taken);
  }
  for (uint32_t taken = 0; has_observations(); ++taken) {
    Pending& pending = *observations_.front();
    if (pending.next == pending.batch.ends.size()) {
      pending.receipt.position = {setup_.partition, builder_.entries() > 0 ? next_seq_ : next_seq_ - 1};
      observation_bytes_ -= pending.batch.bytes.size();
      if (pending.batch.done)
        flight.answers.push_back([kept = observations_.front()] { kept->batch.done(kept->receipt); });
      observations_.pop_front();
      continue;
    }
    const uint32_t from = pending.next == 0 ? 0 : pending.batch.ends[pending.next - 1];
    const std::string_view bytes =
        std::string_view(pending.batch.bytes).substr(from, pending.batch.ends[pending.next] - from);
    if (bytes.size() > kObservationBytesMax) {
      pending.receipt.rejected.emplace_back(pending.next++, "observation.too_large");
      continue;
    }
    if (taken % kLookAhead == 0) look_ahead(pending);
    if (builder_.bytes() + bytes.size() > room) break;
    if (busy && taken % 16 == 15 &&
        setup_.clock->boottime_us() - started_us > limits_.busy_turn_us)
      break;
    std::string_view subject;
    for (const auto& [index, sealed] : pending.batch.subjects)
      if (index == pending.next) subject = sealed;
    judge_.take(bytes, subject, {frame_ms_, {setup_.partition, next_seq_}}, builder_.entries(),
                judged);
    if (judged.taken == Taken::accepted) {
      builder_.add_judged(bytes, judged.conclusion,
                          {reinterpret_cast<const char*>(judged.signals), judged.signal_count});
      flight.principals.push_back(principal_key(judged.principal.view()));
      for (auto& event : judged.events) add_event(std::move(event), flight);
      ++pending.receipt.accepted;
      if (judged.new_network) ++counters_.new_networks[judged.kind % v1::IdentityKind_ARRAYSIZE];
    } else if (judged.taken == Taken::duplicate) {
      ++pending.receipt.duplicates;
      ++counters_.duplicates;
    } else {
      pending.receipt.rejected.emplace_back(pending.next, "observation.unreadable");
    }
    ++pending.next;
    if (state_.broken()) return;
  }
}

void PartitionTask::look_ahead(const Pending& pending) {
  const auto& ends = pending.batch.ends;
  for (size_t i = pending.next; i < std::min<size_t>(pending.next + kLookAhead, ends.size()); ++i) {
    const uint32_t from = i == 0 ? 0 : ends[i - 1];
    judge_.prefetch(std::string_view(pending.batch.bytes).substr(from, ends[i] - from));
  }
}

void PartitionTask::add_event(v1::Event event, Flight& flight) {
  event.mutable_envelope()->set_at_ms(frame_ms_);
  builder_.add(event);
  fold::fold_event(ahead_, event, next_seq_);
  fold::fold_in_place(state_, event);
  const auto& envelope = event.envelope();
  if (!envelope.subject().empty()) flight.principals.push_back(principal_key(envelope.subject()));
  counters_.alerts += event.alert().has_raised() || event.alert().has_joined();
  flight.events.push_back(std::move(event));
}

void PartitionTask::launch(Flight flight) {
  ++counters_.frames;
  counters_.events += flight.events.size();
  counters_.bytes += builder_.bytes();
  counters_.observations += builder_.entries() - flight.events.size();
  const uint64_t seq = next_seq_++;
  auto bytes = builder_.finish(setup_.partition, epoch_, seq, flight.time_ms);
  flights_.push_back(std::move(flight));
  setup_.journal->append(
      std::move(bytes), [this, seq, loop = setup_.loop, alive = alive_](Result<uint64_t> appended) {
        loop->post([this, seq, alive, appended = std::move(appended)] {
          if (*alive) on_appended(seq, appended);
        });
      });
}

void PartitionTask::on_appended(uint64_t seq, const Result<uint64_t>& appended) {
  if (!started_) return;
  if (!appended) return halt(appended.error());
  WATCHWORD_CHECK(!flights_.empty() && flights_.front().seq == seq);
  Flight flight = std::move(flights_.front());
  flights_.pop_front();
  apply(flight);
  crash_point(CrashPoint::frame_applied);
  if (state_.broken()) return halt({Errc::corrupt, "task.rows", state_.failure()});
  if (setup_.published) setup_.published(seq, std::move(flight.principals));
  for (auto& answer : flight.answers) answer();
  crash_point(CrashPoint::frame_answered);
  for (size_t i = waiting_reads_.size(); i > 0; --i) {
    auto waiting = std::move(waiting_reads_.front());
    waiting_reads_.pop_front();
    if (waiting.first <= seq)
      waiting.second();
    else
      waiting_reads_.push_back(std::move(waiting));
  }
  state_.evict_some(4'096);
  counters_.rows_bytes = state_.footprint().hot;
  pump();
}

void PartitionTask::apply(Flight& flight) {
  fold::sweep(state_, flight.time_ms);
  for (const auto& event : flight.events) fold::fold_event(state_, event, flight.seq);
  state_.advance(flight.seq, flight.time_ms);
  durable_ms_ = flight.time_ms;
  ahead_.settle(flight.seq);
}

void PartitionTask::halt(Error error) {
  started_ = false;
  not_serving_ = error.detail.empty() ? std::string(error.reason) : error.detail;
  const Error told{Errc::unavailable, "task.halted", "this partition is being recovered"};
  // What was in flight has no known outcome: nobody is answered as if it had one.
  refuse_commands(told);
  refuse_observations(told);
  if (setup_.halted) setup_.halted(std::move(error));
  if (stopped_) std::exchange(stopped_, nullptr)();
}

}  // namespace watchword::runtime
