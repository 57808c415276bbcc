#include "processors/runtime/engine.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <bit>
#include <cstring>
#include <filesystem>

#include "events/base/crash_point.h"
#include "processors/fold/fold.h"
#include "stores/journal/frame.h"
#include "stores/keys/file.h"

namespace watchword::runtime {
namespace {

thread_local uint32_t core_of_thread = ~0u;

constexpr uint32_t kDefaultPartitions = 2;
constexpr size_t kBlockCacheBytes = 64u << 20, kWriteBufferBytes = 512u << 20;

Result<> make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Error{Errc::io, "engine.directory", path + ": " + error.message()};
  return {};
}

// Appends one frame outside of any task, and waits until it is durable.
Result<> append_and_wait(journal::Journal& journal, uint32_t partition,
                         const std::vector<v1::Event>& events, Engine& engine) {
  journal::FrameBuilder builder;
  for (const auto& event : events) builder.add(event);
  const auto tail = journal.tail();
  auto settled = std::make_shared<std::promise<Result<uint64_t>>>();
  journal.append(builder.finish(partition, tail.epoch, tail.seq + 1, tail.time_ms),
                 [settled](Result<uint64_t> appended) { settled->set_value(std::move(appended)); });
  const auto appended = engine.wait_for(settled->get_future());
  if (!appended) return appended.error();
  return {};
}

void pin_to_core(std::thread& thread, uint32_t core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core % std::max(1u, std::thread::hardware_concurrency()), &set);
  pthread_setaffinity_np(thread.native_handle(), sizeof set, &set);
}

}  // namespace

Engine::Engine(EngineOptions options, const Clock& clock, Entropy& entropy)
    : options_(std::move(options)),
      clock_(clock),
      entropy_(entropy),
      shared_(std::make_unique<rows::Shared>(kBlockCacheBytes, kWriteBufferBytes,
                                             options_.machine.rows_env)) {
  Machine& machine = options_.machine;
  if (!machine.open_journal) machine.open_journal = journal::open_segments;
  if (!machine.make_loop)
    machine.make_loop = [](boost::asio::io_context& core) { return std::make_unique<AsioLoop>(core); };
  if (!machine.make_workers)
    machine.make_workers = [] { return std::make_unique<WorkerPool>(2, 1'024); };
  workers_ = machine.make_workers();
}

Engine::~Engine() {
  stop();
  workers_.reset();  // the last jobs post to loops that still stand
  partitions_.clear();
  control_.reset();
  for (int round = 0; round < 2; ++round)  // what the first drops may itself queue something
    for (auto& context : contexts_) context->drop_work();
  if (lock_file_ >= 0) ::close(lock_file_);
}

Result<std::unique_ptr<Engine>> Engine::open(EngineOptions options, const Clock& clock,
                                             Entropy& entropy) {
  std::unique_ptr<Engine> engine(new Engine(std::move(options), clock, entropy));
  for (auto step : {&Engine::lock, &Engine::open_keys, &Engine::open_control}) {
    auto done = (engine.get()->*step)();
    if (!done) return done.error();
  }
  const uint32_t count = engine->control_row_.partitions();
  const uint32_t processors = std::max(1u, std::thread::hardware_concurrency());
  const uint32_t cores =
      std::min(count, engine->options_.cores != 0 ? engine->options_.cores : processors);
  for (uint32_t core = 0; core < cores; ++core) {
    engine->contexts_.push_back(std::make_unique<Core>(1));
    engine->loops_.push_back(engine->options_.machine.make_loop(*engine->contexts_.back()));
    engine->guards_.emplace_back(engine->contexts_.back()->get_executor());
  }
  for (uint32_t number = 0; number < count; ++number) {
    auto partition = engine->open_partition(number, "p" + std::to_string(number),
                                            engine->options_.memory_bytes / count);
    if (!partition) return partition.error();
    (*partition)->core = number % cores;
    engine->partitions_.push_back(std::move(*partition));
  }
  return engine;
}

Result<> Engine::lock() {
  if (!options_.create && !std::filesystem::exists(options_.directory))
    return Error{Errc::not_found, "engine.no_directory",
                 options_.directory + " does not exist: run 'watchword init --data " +
                     options_.directory + "' first"};
  if (auto made = make_directory(options_.directory); !made) return made;
  if (auto good = keys::check_private_folder(options_.directory); !good) return good;
  const std::string path = options_.directory + "/lock";
  lock_file_ = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (lock_file_ < 0) return Error{Errc::io, "engine.lock", path + ": " + std::strerror(errno)};
  if (flock(lock_file_, LOCK_EX | LOCK_NB) != 0)
    return Error{Errc::conflict, "engine.locked",
                 "another process is using " + options_.directory +
                     ": stop it, or choose another folder with --data"};
  return {};
}

Result<> Engine::open_keys() {
  const std::string directory = options_.directory + "/keys";
  if (auto made = make_directory(directory); !made) return made;
  if (auto good = keys::check_private_folder(directory); !good) return good;
  keys::remove_unfinished(directory);
  auto file = keys::KeyFile::open(directory + "/master.key", entropy_);
  if (!file) return file.error();
  key_file_ = std::make_unique<keys::KeyFile>(std::move(*file));
  auto vault = keys::Vault::open(directory + "/vault", key_file_->wrap_key(), entropy_);
  if (!vault) return vault.error();
  vault_ = std::move(*vault);
  auto ring = keys::KeyRing::open(directory + "/signing.ring", key_file_->ring_key(), entropy_);
  if (!ring) return ring.error();
  key_ring_ = std::move(*ring);
  return {};
}

Result<> Engine::open_control() {
  auto control = open_partition(~0u, "control", 0);
  if (!control) return control.error();
  control_ = std::move(*control);
  const auto* row = control_->state->find<v1::ControlState>(Id{});
  if (row == nullptr) {
    if (!options_.create)
      return Error{Errc::not_found, "engine.not_initialised",
                   options_.directory + " is empty: run 'watchword init --data " +
                       options_.directory + "' first"};
    if (auto made = initialise(*control_); !made) return made;
    row = control_->state->find<v1::ControlState>(Id{});
  }
  control_row_ = *row;
  const uint32_t asked = options_.partitions;
  if (!created_ && asked != 0 && asked != control_row_.partitions())
    return Error{Errc::conflict, "engine.partitions",
                 "this folder has " + std::to_string(control_row_.partitions()) +
                     " partitions for good; another number needs a new folder"};
  return {};
}

Result<> Engine::initialise(Partition& control) {
  const uint32_t count = options_.partitions != 0 ? options_.partitions : kDefaultPartitions;
  if (!std::has_single_bit(count) || count > options_.regions || options_.regions > 64 ||
      !std::has_single_bit(options_.regions))
    return Error{Errc::invalid, "engine.partitions",
                 "partitions must be a power of two, at most the number of regions (" +
                     std::to_string(options_.regions) + "; a power of two, at most 64)"};
  std::vector<v1::Event> events(2);
  auto& first = *events[0].mutable_control()->mutable_initialised();
  first.set_cluster_id(mint_id(clock_.wall_ms(), 0, entropy_).text());
  first.set_partitions(count);
  first.set_regions(options_.regions);
  events[1].mutable_control()->mutable_fold_version()->set_version(fold::kFoldVersion);
  const auto now_ms = clock_.wall_ms();
  for (auto& event : events) event.mutable_envelope()->set_at_ms(now_ms);
  auto appended = append_and_wait(*control.journal, control.number, events, *this);
  if (!appended) return appended;
  crash_point(CrashPoint::control_initialised);
  created_ = true;
  return fold_tail(control);
}

Result<std::unique_ptr<Partition>> Engine::open_partition(uint32_t number, const std::string& name,
                                                          size_t memory_bytes) {
  auto partition = std::make_unique<Partition>();
  partition->number = number;
  partition->directory = options_.directory + "/" + name;
  if (auto made = make_directory(partition->directory + "/journal"); !made) return made.error();
  journal::SegmentOptions segments;
  segments.directory = partition->directory + "/journal";
  segments.partition = number;
  segments.segment_bytes = number == ~0u ? uint64_t{4} << 20 : options_.segment_bytes;
  segments.reserve_bytes = options_.reserve_bytes;
  segments.on_fatal = [fatal = options_.fatal](const Error& error) {
    if (fatal) fatal(error.detail);
  };
  segments.note = [warn = options_.warn](std::string_view line) {
    if (warn) warn(std::string(line));
  };
  auto journal = options_.machine.open_journal(std::move(segments));
  if (!journal) return journal.error();
  partition->journal = std::move(*journal);
  if (auto ready = recover(*partition, memory_bytes); !ready) return ready.error();
  crash_point(CrashPoint::row_recovered);
  if (auto claimed = claim(*partition); !claimed) return claimed.error();
  return partition;
}

// A database that is unreadable, of another fold, or ahead of the journal's history is set aside: the journal makes it again.
Result<> Engine::recover(Partition& partition, size_t memory_bytes) {
  auto index = views::PrincipalIndex::open(partition.directory + "/index", options_.index_mentions);
  if (!index) return index.error();
  partition.index = std::move(*index);
  auto opened = recover_rows(partition, memory_bytes);
  if (opened) return opened;
  if (opened.error().reason == "engine.lost_range" || opened.error().reason.starts_with("journal."))
    return opened;
  if (opened.error().code != Errc::corrupt) return opened;
  partition.state.reset();
  partition.database.reset();
  const std::string rows = partition.directory + "/rows";
  const std::string aside = rows + ".quarantine-" + std::to_string(clock_.wall_ms());
  std::error_code error;
  std::filesystem::rename(rows, aside, error);
  if (error) return Error{Errc::io, "engine.quarantine", rows + ": " + error.message()};
  if (options_.warn)
    options_.warn(rows + " is damaged (" + opened.error().detail + "): set aside as " + aside +
                  ", rebuilding from the journal");
  return recover_rows(partition, memory_bytes);
}

Result<> Engine::recover_rows(Partition& partition, size_t memory_bytes) {
  auto database = rows::Database::open(partition.directory + "/rows", *shared_);
  if (!database) return database.error();
  partition.database = std::move(*database);
  const auto stamp = partition.database->stamp();
  if (!stamp) return stamp.error();
  if (stamp->seq != 0 && stamp->fold_version != fold::kFoldVersion)
    return Error{Errc::corrupt, "engine.fold_version", "it was made by another version's fold"};
  if (stamp->seq > partition.journal->tail().seq)
    return Error{Errc::corrupt, "engine.lost_range",
                 partition.directory + ": the checkpoint stands at " + std::to_string(stamp->seq) +
                     ", but the journal ends at " + std::to_string(partition.journal->tail().seq) +
                     ": acknowledged frames are lost; restore the journal from a backup"};
  partition.state =
      std::make_unique<fold::State>(partition.number, partition.database.get(), memory_bytes);
  if (auto opened = partition.state->open(); !opened) return opened;
  return fold_tail(partition);
}

Result<> Engine::fold_tail(Partition& partition) {
  const auto stamp = partition.database->stamp();
  if (!stamp) return stamp.error();
  const uint64_t indexed = partition.index->indexed_to();
  const uint64_t from = std::max<uint64_t>(
      1, std::min(partition.state->seq(), stamp->seq == 0 ? 0 : std::min(stamp->seq, indexed + 1)));
  fold::State& state = *partition.state;
  return partition.journal->read(from, [&](const journal::Stored& stored) -> Result<> {
    if (stored.seq == stamp->seq && stored.hash != stamp->frame_hash)
      return Error{Errc::corrupt, "engine.lost_range",
                   partition.directory + ": the checkpoint was made of another frame " +
                       std::to_string(stored.seq) + " than the journal holds"};
    if (stored.seq > indexed) {
      auto principals = views::principals_of(stored.bytes);
      if (!principals) return principals.error();
      partition.index->add(stored.seq, std::move(*principals));
    }
    if (stored.seq <= state.seq()) return {};
    auto folded = fold::fold_frame(state, stored);
    state.evict_some(4'096);
    return folded;
  });
}

Result<> Engine::claim(Partition& partition) {
  const auto tail = partition.journal->tail();
  const auto incarnation = entropy_.draw<16>();
  // A clock that jumped while nothing ran must not date a frame before somebody vouches for it: time never goes back.
  const bool absent = tail.time_ms != 0 && clock_.wall_ms() > tail.time_ms + Timekeeper::kAbsenceMs;
  const int64_t at_ms =
      absent && !options_.accept_clock ? tail.time_ms : std::max(tail.time_ms, clock_.wall_ms());
  auto claimed = partition.journal->claim(options_.node, incarnation, at_ms);
  if (!claimed) return claimed.error();
  partition.state->advance(claimed->seq, claimed->time_ms);
  partition.index->add(claimed->seq, {});
  partition.durable_seq = claimed->seq;
  return {};
}

void Engine::make_task(Partition& partition) {
  TaskSetup setup;
  setup.partition = partition.number;
  setup.journal = partition.journal.get();
  setup.database = partition.database.get();
  setup.state = partition.state.get();
  setup.clock = &clock_;
  setup.loop = loops_[partition.core].get();
  setup.workers = workers_.get();
  setup.judging = options_.judging;
  setup.limits = options_.limits;
  setup.published = [this, &partition](uint64_t seq, std::vector<uint64_t> principals) {
    published(partition, seq, std::move(principals));
  };
  setup.halted = [this, &partition](const Error& error) { halted(partition, error); };
  partition.task = std::make_unique<PartitionTask>(std::move(setup));
}

void Engine::start() {
  std::vector<Partition*> all{control_.get()};
  for (auto& partition : partitions_) all.push_back(partition.get());
  for (Partition* partition : all) {
    make_task(*partition);
    boost::asio::post(*contexts_[partition->core], [this, partition] {
      partition->task->start(partition->journal->tail());
      if (options_.accept_clock) partition->task->time().accept();
    });
  }
  for (uint32_t core = 0; !options_.machine.turn && core < cores(); ++core) {
    threads_.emplace_back([this, core] {
      core_of_thread = core;
      contexts_[core]->run();
    });
    if (cores() > 1) pin_to_core(threads_.back(), core);
  }
}

uint32_t Engine::this_core() const { return std::min(core_of_thread, cores()); }

bool Engine::poll_one(uint32_t core) {
  core_of_thread = core;
  return contexts_[core]->poll_one() != 0;
}

void Engine::drain(std::function<void()> stopped) {
  stopping_ = true;
  auto left = std::make_shared<std::atomic<size_t>>(partitions_.size() + 1);
  const auto stop_one = [&](Partition& partition) {
    boost::asio::post(*contexts_[partition.core], [&partition, left, stopped] {
      partition.task->stop([left, stopped] {
        if (--*left == 0) stopped();
      });
    });
  };
  stop_one(*control_);
  for (auto& partition : partitions_) stop_one(*partition);
}

void Engine::stop() {
  if (threads_.empty() || stopping_) return;
  auto stopped = std::make_shared<std::promise<void>>();
  drain([stopped] { stopped->set_value(); });
  stopped->get_future().get();
  guards_.clear();
  for (auto& context : contexts_) context->stop();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  for (auto& partition : partitions_) partition->task.reset();
  control_->task.reset();
}

void Engine::published(Partition& partition, uint64_t seq, std::vector<uint64_t> principals) {
  partition.durable_seq = seq;
  partition.index->add(seq, std::move(principals));
  if (partition.index->range_is_full())
    workers_->run([&partition] { (void)partition.index->close_full_range(); });
  if (published_ && partition.number != ~0u) published_(partition.number, seq);
}

// Damaged rows are rebuilt beside the running partitions; a failed append ends the process (the page cache can no longer be
// trusted), by the journal's own hook.
void Engine::halted(Partition& partition, const Error& error) {
  if (options_.warn) options_.warn(partition.directory + " stopped: " + std::string(error.reason) + " " + error.detail);
  if (error.code != Errc::corrupt || stopping_) return;
  boost::asio::post(*contexts_[partition.core], [this, &partition] { rebuild(partition); });
}

void Engine::rebuild(Partition& partition) {
  partition.task.reset();
  partition.state.reset();
  partition.database.reset();
  const std::string rows = partition.directory + "/rows";
  std::error_code failed;
  std::filesystem::rename(rows, rows + ".quarantine-" + std::to_string(clock_.wall_ms()), failed);
  auto recovered = recover_rows(partition, options_.memory_bytes / partitions());
  if (recovered) recovered = claim(partition);
  if (!recovered) {
    if (options_.fatal) options_.fatal(recovered.error().detail);
    return;
  }
  make_task(partition);
  partition.task->start(partition.journal->tail());
}

}  // namespace watchword::runtime
