// One simulated machine: the production Engine and API on a simulated clock, entropy, disk and scheduler, in one thread. Which
// of all that waits happens next, and what goes wrong, comes from the seed alone.
//
// The journal is the production segment journal on a disk in memory that can lose power, or a shared log in memory that another
// node can claim. RocksDB and the key files are real, in a folder of their own in memory; of them a crash keeps what was written.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/handlers/api.h"
#include "events/base/crash_point.h"
#include "stores/journal/memory.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/request.h"
#include "tests/simulation/tally.h"
#include "tests/support/fault_disk.h"

namespace watchword::simulation {

std::string_view name_of(Fault fault);

struct WorldSettings {
  uint64_t seed = 1;
  std::string directory;   // made, and removed at the end; on a file system in memory
  bool faults = true;
  bool verbose = false;    // prints every step
};

class World {
 public:
  explicit World(WorldSettings settings);
  ~World();
  World(const World&) = delete;

  // `done` is called once, in a later step, or by a crash (lost).
  void send(Request request, std::function<void(const Reply&)> done);
  // Something that waits happens, or time passes; now and then something goes wrong.
  void step();
  // No more faults; what is broken heals. Then run() until nothing waits.
  void heal();
  bool quiet() const;  // nothing is under way: no request, no frame, no checkpoint
  void crash(Fault how);
  // The journal's writes and syncs do not come to their end while it is stalled.
  void stall_disk(bool stalled) { stalled_ = stalled; }
  // The wall clock is off by this from now on.
  void set_clock(int64_t ahead_ms) { clock_.ahead_ms = ahead_ms, clock_until_us_ = INT64_MAX; }

  // Called when a life begins and before it ends (checks of what stands).
  std::function<void()> on_restart;

  int64_t wall_ms() const { return clock_.wall_ms(); }
  int64_t boot_us() const { return clock_.boot_us; }
  bool clock_is_wrong() const { return clock_.ahead_ms != 0; }
  int64_t true_ms() const { return clock_.wall; }
  bool faults_on() const { return faults_on_; }
  Chance& chance() { return chance_; }
  runtime::Engine& engine() { return *engine_; }
  const std::string& admin_token() const { return admin_token_; }
  std::string admin_identity() const { return admin_identity_; }
  std::string admin_token_id() const { return admin_token_id_; }
  const std::string& directory() const { return settings_.directory; }
  std::vector<std::string> journal_paths() const;
  std::string disk_content(const std::string& path) const { return disk_->content(path); }
  const std::vector<std::string>& warnings() const { return warnings_; }
  Tally& tally() { return tally_; }
  // Whether another node claimed the partition with this epoch.
  bool is_foreign(uint32_t partition, uint64_t epoch) const { return foreign_.contains({partition, epoch}); }
  // The last frame that would be left if the power went now and nothing unsynced arrived.
  uint64_t durable_now(uint32_t partition) const;
  bool journal_is_shared() const { return shared_log_; }

  // Same seed, same hash: over every step taken and every answer given.
  uint64_t trace_hash() const { return trace_; }
  void note(std::string_view what);  // into the trace, and printed when verbose
  const std::vector<std::string>& story() const { return story_; }  // the last steps, for a failure's report

 private:
  struct Exchange;
  void plan();
  void open();
  Result<> try_open();
  Result<> set_up();
  runtime::EngineOptions options();
  Result<std::unique_ptr<journal::Journal>> open_journal(journal::SegmentOptions options);
  bool work();
  void pass_time();
  void something_goes_wrong();
  void take_image(Fault how);
  void go_down();
  void end_life();
  void spoil_while_down();
  void lose_power();
  void tear_sector(const std::string& path, uint64_t sector, const std::string& before, const std::string& after);
  void heal_torn_sector(const Error& refusal);
  void flip_row_bit();
  void check_damaged_journal();
  uint64_t last_durable(uint32_t partition) const;
  void fail_a_write();
  void arm();
  void at_point(CrashPoint point);
  static void hook(CrashPoint point);
  void answer(const std::shared_ptr<Exchange>& exchange);
  void take_over(uint32_t partition);
  void count(Fault fault) { ++tally_.faults[static_cast<size_t>(fault)]; }

  WorldSettings settings_;
  Chance chance_;
  RowsEnv rows_env_;  // outlives every life
  SimulatedClock clock_;
  SimulatedEntropy entropy_;
  Timers timers_;
  Steps steps_;
  Jobs jobs_;
  std::unique_ptr<journal::FaultDisk> disk_, image_;
  std::map<uint32_t, std::shared_ptr<journal::MemoryLog>> logs_;
  std::set<std::pair<uint32_t, uint64_t>> foreign_;
  struct Queue {
    std::deque<std::function<void()>> waiting;
    journal::MemoryJournal* journal = nullptr;
  };
  std::vector<std::unique_ptr<Queue>> queues_;  // of the shared log's handles
  struct Life;
  std::unique_ptr<Life> life_;
  runtime::Engine* engine_ = nullptr;
  std::vector<std::shared_ptr<Exchange>> exchanges_;
  std::string admin_token_, admin_identity_, admin_token_id_;
  std::vector<std::string> warnings_, story_;
  Tally tally_;
  uint64_t trace_ = 0xcbf29ce484222325, numbers_ = 0;
  uint32_t partitions_ = 1, cores_ = 1;
  size_t memory_bytes_ = 0;
  runtime::TaskLimits limits_;
  std::pair<std::string, std::string> untorn_;  // path and content before a sector of it was torn; empty: none was
  bool monitored_ = true;  // without, no response strikes, and the model knows exactly what is right
  bool shared_log_ = false, faults_on_ = true, down_ = false, draining_ = false, spoiled_ = false,
       stalled_ = false;
  std::map<uint32_t, uint64_t> durable_;  // last acknowledged frame of each partition, when it went down
  Fault how_ = Fault::kill;
  int armed_point_ = -1;
  uint32_t passes_left_ = 0;
  int64_t full_until_us_ = 0, slow_disk_until_us_ = 0, slow_workers_until_us_ = 0, busy_until_us_ = 0,
          clock_until_us_ = 0, kill_at_us_ = INT64_MAX;
};

}  // namespace watchword::simulation
