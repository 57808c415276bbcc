#include "stores/journal/memory.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "stores/journal/follower.h"
#include "stores/journal/frame.h"
#include "stores/journal/term.h"

namespace watchword::journal {

class MemoryLog {
 public:
  explicit MemoryLog(uint32_t partition) : partition(partition), follower_(partition) {}

  // Writes the frame, sealed behind what stood last when its owner looked. Gives its seq, or
  // nullopt if it does not count.
  std::optional<uint64_t> write(std::string frame) {
    const std::lock_guard lock(mutex_);
    seal(frame, follower_.last().hash, follower_.last().seq);
    auto kept = std::make_shared<const std::string>(std::move(frame));
    bytes_ += kept->size();
    const auto stored = follower_.take(*kept);
    if (!stored || !*stored) return std::nullopt;
    counting_.push_back(std::move(kept));
    return (*stored)->seq;
  }
  Tail tail() const {
    const std::lock_guard lock(mutex_);
    return follower_.last();
  }
  uint64_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }
  // seq counts from 1; null above the end.
  std::shared_ptr<const std::string> frame(uint64_t seq) const {
    const std::lock_guard lock(mutex_);
    return seq == 0 || seq > counting_.size() ? nullptr : counting_[seq - 1];
  }

  const uint32_t partition;

 private:
  mutable std::mutex mutex_;
  Follower follower_;
  std::vector<std::shared_ptr<const std::string>> counting_;
  uint64_t bytes_ = 0;
};

std::shared_ptr<MemoryLog> make_memory_log(uint32_t partition) {
  return std::make_shared<MemoryLog>(partition);
}

namespace {

// Runs jobs in order on one thread; finishes them all before it goes.
class Worker {
 public:
  Worker() : thread_([this] { run(); }) {}
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void post(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_all();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

class Handle final : public MemoryJournal {
 public:
  Handle(std::shared_ptr<MemoryLog> log, MemoryOptions options)
      : log_(std::move(log)), execute_(std::move(options.execute)), term_(log_->partition) {
    if (execute_) return;
    worker_ = std::make_unique<Worker>();
    execute_ = [this](std::function<void()> job) { worker_->post(std::move(job)); };
  }

  Result<Tail> claim(std::string_view node, const std::array<uint8_t, 16>& incarnation,
                     int64_t time_ms) override {
    const std::lock_guard lock(mutex_);
    term_.end({Errc::conflict, "journal.append.not_claimed", ""});
    ++generation_;
    const Tail last = log_->tail();
    v1::Claim claim;
    claim.set_epoch(last.epoch + 1);
    claim.set_node(std::string(node));
    claim.set_incarnation(incarnation.data(), incarnation.size());
    const auto seq =
        log_->write(claim_frame(log_->partition, last.epoch + 1, last.seq + 1, time_ms, claim));
    if (!seq) return Error{Errc::conflict, "journal.claim.lost", ""};
    const Tail after = log_->tail();
    term_.begin(last.epoch + 1, *seq);
    return after;
  }

  void append(std::string frame, Appended appended) override {
    Result<uint64_t> admitted = admit(frame);
    execute_([this, generation = generation_, admitted = std::move(admitted),
              frame = std::move(frame), appended = std::move(appended)]() mutable {
      appended(admitted ? write(std::move(frame), *admitted, generation) : std::move(admitted));
    });
  }

  Result<> read(uint64_t from_seq, const Visit& visit) const override {
    const Tail end = log_->tail();
    const uint64_t first = std::max<uint64_t>(from_seq, 1);
    Follower follower = Follower::from(log_->partition, first);
    for (uint64_t seq = first; seq <= end.seq; ++seq) {
      const auto frame = log_->frame(seq);
      const auto stored = follower.take(*frame);
      if (!stored) return stored.error();
      if (!*stored)
        return Error{Errc::corrupt, "journal.memory.uncounted", std::string(follower.why_not())};
      if (auto visited = visit(**stored); !visited) return visited;
    }
    return {};
  }

  Result<std::string> frame(uint64_t seq) const override {
    const auto frame = log_->frame(seq);
    if (!frame) return Error{Errc::not_found, "journal.memory.not_found", std::to_string(seq)};
    return *frame;
  }
  Tail tail() const override { return log_->tail(); }
  uint64_t size_bytes() const override { return log_->bytes(); }
  Space space() const override {
    const std::lock_guard lock(mutex_);
    return space_;
  }
  void fail_next_append(Error error) override {
    const std::lock_guard lock(mutex_);
    next_failure_ = std::move(error);
  }
  void set_space(Space space) override {
    const std::lock_guard lock(mutex_);
    space_ = space;
  }

 private:
  Result<uint64_t> admit(const std::string& frame) {
    const std::lock_guard lock(mutex_);
    const auto view = FrameView::open(frame);
    if (auto admitted = term_.admit(view); !admitted) return admitted.error();
    if (space_ != Space::none) return view->header().seq;
    term_.refuse_from(view->header().seq);
    return disk_full();
  }

  // What the disk or the broker does. A frame of a term that is over since, by a failure or a newer
  // claim, does not go out.
  Result<uint64_t> write(std::string frame, uint64_t seq, uint64_t generation) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_) return Error{Errc::conflict, "journal.append.stale_epoch", ""};
    if (next_failure_) {
      term_.end(*next_failure_);
      next_failure_.reset();
    }
    if (term_.over()) return *term_.over();
    const auto written = log_->write(std::move(frame));
    if (written) return *written;
    term_.end({Errc::conflict, "journal.append.fenced", std::to_string(seq)});
    return *term_.over();
  }

  const std::shared_ptr<MemoryLog> log_;
  std::function<void(std::function<void()>)> execute_;
  mutable std::mutex mutex_;
  Term term_;
  uint64_t generation_ = 0;  // claims made; changes on the appending thread only
  Space space_ = Space::normal;
  std::optional<Error> next_failure_;
  std::unique_ptr<Worker> worker_;  // last: it ends first
};

}  // namespace

std::unique_ptr<MemoryJournal> open_memory(std::shared_ptr<MemoryLog> log, MemoryOptions options) {
  return std::make_unique<Handle>(std::move(log), std::move(options));
}

}  // namespace watchword::journal
