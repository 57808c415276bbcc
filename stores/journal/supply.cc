#include "stores/journal/supply.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "events/base/crash_point.h"

namespace watchword::journal {
namespace {

constexpr std::string_view kPreparing = "preparing";
constexpr std::string_view kReserve = "reserve";
constexpr size_t kFillBytes = 1024 * 1024;
// Small enough that a sync of the journal that has to wait for one of these is not late.
constexpr size_t kFillSyncBytes = 4 * kFillBytes;

bool is_unsupported(int result) { return result == -EOPNOTSUPP || result == -ENOSYS; }

bool has_reserve(Disk& disk, const SupplyOptions& options) {
  std::vector<Listed> files;
  if (disk.list(options.directory, files) < 0) return false;
  return std::any_of(files.begin(), files.end(), [&](const Listed& file) {
    return file.name == kReserve && file.bytes == options.reserve_bytes;
  });
}

}  // namespace

Supply::Supply(Disk& disk, SupplyOptions options, uint32_t next, uint64_t ready_bytes)
    : disk_(disk), options_(std::move(options)), next_(next), next_bytes_(ready_bytes) {
  reserve_ = options_.reserve_bytes != 0 && has_reserve(disk_, options_);
  // One that cannot be opened is made anew.
  if (next_bytes_ != 0 && disk_.open(path(segment_name(next_)), Access::write, next_file_) < 0)
    next_bytes_ = 0;
  publish();
  if (options_.stepper == nullptr) {
    thread_ = std::thread([this] { run(); });
    return;
  }
  options_.stepper->add(this, [this] {
    std::unique_lock lock(mutex_);
    return work(lock);
  });
}

Supply::~Supply() {
  if (options_.stepper != nullptr) options_.stepper->remove(this);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::string Supply::path(std::string_view name) const {
  return options_.directory + "/" + std::string(name);
}

// Under the lock, after each change.
void Supply::publish() {
  const uint64_t in_place = is_lacking_next() ? 0 : next_bytes_;
  const uint64_t from_reserve = is_lacking_next() ? next_bytes_ : 0;
  room_next_ = allocated_ ? options_.segment_bytes : in_place;
  room_reserve_ = std::max(from_reserve, reserve_ ? options_.reserve_bytes : 0);
  changed_.notify_all();
}

void Supply::wait_for_first_try() {
  wait_until([this] { return !is_lacking_next() || allocated_ || failed_; });
}

void Supply::wait() {
  wait_until([this] { return !is_lacking_next() || (!allocated_ && failed_); });
}

void Supply::wait_until(const std::function<bool()>& known) {
  std::unique_lock lock(mutex_);
  while (options_.stepper != nullptr && !known()) work(lock);
  changed_.wait(lock, known);
}

std::optional<Supply::Taken> Supply::take(std::unique_ptr<File>& used) {
  const std::lock_guard lock(mutex_);
  if (next_bytes_ == 0) return std::nullopt;
  used_ = std::move(used);
  Taken taken{{next_++, next_bytes_, 0}, std::move(next_file_)};
  next_bytes_ = 0;
  publish();
  return taken;
}

// Without a reserve in place none is made before the next segment is there: that one comes first.
bool Supply::is_lacking_reserve() const {
  return !reserve_ && options_.reserve_bytes != 0 && !is_lacking_next();
}

void Supply::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (work(lock) || stopping_) continue;
    if (is_lacking_next() || is_lacking_reserve())
      changed_.wait_for(lock, std::chrono::milliseconds(options_.retry_ms));
    else
      changed_.wait(lock);
  }
}

// One piece of work. False: there is none, or the disk refused it.
bool Supply::work(std::unique_lock<std::mutex>& lock) {
  if (is_lacking_next() || is_lacking_reserve()) return step(lock);
  if (!used_) return false;
  retire(lock);
  return true;
}

// Without this the journal would fill the page cache with what is only ever written.
void Supply::retire(std::unique_lock<std::mutex>& lock) {
  const auto file = std::move(used_);
  lock.unlock();
  file->drop_cache();
  lock.lock();
}

// Makes the one file that is most needed. The lock is given up while the disk works.
bool Supply::step(std::unique_lock<std::mutex>& lock) {
  const bool is_next = is_lacking_next();
  lock.unlock();
  const int made = is_next ? make(options_.segment_bytes,
                                  [this] {
                                    const std::lock_guard inner(mutex_);
                                    allocated_ = true;
                                    publish();
                                  })
                           : make_reserve();
  lock.lock();
  const int done = is_next ? finish_next(made) : made;
  if (!is_next) reserve_ = made == 0;
  publish();
  return done == 0;
}

// Names the file as the next segment, over the reserve if that is in its place. Under the lock, so
// that nobody takes one that is going away, and durably, so that no later segment can be there
// without it.
int Supply::put_in_place(const std::string& from, uint64_t bytes) {
  std::unique_ptr<File> file;
  int done = disk_.open(path(from), Access::write, file);
  if (done == 0) done = disk_.rename(path(from), path(segment_name(next_)));
  if (done == 0) crash_point(CrashPoint::segment_renamed);
  if (done == 0) done = disk_.sync_directory(options_.directory);
  if (done < 0) return done;
  next_file_ = std::move(file);
  next_bytes_ = bytes;
  return 0;
}

int Supply::finish_next(int made) {
  if (made == 0) {
    crash_point(CrashPoint::segment_prepared);
    made = put_in_place(std::string(kPreparing), options_.segment_bytes);
  }
  allocated_ = false;
  failed_ = made < 0;
  if (made == 0 || stopping_) return made;
  report("the next segment", made);
  disk_.remove(path(kPreparing));
  if (!reserve_ || next_bytes_ != 0) return made;
  if (int placed = put_in_place(std::string(kReserve), options_.reserve_bytes); placed < 0) {
    report("the reserve", placed);
  } else {
    reserve_ = false;
  }
  return made;
}

int Supply::make_reserve() {
  int made = make(options_.reserve_bytes, [] {});
  if (made == 0) crash_point(CrashPoint::segment_prepared);
  if (made == 0) made = disk_.rename(path(kPreparing), path(kReserve));
  if (made == 0) crash_point(CrashPoint::segment_renamed);
  if (made == 0) made = disk_.sync_directory(options_.directory);
  if (made == 0 || made == -ECANCELED) return made;
  report("the reserve", made);
  disk_.remove(path(kPreparing));
  return made;
}

int Supply::make(uint64_t bytes, const std::function<void()>& allocated) {
  std::unique_ptr<File> file;
  if (int opened = disk_.open(path(kPreparing), Access::create, file); opened < 0) return opened;
  return allocate(*file, bytes, allocated);
}

int Supply::allocate(File& file, uint64_t bytes, const std::function<void()>& allocated) {
  int done = file.allocate(bytes);
  while (done == -EINTR) done = file.allocate(bytes);
  const bool unsupported = is_unsupported(done);
  if (done < 0 && !unsupported) return done;
  if (!unsupported) allocated();
  if (unsupported || options_.zero_fill) {
    if (done = fill(file, bytes); done < 0) return done;
  }
  return sync_all(file);
}

int Supply::fill(File& file, uint64_t bytes) {
  const std::vector<char> zeros(kFillBytes);
  for (uint64_t at = 0; at < bytes; at += kFillBytes) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return -ECANCELED;
    }
    const size_t part = std::min<uint64_t>(kFillBytes, bytes - at);
    if (int written = write_all(file, zeros.data(), part, at); written < 0) return written;
    if ((at + part) % kFillSyncBytes == 0)
      if (int synced = sync_all(file); synced < 0) return synced;
  }
  return 0;
}

void Supply::report(std::string_view what, int failure) {
  std::string text = "cannot prepare " + std::string(what) + ": " + std::strerror(-failure);
  if (options_.note && text != reported_) options_.note(text);
  reported_ = std::move(text);
}

}  // namespace watchword::journal
