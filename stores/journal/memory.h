// A journal in memory, for tests and simulations: no disk, and its log can be shared by several
// owners, as a Kafka topic is.
#pragma once
#include <functional>
#include <memory>

#include "stores/journal/journal.h"

namespace watchword::journal {

// What several handles share: the frames that count. Thread-safe.
class MemoryLog;
std::shared_ptr<MemoryLog> make_memory_log(uint32_t partition);

struct MemoryOptions {
  // Runs what an append has left to do, in order: on a thread, from a simulation's queue, or at
  // once. Empty: a thread of the journal's own. Must not call after the journal is gone. claim()
  // does its work at once, on the caller's thread.
  std::function<void(std::function<void()>)> execute;
};

class MemoryJournal : public Journal {
 public:
  // The next append fails with `error`: the frame is lost, and the term is over.
  virtual void fail_next_append(Error error) = 0;
  // As a disk would tell it; under `none` appends are answered with "journal.disk_full".
  virtual void set_space(Space space) = 0;
};

// A handle on a log: one task's. Semantics as of Journal; besides, a frame that is appended after a
// foreign claim does not count, and is answered with conflict, "journal.append.fenced".
std::unique_ptr<MemoryJournal> open_memory(std::shared_ptr<MemoryLog> log,
                                           MemoryOptions options = {});

}  // namespace watchword::journal
