#include "stores/journal/segment_writer.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "events/base/crash_point.h"
#include "stores/journal/frame.h"
#include "stores/journal/reader.h"
#include "stores/journal/record.h"
#include "stores/journal/supply.h"
#include "stores/journal/term.h"

namespace watchword::journal {
namespace {

// Bounds what one sync makes durable, and so what a crash can tear.
constexpr size_t kBatchBytes = 4 * 1024 * 1024;

struct Waiting {
  std::string frame;
  Appended appended;
  uint64_t epoch = 0, seq = 0;
  int64_t time_ms = 0;
  size_t record_bytes = 0;     // counted as outstanding; 0: refused at once
  std::optional<Error> error;  // why it will not be written
};

class SegmentJournal final : public Journal {
 public:
  SegmentJournal(SegmentOptions options, const std::string& directory,
                 std::unique_ptr<Catalog> catalog, const Recovered& end);
  ~SegmentJournal() override;
  Result<> start(const Recovered& end);

  Result<Tail> claim(std::string_view node, const std::array<uint8_t, 16>& incarnation,
                     int64_t time_ms) override;
  void append(std::string frame, Appended appended) override;
  Result<> read(uint64_t from_seq, const Visit& visit) const override {
    return read_segments(disk_, *catalog_, options_.partition, from_seq, tail(), visit);
  }
  Result<std::string> frame(uint64_t seq) const override {
    return read_one(disk_, *catalog_, seq, tail());
  }
  Tail tail() const override;
  uint64_t size_bytes() const override;
  Space space() const override;

 private:
  void enqueue(Waiting waiting);
  bool wait_for_work();
  bool step();
  bool take(std::vector<Waiting>& batch);
  void write(std::vector<Waiting>& batch);
  void put(Waiting& waiting);
  bool roll(uint64_t first_seq);
  void flush();
  void refuse_all_behind(std::vector<Waiting>& batch, size_t first);
  void fail(std::string_view reason, int failure);
  void settle(std::vector<Waiting>& batch);

  const SegmentOptions options_;
  Disk& disk_;
  const std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Supply> supply_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> queue_;
  Term term_;
  Tail durable_;
  uint64_t outstanding_bytes_ = 0;  // admitted, not yet settled
  Segment current_;                 // number 0: none yet
  uint64_t used_bytes_ = 0;         // of it, written ones
  bool stopping_ = false;

  // The writer's own.
  std::unique_ptr<File> file_;
  Tail written_;         // sealed so far
  uint64_t offset_ = 0;  // where the buffer goes
  std::vector<char> buffer_;
  size_t buffered_ = 0;
  std::optional<Error> fatal_;
  std::thread thread_;
};

// A segment that ends up without a record is handed to the supply as the next one.
bool is_begun(const Recovered& end) { return end.end.offset != 0; }

SegmentJournal::SegmentJournal(SegmentOptions options, const std::string& directory,
                               std::unique_ptr<Catalog> catalog, const Recovered& end)
    : options_(std::move(options)),
      disk_(*options_.disk),
      catalog_(std::move(catalog)),
      term_(options_.partition),
      durable_(end.tail),
      written_(end.tail) {
  const uint32_t next = is_begun(end) ? end.end.number + 1 : end.end.number;
  const uint64_t ready = next <= catalog_->last() ? catalog_->segment(next).bytes : 0;
  if (catalog_->last() >= next) catalog_->forget_after(next - 1);
  SupplyOptions supply{directory,          options_.segment_bytes, options_.reserve_bytes,
                       options_.zero_fill, options_.retry_ms,      options_.note, options_.stepper};
  supply_ = std::make_unique<Supply>(disk_, std::move(supply), next, ready);
}

Result<> SegmentJournal::start(const Recovered& end) {
  if (is_begun(end)) {
    current_ = catalog_->segment(end.end.number);
    offset_ = used_bytes_ = end.end.offset;
    const std::string path = catalog_->path(current_.number);
    if (int opened = disk_.open(path, Access::write, file_); opened < 0)
      return disk_error("journal.segment.open_write", path, opened);
  }
  if (current_.bytes - used_bytes_ < kMaxRecordBytes) supply_->wait_for_first_try();
  buffer_.resize(kBatchBytes + kMaxRecordBytes);
  if (options_.stepper != nullptr) {
    options_.stepper->add(this, [this] { return step(); });
    return {};
  }
  thread_ = std::thread([this] {
    while (wait_for_work()) step();
  });
  return {};
}

SegmentJournal::~SegmentJournal() {
  if (options_.stepper != nullptr) {
    while (step()) {
    }
    options_.stepper->remove(this);
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<Tail> SegmentJournal::claim(std::string_view node,
                                   const std::array<uint8_t, 16>& incarnation, int64_t time_ms) {
  v1::Claim claim;
  claim.set_node(std::string(node));
  claim.set_incarnation(incarnation.data(), incarnation.size());
  std::promise<Result<uint64_t>> settled;
  Waiting waiting;
  waiting.appended = [&](Result<uint64_t> done) { settled.set_value(std::move(done)); };
  waiting.time_ms = time_ms;
  while (options_.stepper != nullptr && step()) {
  }
  {
    std::unique_lock lock(mutex_);
    term_.end({Errc::conflict, "journal.append.not_claimed", ""});
    changed_.wait(lock, [this] { return queue_.empty() && outstanding_bytes_ == 0; });
    waiting.epoch = durable_.epoch + 1;
    waiting.seq = durable_.seq + 1;
    claim.set_epoch(waiting.epoch);
    waiting.frame = claim_frame(options_.partition, waiting.epoch, waiting.seq, time_ms, claim);
    waiting.record_bytes = record_bytes(waiting.frame.size());
    enqueue(std::move(waiting));
    crash_point(CrashPoint::claim_queued);
  }
  changed_.notify_all();
  while (options_.stepper != nullptr && step()) {
  }
  const auto done = settled.get_future().get();
  if (!done) return done.error();
  const std::lock_guard lock(mutex_);
  term_.begin(durable_.epoch, durable_.seq);
  return durable_;
}

void SegmentJournal::append(std::string frame, Appended appended) {
  Waiting waiting{std::move(frame), std::move(appended), 0, 0, 0, 0, {}};
  const auto view = FrameView::open(waiting.frame);
  {
    const std::lock_guard lock(mutex_);
    if (const auto admitted = term_.admit(view); !admitted) {
      waiting.error = admitted.error();
    } else {
      waiting.epoch = view->header().epoch;
      waiting.seq = view->header().seq;
      waiting.time_ms = view->header().time_ms;
      waiting.record_bytes = record_bytes(waiting.frame.size());
    }
    enqueue(std::move(waiting));
    crash_point(CrashPoint::append_queued);
  }
  changed_.notify_all();
}

// Under the lock.
void SegmentJournal::enqueue(Waiting waiting) {
  outstanding_bytes_ += waiting.record_bytes;
  queue_.push_back(std::move(waiting));
}

Tail SegmentJournal::tail() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

uint64_t SegmentJournal::size_bytes() const {
  const std::lock_guard lock(mutex_);
  return current_.number == 0 ? 0 : catalog_->bytes_before(current_.number) + used_bytes_;
}

// All that is queued and one frame of full length must fit: behind what is written, or all of it
// into the next segment.
Space SegmentJournal::space() const {
  const std::lock_guard lock(mutex_);
  const Supply::Rooms rooms = supply_->rooms();
  const uint64_t needed = outstanding_bytes_ + kMaxRecordBytes;
  const bool in_reserve = current_.bytes < options_.segment_bytes;
  const bool fits_here = used_bytes_ + needed <= current_.bytes;
  if ((fits_here && !in_reserve) || needed <= rooms.next_bytes) return Space::normal;
  return fits_here || needed <= rooms.reserve_bytes ? Space::reserve_only : Space::none;
}

// False: to stop.
bool SegmentJournal::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  return !queue_.empty();
}

// Makes one batch durable. False: there was nothing to do.
bool SegmentJournal::step() {
  std::vector<Waiting> batch;
  if (!take(batch)) return false;
  write(batch);
  settle(batch);
  for (Waiting& waiting : batch) {
    if (waiting.error)
      waiting.appended(*waiting.error);
    else
      waiting.appended(waiting.seq);
  }
  return true;
}

// Everything that is queued, up to a batch's worth.
bool SegmentJournal::take(std::vector<Waiting>& batch) {
  const std::lock_guard lock(mutex_);
  for (size_t bytes = 0; !queue_.empty() && bytes < kBatchBytes; queue_.pop_front()) {
    bytes += queue_.front().record_bytes;
    batch.push_back(std::move(queue_.front()));
  }
  return !batch.empty();
}

void SegmentJournal::write(std::vector<Waiting>& batch) {
  for (size_t i = 0; i < batch.size() && !fatal_; ++i) {
    Waiting& waiting = batch[i];
    if (waiting.error) continue;
    if (offset_ + buffered_ + waiting.record_bytes > current_.bytes) {
      flush();
      if (!fatal_ && !roll(waiting.seq)) return refuse_all_behind(batch, i);
    }
    if (!fatal_) put(waiting);
  }
  if (!fatal_) flush();
}

// Seals the frame and lays its record out behind the others of the batch.
void SegmentJournal::put(Waiting& waiting) {
  seal(waiting.frame, written_.hash, durable_.seq);
  written_ = {waiting.epoch, waiting.seq, waiting.time_ms, chain(written_.hash, waiting.frame)};
  write_record(buffer_.data() + buffered_, {0, waiting.epoch, waiting.seq, durable_.seq, 0},
               waiting.frame);
  catalog_->note(waiting.seq, {current_.number, offset_ + buffered_});
  buffered_ += waiting.record_bytes;
}

// On to the next segment, once it is ready. False: there is no room for one.
bool SegmentJournal::roll(uint64_t first_seq) {
  supply_->wait();
  const std::lock_guard lock(mutex_);
  auto next = supply_->take(file_);
  if (!next) return false;
  next->segment.first_seq = first_seq;
  catalog_->add(next->segment);
  file_ = std::move(next->file);
  current_ = next->segment;
  used_bytes_ = offset_ = 0;
  crash_point(CrashPoint::segment_rolled);
  return true;
}

void SegmentJournal::flush() {
  if (buffered_ == 0) return;
  if (int written = write_all(*file_, buffer_.data(), buffered_, offset_); written < 0)
    return fail("journal.segment.write", written);
  crash_point(CrashPoint::append_written);
  if (int synced = sync_all(*file_); synced < 0) return fail("journal.segment.sync", synced);
  crash_point(CrashPoint::append_synced);
  offset_ += buffered_;
  buffered_ = 0;
  const std::lock_guard lock(mutex_);
  durable_ = written_;
  used_bytes_ = offset_;
}

// Nothing of these was sealed, so their seqs are free again. What was put before them is flushed
// already.
void SegmentJournal::refuse_all_behind(std::vector<Waiting>& batch, size_t first) {
  const std::lock_guard lock(mutex_);
  const auto refuse = [](Waiting& waiting) {
    if (!waiting.error) waiting.error = disk_full();
  };
  for (size_t i = first; i < batch.size(); ++i) refuse(batch[i]);
  for (Waiting& waiting : queue_) refuse(waiting);
  term_.refuse_from(written_.seq + 1);
}

void SegmentJournal::fail(std::string_view reason, int failure) {
  fatal_ = disk_error(reason, catalog_->path(current_.number), failure);
  options_.on_fatal(*fatal_);
}

void SegmentJournal::settle(std::vector<Waiting>& batch) {
  const std::lock_guard lock(mutex_);
  for (Waiting& waiting : batch) {
    outstanding_bytes_ -= waiting.record_bytes;
    if (fatal_ && !waiting.error && waiting.seq > durable_.seq) waiting.error = fatal_;
  }
  if (fatal_) term_.end(*fatal_);
  changed_.notify_all();
}

}  // namespace

Result<std::unique_ptr<Journal>> open_writer(SegmentOptions options, const std::string& directory,
                                             std::unique_ptr<Catalog> catalog,
                                             const Recovered& end) {
  auto journal =
      std::make_unique<SegmentJournal>(std::move(options), directory, std::move(catalog), end);
  if (auto started = journal->start(end); !started) return started.error();
  return std::unique_ptr<Journal>(std::move(journal));
}

}  // namespace watchword::journal
