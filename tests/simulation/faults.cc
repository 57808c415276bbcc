// What goes wrong in a simulated world, and what a node finds when it comes back.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/simulation/violation.h"
#include "tests/simulation/world.h"

namespace watchword::simulation {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, static_cast<size_t>(Fault::count_)> kNames{
    "kill",       "power_loss",    "torn_sector", "clean_stop",   "write_error",   "short_write", "interrupted",
    "slow_disk",  "disk_full",     "clock_back",  "clock_forward", "slow_workers",  "busy_workers", "foreign_claim",
    "failed_append", "older_rows", "no_rows",     "damaged_rows", "damaged_journal"};
constexpr size_t kSector = 512;

World* of_hook = nullptr;

// CURRENT and the newest table and MANIFEST: older ones RocksDB drops when a thread of its own comes to it.
std::vector<fs::path> files_in_use(const fs::path& rows) {
  std::vector<fs::path> tables, manifests, used;
  for (const auto& entry : fs::directory_iterator(rows)) {
    const auto name = entry.path().filename().string();
    if (entry.path().extension() == ".sst") tables.push_back(entry.path());
    if (name.starts_with("MANIFEST")) manifests.push_back(entry.path());
    if (name == "CURRENT") used.push_back(entry.path());
  }
  for (auto* kind : {&tables, &manifests})
    if (const auto newest = std::ranges::max_element(*kind); newest != kind->end()) used.push_back(*newest);
  std::erase_if(used, [](const fs::path& path) { return fs::file_size(path) == 0; });
  return used;
}

std::vector<std::pair<fs::path, uintmax_t>> listing(const fs::path& folder) {
  std::vector<std::pair<fs::path, uintmax_t>> found;
  std::error_code gone;
  for (fs::recursive_directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone))
    if (at->is_regular_file(gone)) found.emplace_back(at->path(), at->file_size(gone));
  std::ranges::sort(found);
  return found;
}

// RocksDB drops files on a thread of its own: copied until nothing moved meanwhile.
void copy_folder(const fs::path& from, const fs::path& to) {
  for (std::error_code failed(1, std::generic_category()); failed;) {
    const auto before = listing(from);
    fs::remove_all(to);
    failed.clear();
    fs::copy(from, to, fs::copy_options::recursive, failed);
    if (!failed && before != listing(from)) failed = std::make_error_code(std::errc::interrupted);
  }
}

}  // namespace

std::string_view name_of(Fault fault) { return kNames[static_cast<size_t>(fault)]; }

void World::hook(CrashPoint point) { of_hook->at_point(point); }

// Every other life is to end at one of the named points.
void World::arm() {
  of_hook = this;
  armed_point_ = -1;
  if (!faults_on_ || !chance_.one_in(2)) return;
  armed_point_ = static_cast<int>(chance_.below(kCrashPoints.size()));
  passes_left_ = 1 + static_cast<uint32_t>(chance_.skewed(chance_.of<uint64_t>({1, 5, 80})));
}

void World::at_point(CrashPoint point) {
  if (down_ || !faults_on_ || static_cast<int>(point) != armed_point_ || --passes_left_ != 0) return;
  ++tally_.points[static_cast<size_t>(point)];
  note("crash at " + std::string(kCrashPoints[static_cast<size_t>(point)]));
  take_image(chance_.one_in(3) ? Fault::power_loss : Fault::kill);
}

void World::crash(Fault how) { take_image(how); }

// The instant of a crash: what the disk holds now is what the next life finds. This life's code may run on to the end of
// its step; nobody hears of it.
void World::take_image(Fault how) {
  if (down_) return;
  down_ = true;
  how_ = how;
  kill_at_us_ = INT64_MAX;
  draining_ = false;
  count(how);
  ++tally_.crashes;
  note("down by " + std::string(name_of(how)));
  rows_env_.rest();
  image_ = disk_->clone_unlocked();
  copy_folder(settings_.directory + "/node", settings_.directory + "/image");
  durable_.clear();
  if (engine_ == nullptr) return;
  for (uint32_t number = 0; number < engine_->partitions(); ++number)
    durable_[number] = engine_->partition(number).durable_seq;
}

void World::spoil_while_down() {
  if (how_ == Fault::power_loss) lose_power();
  const std::string rows = settings_.directory + "/node/p0/rows", older = settings_.directory + "/older";
  if (!faults_on_ || !fs::exists(rows)) return;
  if (chance_.one_in(6)) {
    copy_folder(rows, older);
  } else if (chance_.one_in(6) && fs::exists(older)) {
    count(Fault::older_rows);
    note("it comes back with older rows");
    copy_folder(older, rows);
  } else if (chance_.one_in(10)) {
    count(Fault::no_rows);
    note("it comes back without rows");
    fs::remove_all(rows);
  } else if (chance_.one_in(8)) {
    flip_row_bit();
  }
  if (!shared_log_ && how_ != Fault::power_loss && chance_.one_in(4)) check_damaged_journal();
}

void World::flip_row_bit() {
  const auto files = files_in_use(settings_.directory + "/node/p0/rows");
  if (files.empty()) return;
  const auto& path = chance_.of(files);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  // How long a file is by now may depend on RocksDB's threads; what its first bytes are does not.
  const uint64_t most = path.filename().string().starts_with("MANIFEST") ? 64 : 4'096;
  const auto at = static_cast<std::streamoff>(chance_.below(most) % fs::file_size(path));
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ (1 << chance_.below(8))));
  count(Fault::damaged_rows);
  spoiled_ = true;
  note("a bit of " + path.filename().string() + " flips at " + std::to_string(at));
}

// The power fails: of what was not synced any part may have arrived.
void World::lose_power() {
  const auto before = disk_->clone();
  const auto how = chance_.below(4);
  disk_->lose_power([&](const std::string&, uint64_t) { return how == 0 || (how > 1 && chance_.one_in(2)); });
  if (how != 3) return;
  for (const auto& path : disk_->paths()) {
    const auto old = before->paths();
    if (std::ranges::find(old, path) == old.end()) continue;
    const auto dirty = before->dirty(path);
    if (!dirty.empty()) return tear_sector(path, chance_.of(dirty), disk_->content(path), before->content(path));
  }
}

void World::tear_sector(const std::string& path, uint64_t sector, const std::string& before, const std::string& after) {
  const size_t at = sector * kSector;
  if (after.size() < at + kSector || before.size() < at + kSector) return;
  const size_t bytes = chance_.below(kSector);
  count(Fault::torn_sector);
  untorn_ = {path, disk_->content(path)};
  disk_->change(path, [&](std::string& content) {
    content.replace(at, kSector, after.substr(at, bytes) + before.substr(at + bytes, kSector - bytes));
  });
}

// A flipped bit in a copy of the journal: either it is found, or it has no effect.
void World::check_damaged_journal() {
  std::vector<std::string> paths = journal_paths();
  if (paths.empty()) return;
  const std::string path = chance_.of(paths);
  auto damaged = disk_->clone();
  const std::string content = damaged->content(path);
  const size_t used = content.find_last_not_of('\0') + 1;
  if (content.empty() || used == 0) return;
  const size_t at = chance_.below(used);
  damaged->change(path, [&](std::string& bytes) { bytes[at] = static_cast<char>(bytes[at] ^ (1 << chance_.below(8))); });
  count(Fault::damaged_journal);
  note("a bit flips in a copy of " + path + " at " + std::to_string(at));
  const auto folder = path.substr(0, path.rfind('/'));
  const auto number = static_cast<uint32_t>(std::stoul(folder.substr(folder.rfind('/') + 1)));
  const auto ends = [&](journal::FaultDisk& disk) -> Result<journal::Tail> {
    auto opened = journal::open_segments_read_only(folder.substr(0, folder.rfind('/')), number, &disk, 0);
    if (!opened) return opened.error();
    const auto read = (*opened)->read(1, [](const journal::Stored&) { return Result<>(); });
    if (!read) return read.error();
    return (*opened)->tail();
  };
  const auto whole = ends(*disk_), found = ends(*damaged);
  if (!whole) throw Violation("chain_verifies", "the undamaged journal is refused: " + whole.error().detail);
  if (!found) {
    if (found.error().detail.find(path.substr(path.rfind('/') + 1)) == std::string::npos)
      throw Violation("damage_is_named", "refused without a file name: " + found.error().detail);
    return;
  }
  const bool same = found->seq == whole->seq && found->hash == whole->hash;
  if (!same && found->seq >= whole->seq)
    throw Violation("damage_is_found", path + " with a flipped bit is read as something else");
  if (!same && found->seq < last_durable(number))
    throw Violation("damage_is_found", path + ": a flipped bit at " + std::to_string(at) + " cut off frames that were acknowledged");
}

uint64_t World::durable_now(uint32_t partition) const {
  if (const auto log = logs_.find(partition); log != logs_.end()) return journal::open_memory(log->second, {[](auto) {}})->tail().seq;
  auto disk = disk_->clone();
  disk->lose_power([](const std::string&, uint64_t) { return false; });
  const std::string folder = settings_.directory + "/node/p" + std::to_string(partition) + "/journal";
  const auto opened = journal::open_segments_read_only(folder, partition, disk.get(), 0);
  return opened ? (*opened)->tail().seq : 0;
}

uint64_t World::last_durable(uint32_t partition) const {
  const auto found = durable_.find(partition);
  return found == durable_.end() ? 0 : found->second;
}

std::vector<std::string> World::journal_paths() const {
  auto paths = disk_->paths();
  std::erase_if(paths, [](const std::string& path) { return path.find(".seg") == std::string::npos; });
  return paths;
}

void World::something_goes_wrong() {
  const int64_t now_us = clock_.boot_us;
  const auto fault = static_cast<Fault>(chance_.below(static_cast<uint64_t>(Fault::foreign_claim) + 2));
  const auto for_a_while = [&] { return now_us + chance_.between(1'000, 400'000); };
  if (draining_) return;
  switch (fault) {
    case Fault::kill: return crash(Fault::kill);
    case Fault::power_loss:
    case Fault::torn_sector: return crash(Fault::power_loss);
    case Fault::clean_stop:
      note("it is told to stop");
      draining_ = true;
      return engine_->drain([this] { take_image(Fault::clean_stop); });
    case Fault::write_error: return fail_a_write();
    case Fault::short_write:
      disk_->set([&](journal::FaultDisk::Faults& faults) { faults.write_at_most = 1 + chance_.below(5'000); });
      break;
    case Fault::interrupted:
      disk_->set([&](journal::FaultDisk::Faults& faults) { faults.interrupt_every = 2 + static_cast<int>(chance_.below(5)); });
      break;
    case Fault::slow_disk: slow_disk_until_us_ = for_a_while(); break;
    case Fault::disk_full:
      if (shared_log_) {
        for (auto& queue : queues_)
          queue->journal->set_space(chance_.one_in(2) ? journal::Space::reserve_only : journal::Space::none);
      } else {
        disk_->set([](journal::FaultDisk::Faults& faults) { faults.capacity_bytes = 0; });
      }
      full_until_us_ = for_a_while();
      break;
    case Fault::clock_back: clock_.ahead_ms = -3'600'000; clock_until_us_ = for_a_while(); break;
    case Fault::clock_forward: clock_.ahead_ms = int64_t{365} * 86'400'000; clock_until_us_ = for_a_while(); break;
    case Fault::slow_workers: slow_workers_until_us_ = for_a_while(); break;
    case Fault::busy_workers: busy_until_us_ = for_a_while(); break;
    case Fault::foreign_claim: return take_over(static_cast<uint32_t>(chance_.below(partitions_)));
    case Fault::failed_append:
      if (queues_.empty()) return;
      queues_[chance_.below(queues_.size())]->journal->fail_next_append({Errc::io, "broker.gone", "simulated"});
      kill_at_us_ = for_a_while();
      break;
    case Fault::older_rows:
    case Fault::no_rows:
    case Fault::damaged_rows:
    case Fault::damaged_journal:
    case Fault::count_: return;
  }
  count(fault);
  note(name_of(fault));
}

void World::fail_a_write() {
  if (shared_log_) return;
  const bool sync = chance_.one_in(2);
  disk_->set([&](journal::FaultDisk::Faults& faults) {
    auto& failing = sync ? faults.sync : faults.write;
    failing = [](const std::string& path) { return path.find(".seg") == std::string::npos ? 0 : -EIO; };
  });
  kill_at_us_ = clock_.boot_us + 500'000;
  note(sync ? "syncs fail" : "writes fail");
}

// Another node claims: what this one appends no longer counts.
void World::take_over(uint32_t partition) {
  const auto log = logs_.find(partition);
  if (log == logs_.end()) return;
  count(Fault::foreign_claim);
  note("another node claims partition " + std::to_string(partition));
  auto other = journal::open_memory(log->second, {[](std::function<void()> job) { job(); }});
  const auto tail = other->tail();
  const auto claimed = other->claim("other", entropy_.draw<16>(), tail.time_ms);
  if (!claimed) throw Violation("one_owner", "a claim of the next epoch was refused");
  foreign_.emplace(partition, claimed->epoch);
  kill_at_us_ = clock_.boot_us + chance_.between(1'000, 400'000);
}

void World::heal() {
  faults_on_ = false;
  armed_point_ = -1;
  full_until_us_ = slow_disk_until_us_ = slow_workers_until_us_ = busy_until_us_ = clock_until_us_ = 0;
  clock_.ahead_ms = 0;
  if (kill_at_us_ != INT64_MAX) kill_at_us_ = clock_.boot_us;  // a node that was fenced comes back
  disk_->set([](journal::FaultDisk::Faults& faults) { faults = {}; });
  for (auto& queue : queues_) queue->journal->set_space(journal::Space::normal);
  note("no more faults");
}

}  // namespace watchword::simulation
