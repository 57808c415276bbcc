// A whole node on one machine: opens a data folder, recovers every partition, runs the tasks on their cores.
//
// Folder: lock · control/ and p<n>/ with journal/ rows/ index/ each · keys/. Only one process at a time holds it.
#pragma once
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "processors/runtime/asio_loop.h"
#include "processors/runtime/task.h"
#include "processors/runtime/worker_pool.h"
#include "stores/journal/journal.h"
#include "stores/journal/segment.h"
#include "stores/keys/key_file.h"
#include "stores/keys/key_ring.h"
#include "stores/keys/vault.h"
#include "stores/rows/database.h"
#include "stores/views/principal_index.h"

namespace watchword::runtime {

// What a simulation puts in the place of the machine. Empty: threads, timers and segment files of the machine itself.
struct Machine {
  std::function<Result<std::unique_ptr<journal::Journal>>(journal::SegmentOptions)> open_journal;
  std::function<std::unique_ptr<Loop>(boost::asio::io_context&)> make_loop;
  std::function<std::unique_ptr<Workers>()> make_workers;
  rocksdb::Env* rows_env = nullptr;  // see rows::Shared
  // Set: the engine has no threads; its cores run by poll_one alone. Runs something that waits, anywhere: for calls that block.
  std::function<void()> turn;
};

struct EngineOptions {
  std::string directory;
  uint32_t partitions = 0;   // at init only; a power of two up to `regions`. 0: 2
  uint32_t regions = 4;
  uint32_t cores = 0;        // loops; 0: as many as there are processors, at most one a partition
  bool create = false;       // make what is missing
  bool accept_clock = false; // the operator vouches for the clock after a long absence
  size_t memory_bytes = size_t{2} << 30;  // rows in memory, all partitions together
  uint64_t segment_bytes = uint64_t{64} << 20;
  uint64_t reserve_bytes = uint64_t{8} << 20;  // of each partition, for revoking on a full disk
  size_t index_mentions = size_t{1} << 22;  // kept in memory, of each partition, before they go to a file
  JudgeSettings judging;
  TaskLimits limits;
  std::string node = "embedded";
  std::function<void(std::string)> warn;   // what an operator should read
  std::function<void(std::string)> fatal;  // a failed write or sync: must end the process
  Machine machine;
};

// One partition, or the control partition.
struct Partition {
  uint32_t number = 0;
  uint32_t core = 0;
  std::string directory;
  std::unique_ptr<journal::Journal> journal;
  std::unique_ptr<rows::Database> database;
  std::unique_ptr<fold::State> state;
  std::unique_ptr<views::PrincipalIndex> index;
  std::unique_ptr<PartitionTask> task;
  std::atomic<uint64_t> durable_seq{0};  // applied; for readers of the journal on other threads
};

// A core's queue. What waits on one core may hold what belongs to another: at the end all of it goes before any queue does.
class Core : public boost::asio::io_context {
 public:
  using io_context::io_context;
  void drop_work() { shutdown(); }
};

class Engine {
 public:
  // Opens, recovers and claims; serves nothing yet. Errors say what to do.
  static Result<std::unique_ptr<Engine>> open(EngineOptions options, const Clock& clock,
                                              Entropy& entropy);
  ~Engine();

  // Starts the cores' threads and the tasks.
  void start();
  // Drains, checkpoints and joins. Blocking; not from a core's thread.
  void stop();
  // The first half of it: `stopped` is called on a core's thread when all partitions have written their last checkpoint.
  void drain(std::function<void()> stopped);
  // Runs one thing that waits for a core, on this thread. False: nothing waits. Without threads of its own only.
  bool poll_one(uint32_t core);
  // Blocks until a core has answered. Not from a core's thread.
  template <class T>
  T wait_for(std::future<T> answer) {
    using namespace std::chrono_literals;
    while (options_.machine.turn && answer.wait_for(0s) != std::future_status::ready) options_.machine.turn();
    return answer.get();
  }

  uint32_t partitions() const { return static_cast<uint32_t>(partitions_.size()); }
  uint32_t regions() const { return control_row_.regions(); }
  uint32_t partition_of(Slot slot) const { return slot & (partitions() - 1); }
  Partition& partition(uint32_t number) { return *partitions_[number]; }
  Partition& owner(const Id& id) { return *partitions_[partition_of(id.slot())]; }
  Partition& control() { return *control_; }
  uint32_t cores() const { return static_cast<uint32_t>(contexts_.size()); }
  boost::asio::io_context& context(uint32_t core) { return *contexts_[core]; }
  boost::asio::io_context& context_of(const Partition& partition) { return *contexts_[partition.core]; }
  // Of the calling thread; cores() on a thread that is no core's.
  uint32_t this_core() const;
  Loop& loop(uint32_t core) { return *loops_[core]; }
  Workers& workers() { return *workers_; }
  const Clock& clock() const { return clock_; }
  Entropy& entropy() { return entropy_; }
  const keys::KeyFile& key_file() const { return *key_file_; }
  keys::Vault& vault() { return *vault_; }
  keys::KeyRing& key_ring() { return *key_ring_; }
  const std::string& cluster_id() const { return control_row_.cluster_id(); }
  bool was_created() const { return created_; }
  const EngineOptions& options() const { return options_; }

  // Called on a core's thread after each durable frame. Set before start.
  void on_published(std::function<void(uint32_t partition, uint64_t seq)> listener) {
    published_ = std::move(listener);
  }

 private:
  Engine(EngineOptions options, const Clock& clock, Entropy& entropy);
  Result<> lock();
  Result<> open_keys();
  Result<> open_control();
  Result<> initialise(Partition& control);
  Result<std::unique_ptr<Partition>> open_partition(uint32_t number, const std::string& name,
                                                    size_t memory_bytes);
  Result<> recover(Partition& partition, size_t memory_bytes);
  Result<> recover_rows(Partition& partition, size_t memory_bytes);
  Result<> fold_tail(Partition& partition);
  Result<> claim(Partition& partition);
  void make_task(Partition& partition);
  void published(Partition& partition, uint64_t seq, std::vector<uint64_t> principals);
  void halted(Partition& partition, const Error& error);
  void rebuild(Partition& partition);

  EngineOptions options_;
  const Clock& clock_;
  Entropy& entropy_;
  int lock_file_ = -1;
  bool created_ = false, stopping_ = false;
  std::unique_ptr<rows::Shared> shared_;
  std::unique_ptr<keys::KeyFile> key_file_;
  std::unique_ptr<keys::Vault> vault_;
  std::unique_ptr<keys::KeyRing> key_ring_;
  v1::ControlState control_row_;
  std::unique_ptr<Partition> control_;
  std::vector<std::unique_ptr<Partition>> partitions_;
  std::vector<std::unique_ptr<Core>> contexts_;
  std::vector<std::unique_ptr<Loop>> loops_;
  std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guards_;
  std::vector<std::thread> threads_;
  std::unique_ptr<Workers> workers_;
  std::function<void(uint32_t, uint64_t)> published_;
};

}  // namespace watchword::runtime
