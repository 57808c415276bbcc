#include "tests/simulation/standing.h"

#include <openssl/sha.h>

#include "processors/fold/fold.h"
#include "stores/journal/frame.h"
#include "tests/simulation/facts.h"
#include "tests/simulation/violation.h"

namespace watchword::simulation {
namespace {

constexpr size_t kCommandsWaiting = 10'000;
constexpr size_t kObservationBytes = 64u << 20;

std::string at(uint32_t partition, uint64_t seq) {
  return "partition " + std::to_string(static_cast<int32_t>(partition)) + " frame " + std::to_string(seq);
}

// SHA-256(previous || bytes), by hand: not the code that made it.
journal::Hash next_hash(const journal::Hash& previous, std::string_view bytes) {
  std::string both(reinterpret_cast<const char*>(previous.data()), previous.size());
  both.append(bytes);
  journal::Hash hash;
  SHA256(reinterpret_cast<const unsigned char*>(both.data()), both.size(), hash.data());
  return hash;
}

std::map<std::string, std::string> fold_of(const journal::Journal& journal, uint32_t number, uint64_t to_seq) {
  fold::State state(number, nullptr, 0);
  if (!state.open()) throw Violation("rows_are_the_fold", "an empty state does not open");
  const auto folded = journal.read(1, [&](const journal::Stored& stored) -> Result<> {
    return stored.seq > to_seq ? Result<>() : fold::fold_frame(state, stored);
  });
  if (!folded) throw Violation("rows_are_the_fold", "the journal does not fold: " + folded.error().detail);
  rows::Batch batch;
  state.freeze(batch);
  while (state.encode_some(1'000) > 0) {
  }
  std::map<std::string, std::string> rows;
  for (const auto& record : batch.sorted())
    if (!record.removed) rows.emplace(record.key, record.value);
  return rows;
}

}  // namespace

std::vector<runtime::Partition*> Standing::partitions() const {
  std::vector<runtime::Partition*> all{&world_.engine().control()};
  for (uint32_t number = 0; number < world_.engine().partitions(); ++number)
    all.push_back(&world_.engine().partition(number));
  return all;
}

void Standing::after_step() {
  for (auto* partition : partitions()) {
    if (!partition->task || !partition->state) continue;  // being rebuilt
    keeps_positions(*partition, kept_[partition->number]);
    stays_below_bounds(*partition);
  }
}

// Invariant 3: what is applied has no gap and never goes back, and is durable.
void Standing::keeps_positions(runtime::Partition& partition, Kept& kept) {
  ++checks_;
  const uint64_t applied = partition.task->position().seq;
  if (applied < kept.applied)
    throw Violation("contiguous", at(partition.number, applied) + " is applied after " + std::to_string(kept.applied));
  if (applied > partition.journal->tail().seq)
    throw Violation("durable_first", at(partition.number, applied) + " is applied but not in the journal");
  for (uint64_t seq = kept.frames.size() + 1; seq <= applied; ++seq) {
    const auto bytes = partition.journal->frame(seq);
    if (!bytes) throw Violation("contiguous", at(partition.number, seq) + " is missing: " + bytes.error().detail);
    kept.frames.push_back(next_hash(kept.frames.empty() ? journal::Hash{} : kept.frames.back(), *bytes));
  }
  kept.applied = applied;
}

// Invariant 17.
void Standing::stays_below_bounds(const runtime::Partition& partition) const {
  if (partition.task->waiting_commands() > kCommandsWaiting)
    throw Violation("bounded", "more commands wait than the mailbox holds");
  if (partition.task->waiting_observation_bytes() > kObservationBytes)
    throw Violation("bounded", "more observations wait than the mailbox holds");
}

void Standing::after_restart() {
  for (auto* partition : partitions()) {
    Kept& kept = kept_[partition->number];
    no_lost_answer(*partition, kept);
    chain_verifies(*partition->journal);
    rows_are_the_fold(*partition);
    kept.applied = 0;
  }
}

// Invariant 1: whatever was durable once stands where it stood, with the same bytes.
void Standing::no_lost_answer(runtime::Partition& partition, Kept& kept) {
  ++checks_;
  journal::Hash hash{};
  uint64_t seen = 0;
  const auto read = partition.journal->read(1, [&](const journal::Stored& stored) -> Result<> {
    if (stored.seq != ++seen)
      throw Violation("contiguous", at(partition.number, stored.seq) + " follows " + std::to_string(seen - 1));
    hash = next_hash(hash, stored.bytes);
    if (seen <= kept.frames.size() && hash != kept.frames[seen - 1])
      throw Violation("no_lost_answer", at(partition.number, seen) + " is another one than before the crash");
    one_home_per_principal(stored, partition.number);
    return {};
  });
  if (!read) throw Violation("no_lost_answer", "the journal is refused: " + read.error().detail);
  if (seen < kept.frames.size())
    throw Violation("no_lost_answer", at(partition.number, kept.frames.size()) + " was durable and is gone; the journal ends at " + std::to_string(seen));
}

// Invariant 4: a principal's facts stand in one partition alone, so they have one order.
void Standing::one_home_per_principal(const journal::Stored& stored, uint32_t number) const {
  if (number == ~0u) return;
  const auto principals = views::principals_of(stored.bytes);
  if (!principals) throw Violation("one_order", "a frame's principals cannot be read");
  v1::Frame frame;
  if (!frame.ParseFromArray(stored.bytes.data(), static_cast<int>(stored.bytes.size()))) return;
  if (frame.partition() != number) throw Violation("one_order", at(number, stored.seq) + " names another partition");
}

// Invariant 11, with a hash made here.
void Standing::chain_verifies(const Journal& journal) {
  ++checks_;
  journal::Hash hash{};
  const auto read = journal.read(1, [&](const journal::Stored& stored) -> Result<> {
    hash = next_hash(hash, stored.bytes);
    if (hash != stored.hash) throw Violation("chain_verifies", "frame " + std::to_string(stored.seq) + " has another hash");
    return {};
  });
  if (!read) throw Violation("chain_verifies", read.error().detail);
}

// Invariants 2, 10 and 12: what a checkpoint wrote is what folding the journal from its beginning gives.
void Standing::rows_are_the_fold(runtime::Partition& partition) {
  ++checks_;
  const auto stamp = partition.database->stamp();
  if (!stamp) throw Violation("rows_are_the_fold", stamp.error().detail);
  if (stamp->seq == 0) return;
  auto expected = fold_of(*partition.journal, partition.number, stamp->seq);
  const auto scanned = partition.database->scan({}, {}, [&](std::string_view key, std::string_view value) {
    if (key.starts_with('\0')) return true;
    const auto found = expected.find(std::string(key));
    const std::string where = " of table " + std::to_string(key[0]) + " at " + at(partition.number, stamp->seq);
    if (found == expected.end()) throw Violation("rows_are_the_fold", "a row" + where + " is stored that no fold gives");
    if (found->second != value) throw Violation("rows_are_the_fold", "a row" + where + " is stored otherwise than folded");
    expected.erase(found);
    return true;
  });
  if (!scanned && scanned.error().code != Errc::corrupt) throw Violation("rows_are_the_fold", scanned.error().detail);
  if (scanned && !expected.empty())
    throw Violation("rows_are_the_fold", std::to_string(expected.size()) + " rows are missing, the first of table " +
                                             std::to_string(expected.begin()->first[0]) + " at " + at(partition.number, stamp->seq));
}

// Invariants 14 and 18: if the power went now, the frame would be there; and it is of this owner's term.
void Standing::acknowledged(const Position& position) {
  if (position.partition >= world_.engine().partitions() || position.seq == 0) return;
  auto& partition = world_.engine().partition(position.partition);
  ++checks_;
  if (position.seq > partition.task->position().seq)
    throw Violation("durable_first", at(position.partition, position.seq) + " is acknowledged before it is applied");
  const auto bytes = partition.journal->frame(position.seq);
  if (!bytes) throw Violation("durable_first", at(position.partition, position.seq) + " is acknowledged and not there");
  const auto view = journal::FrameView::open(*bytes);
  if (!view || world_.is_foreign(position.partition, view->header().epoch))
    throw Violation("one_owner", at(position.partition, position.seq) + " is another owner's");
  if (!world_.chance().one_in(20)) return;
  if (world_.durable_now(position.partition) < position.seq)
    throw Violation("durable_first", at(position.partition, position.seq) + " is acknowledged and would not survive a power loss");
}

void Standing::count_facts(const Journal& journal) {
  Tally& tally = world_.tally();
  (void)journal.read(1, [&](const journal::Stored& stored) -> Result<> {
    ++tally.frames;
    v1::Frame frame;
    if (!frame.ParseFromArray(stored.bytes.data(), static_cast<int>(stored.bytes.size()))) return {};
    for (const auto& entry : frame.entries())
      ++tally.facts[entry.has_event() ? number_of_fact(entry.event()) : kJudged];
    return {};
  });
}

void Standing::at_rest() {
  world_.tally().checks += checks_;
  for (auto* partition : partitions()) {
    no_lost_answer(*partition, kept_[partition->number]);
    chain_verifies(*partition->journal);
    rows_are_the_fold(*partition);
    count_facts(*partition->journal);
    const auto tail = partition->journal->tail();  // of another owner it hears with its next frame
    if (partition->task && partition->task->position().seq != tail.seq && !world_.is_foreign(partition->number, tail.epoch))
      throw Violation("liveness", "the lag of partition " + std::to_string(partition->number) + " does not return to zero");
  }
}

}  // namespace watchword::simulation
