// What must hold of what a node keeps, whatever its clients were told: the journal, the rows, the positions, the bounds. The
// checks of answers are in checkers.h. Each rule throws a Violation of its name.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "stores/journal/journal.h"
#include "tests/simulation/world.h"

namespace watchword::simulation {

class Standing {
 public:
  explicit Standing(World& world) : world_(world) {}

  // After every step: cheap.
  void after_step();
  // At the beginning of a life, before it does any work.
  void after_restart();
  // Of an answer that claims to rest on `position`, at the moment when it is out.
  void acknowledged(const Position& position);
  // When faults have stopped and nothing is under way: everything, in full.
  void at_rest();

  uint64_t checks() const { return checks_; }

 private:
  using Journal = journal::Journal;
  struct Kept {  // of one partition
    std::vector<journal::Hash> frames;  // by seq, from 1 on: what was durable once
    uint64_t applied = 0;               // of this life
  };
  std::vector<runtime::Partition*> partitions() const;
  void keeps_positions(runtime::Partition& partition, Kept& kept);
  void no_lost_answer(runtime::Partition& partition, Kept& kept);
  void chain_verifies(const Journal& journal);
  void rows_are_the_fold(runtime::Partition& partition);
  void one_home_per_principal(const journal::Stored& stored, uint32_t number) const;
  void count_facts(const Journal& journal);
  void stays_below_bounds(const runtime::Partition& partition) const;

  World& world_;
  std::map<uint32_t, Kept> kept_;
  uint64_t checks_ = 0;
};

}  // namespace watchword::simulation
