#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "events/base/crash_point.h"
#include "stores/journal/frame.h"
#include "stores/journal/kafka/fold.h"
#include "stores/journal/kafka/inspect.h"
#include "stores/journal/kafka/kafka.h"
#include "stores/journal/kafka/producer.h"
#include "stores/journal/kafka/shelf.h"
#include "stores/journal/term.h"

namespace watchword::journal {
namespace {

using kafka::Fold;
using kafka::Producer;
using kafka::Purpose;
using kafka::Reader;
using kafka::Report;

constexpr size_t kMaxOutstandingBytes = 32 * 1024 * 1024;

struct Flight {
  std::string frame;  // librdkafka reads it from here
  Appended appended;
  size_t outstanding_bytes = 0;  // 0: refused at once
  uint64_t epoch = 0, seq = 0;
  int64_t time_ms = 0;
  std::optional<Error> refused;   // not sent, and the term may go on
  std::function<void()> between;  // instead of a frame: runs when all before it is settled
  KafkaPlace place;               // if it counts where it is expected
  std::optional<Report> report;
};

struct Claimant {
  std::string_view node;
  const std::array<uint8_t, 16>& incarnation;
  int64_t time_ms;
};

class KafkaJournalHandle final : public KafkaJournal {
 public:
  KafkaJournalHandle(KafkaOptions options, bool is_read_only)
      : options_(std::move(options)),
        is_read_only_(is_read_only),
        shelf_(options_),
        term_(options_.partition) {}
  ~KafkaJournalHandle() override;
  Result<> start();

  Result<Tail> claim(std::string_view node, const std::array<uint8_t, 16>& incarnation,
                     int64_t time_ms) override;
  void append(std::string frame, Appended appended) override;
  Result<> read(uint64_t from_seq, const Visit& visit) const override;
  Result<std::string> frame(uint64_t seq) const override;
  Tail tail() const override { return place().tail; }
  KafkaPlace place() const override {
    const std::lock_guard lock(mutex_);
    return known_;
  }
  Space space() const override {
    const std::lock_guard lock(mutex_);
    const bool fits = outstanding_bytes_ + kMaxFrameBytes <= kMaxOutstandingBytes;
    return is_read_only_ || !fits ? Space::none : Space::normal;
  }
  uint64_t size_bytes() const override { return place().bytes; }

 private:
  // What a read may rely on: up to `end`, and there it must come to `known`, or go beyond.
  struct Span {
    KafkaPlace known;
    int64_t end = 0;
    bool in_term = false;
  };
  Result<Span> span(Reader& reader) const;
  Result<> follow(Reader& reader, Fold& fold, int64_t end, const kafka::Follow& visit) const;
  bool is_news(int64_t foreign_offset) const;
  Result<> must_come_to(const Tail& last, const Span& span) const;
  void learn(const KafkaPlace& place, bool in_term) const;

  void wake() const;
  void enqueue(Flight flight);
  void run();
  bool wait_for_work();
  void take();
  void launch(Flight& flight);
  void settle();
  void settle_one(Flight& flight);
  bool is_accepted(const Flight& flight) const;
  void accept(const Flight& flight);
  void end_term(const Flight& flight);
  Error explain(const Flight& flight);
  Error explain_gap(const Flight& flight);
  static void on_report(const Report& report, void* self);

  Result<Tail> do_claim(const Claimant& claimant);
  Result<> prepare_producer();
  Result<> catch_up(Reader& reader, Fold& fold);
  Result<int64_t> send_claim(const std::string& frame, uint64_t seq);
  Result<> read_back(Reader& reader, Fold& fold, const std::string& frame, int64_t offset);
  void begin_term(const KafkaPlace& place);

  const KafkaOptions options_;
  const bool is_read_only_;
  mutable kafka::ReaderShelf shelf_;
  kafka::Topic topic_;
  int wake_fd_ = -1;

  mutable std::mutex mutex_;
  mutable KafkaPlace known_;  // the last frame known to count
  mutable kafka::Places places_;
  mutable int64_t noted_offset_ = -1;
  bool in_term_ = false;      // known_ moves by what is accepted only
  std::deque<Flight> queue_;  // not yet the thread's
  Term term_;
  uint64_t outstanding_bytes_ = 0;
  bool stopping_ = false;

  // The thread's own.
  std::deque<Flight> flights_;  // their addresses stay
  size_t launched_ = 0;         // so many of them, from the front
  std::unique_ptr<Producer> producer_;
  KafkaPlace sealed_;
  std::optional<Error> failure_;  // the term is over; what is behind it is answered so
  std::thread thread_;
};

Error read_only() { return {Errc::denied, "journal.read_only", ""}; }

Result<> KafkaJournalHandle::start() {
  auto reader = shelf_.take(Purpose::stream);
  if (!reader) return reader.error();
  auto topic = kafka::inspect((*reader)->client());
  if (!topic) return topic.error();
  topic_ = *topic;
  if (!is_read_only_) {
    wake_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd_ < 0) return Error{Errc::io, "journal.kafka.eventfd", std::to_string(errno)};
    auto producer = Producer::make(options_, topic_.max_batch_bytes, wake_fd_, on_report, this);
    if (!producer) return producer.error();
    producer_ = std::move(*producer);
  }
  const auto end = kafka::end_offset((*reader)->client());
  if (!end) return end.error();
  Fold fold(options_.partition, options_.from.value_or(KafkaPlace()));
  known_ = fold.last();
  if (known_.offset >= 0) places_.note(known_);
  const auto followed = follow(**reader, fold, std::max(*end, known_.offset + 1),
                               [](const Stored&, const KafkaPlace&) { return true; });
  if (!followed) return followed;
  shelf_.put(std::move(*reader));
  if (!is_read_only_) thread_ = std::thread([this] { run(); });
  return {};
}

KafkaJournalHandle::~KafkaJournalHandle() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) {
    wake();
    thread_.join();
  }
  producer_.reset();
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

// Follows what stands in the topic, keeps its places, and says what was ignored.
Result<> KafkaJournalHandle::follow(Reader& reader, Fold& fold, int64_t end,
                                    const kafka::Follow& visit) const {
  const auto followed =
      kafka::follow_records(reader, fold, end, [&](const Stored& stored, const KafkaPlace& place) {
        learn(place, false);
        return visit(stored, place);
      });
  if (is_news(fold.last_foreign()))
    reader.client().note(reader.client().place(fold.last_foreign()) + " is no frame, the last of " +
                         std::to_string(fold.foreign()) +
                         " such records: ignored; see who may write to this topic");
  return followed;
}

// Each foreign record is told of once.
bool KafkaJournalHandle::is_news(int64_t foreign_offset) const {
  const std::lock_guard lock(mutex_);
  const bool is_new = foreign_offset > noted_offset_;
  noted_offset_ = std::max(noted_offset_, foreign_offset);
  return is_new;
}

// In a term, known_ is what was accepted, whatever else may be read.
void KafkaJournalHandle::learn(const KafkaPlace& place, bool in_term) const {
  const std::lock_guard lock(mutex_);
  if (place.tail.seq > known_.tail.seq && in_term_ == in_term) known_ = place;
  places_.note(place);
}

Result<KafkaJournalHandle::Span> KafkaJournalHandle::span(Reader& reader) const {
  {
    const std::lock_guard lock(mutex_);
    if (in_term_) return Span{known_, known_.offset + 1, true};
  }
  const auto end = kafka::end_offset(reader.client());
  if (!end) return end.error();
  const KafkaPlace known = place();
  return Span{known, std::max(*end, known.offset + 1), false};
}

Result<> KafkaJournalHandle::must_come_to(const Tail& last, const Span& span) const {
  const bool beyond = !span.in_term && last.seq > span.known.tail.seq;
  if (beyond || (last.seq == span.known.tail.seq && last.hash == span.known.tail.hash)) return {};
  return Error{Errc::corrupt, "journal.kafka.truncated",
               options_.topic + "[" + std::to_string(options_.partition) + "] at offset " +
                   std::to_string(span.known.offset) + " no longer holds frame " +
                   std::to_string(span.known.tail.seq) + ", which counted once"};
}

Result<> KafkaJournalHandle::read(uint64_t from_seq, const Visit& visit) const {
  auto reader = shelf_.take(Purpose::stream);
  if (!reader) return reader.error();
  const auto reach = span(**reader);
  if (!reach) return reach.error();
  const uint64_t first = std::max<uint64_t>(from_seq, 1);
  if (reach->in_term && first > reach->known.tail.seq) {
    shelf_.put(std::move(*reader));
    return {};
  }
  Fold fold(options_.partition, [&] {
    const std::lock_guard lock(mutex_);
    return places_.before(first);
  }());
  const auto followed = follow(**reader, fold, reach->end,
                               [&](const Stored& stored, const KafkaPlace& place) -> Result<bool> {
                                 if (stored.seq == reach->known.tail.seq) {
                                   if (auto same = must_come_to(place.tail, *reach); !same)
                                     return same.error();
                                 }
                                 if (stored.seq < first) return true;
                                 if (auto visited = visit(stored); !visited) return visited.error();
                                 return true;
                               });
  shelf_.put(std::move(*reader));
  if (!followed) return followed;
  return must_come_to(fold.last().tail, *reach);
}

Result<std::string> KafkaJournalHandle::frame(uint64_t seq) const {
  const KafkaPlace known = place();
  if (seq == 0 || seq > known.tail.seq)
    return Error{Errc::not_found, "journal.frame.not_found", std::to_string(seq)};
  auto reader = shelf_.take(Purpose::single);
  if (!reader) return reader.error();
  Fold fold(options_.partition, [&] {
    const std::lock_guard lock(mutex_);
    return places_.before(seq);
  }());
  std::string bytes;
  const auto followed = follow(**reader, fold, known.offset + 1,
                               [&](const Stored& stored, const KafkaPlace&) -> Result<bool> {
                                 if (stored.seq == seq) bytes = stored.bytes;
                                 return stored.seq < seq;
                               });
  shelf_.put(std::move(*reader));
  if (!followed) return followed.error();
  if (!bytes.empty()) return bytes;
  return must_come_to(fold.last().tail, {known, 0, true}).error();
}

void KafkaJournalHandle::append(std::string frame, Appended appended) {
  if (is_read_only_) return appended(read_only());
  Flight flight;
  flight.frame = std::move(frame);
  flight.appended = std::move(appended);
  const auto view = FrameView::open(flight.frame);
  {
    const std::lock_guard lock(mutex_);
    const auto admitted = term_.admit(view);
    if (!admitted) {
      flight.refused = admitted.error();
    } else if (outstanding_bytes_ + flight.frame.size() > kMaxOutstandingBytes) {
      term_.refuse_from(view->header().seq);
      flight.refused = disk_full();
    } else {
      flight.epoch = view->header().epoch;
      flight.seq = view->header().seq;
      flight.time_ms = view->header().time_ms;
      flight.outstanding_bytes = flight.frame.size();
      outstanding_bytes_ += flight.outstanding_bytes;
    }
    queue_.push_back(std::move(flight));
  }
  crash_point(CrashPoint::append_queued);
  wake();
}

void KafkaJournalHandle::wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
}

void KafkaJournalHandle::run() {
  while (wait_for_work()) {
    take();
    for (; launched_ < flights_.size() && !flights_[launched_].between; ++launched_)
      launch(flights_[launched_]);
    if (producer_) producer_->poll(0);
    settle();
    if (flights_.empty() || !flights_.front().between) continue;
    const auto between = std::move(flights_.front().between);
    flights_.pop_front();
    between();
    wake();  // for what stands behind it
  }
}

// False: to stop.
bool KafkaJournalHandle::wait_for_work() {
  pollfd waiting{wake_fd_, POLLIN, 0};
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ && queue_.empty() && flights_.empty()) return false;
  }
  ::poll(&waiting, 1, 1'000);
  uint64_t count;
  [[maybe_unused]] const auto taken = ::read(wake_fd_, &count, sizeof count);
  return true;
}

void KafkaJournalHandle::take() {
  const std::lock_guard lock(mutex_);
  for (; !queue_.empty(); queue_.pop_front()) flights_.push_back(std::move(queue_.front()));
}

// Seals the frame behind those before it and hands it to librdkafka.
void KafkaJournalHandle::launch(Flight& flight) {
  if (flight.refused || failure_) return;
  seal(flight.frame, sealed_.tail.hash, place().tail.seq);
  flight.place = {
      {flight.epoch, flight.seq, flight.time_ms, chain(sealed_.tail.hash, flight.frame)},
      sealed_.tail.hash,
      sealed_.offset + 1,
      sealed_.bytes + flight.frame.size()};
  sealed_ = flight.place;
  const auto code = producer_->send(flight.frame, &flight);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) flight.report = Report{&flight, code, -1, false};
  crash_point(CrashPoint::append_written);
}

void KafkaJournalHandle::on_report(const Report& report, void*) {
  static_cast<Flight*>(report.mark)->report = report;
}

void KafkaJournalHandle::settle() {
  while (launched_ > 0) {
    Flight& front = flights_.front();
    if (!front.report && !front.refused && !failure_) return;
    settle_one(front);
    flights_.pop_front();
    --launched_;
  }
}

void KafkaJournalHandle::settle_one(Flight& flight) {
  if (!flight.refused && !failure_) {
    if (is_accepted(flight))
      accept(flight);
    else
      end_term(flight);
  }
  {
    const std::lock_guard lock(mutex_);
    outstanding_bytes_ -= flight.outstanding_bytes;
  }
  if (flight.refused) return flight.appended(*flight.refused);
  if (failure_) return flight.appended(*failure_);
  crash_point(CrashPoint::append_synced);
  flight.appended(flight.seq);
}

bool KafkaJournalHandle::is_accepted(const Flight& flight) const {
  return flight.report->code == RD_KAFKA_RESP_ERR_NO_ERROR &&
         flight.report->offset == flight.place.offset;
}

void KafkaJournalHandle::accept(const Flight& flight) { learn(flight.place, true); }

// Nothing of librdkafka's may still look at the frames when they are answered and dropped.
void KafkaJournalHandle::end_term(const Flight& flight) {
  failure_ = explain(flight);
  producer_.reset();
  const std::lock_guard lock(mutex_);
  in_term_ = false;
  term_.end(*failure_);
}

Error KafkaJournalHandle::explain(const Flight& flight) {
  const Report& report = *flight.report;
  if (report.code == RD_KAFKA_RESP_ERR_NO_ERROR) return explain_gap(flight);
  const Error told = producer_->client().error(report.code, "writing to");
  const std::string what = producer_->client().place() + ": frame " + std::to_string(flight.seq);
  std::string why;
  if (told.code == Errc::denied || told.code == Errc::conflict) return told;
  if (report.may_be_written)
    return {Errc::io, "journal.kafka.unknown",
            what + " may be written or not: " + rd_kafka_err2str(report.code)};
  if (producer_->fatal(why))
    return {Errc::io, "journal.kafka.append", what + " was given up: " + why};
  return told;
}

// The frame is written, but not where it was expected: what stands in its place tells whether
// another owner's claim has ended this term.
Error KafkaJournalHandle::explain_gap(const Flight& flight) {
  const Report& report = *flight.report;
  const KafkaPlace known = place();
  Error unknown{Errc::io, "journal.kafka.unknown",
                producer_->client().place(report.offset) + ": frame " + std::to_string(flight.seq) +
                    " was expected at " + std::to_string(flight.place.offset)};
  auto reader = shelf_.take(Purpose::stream);
  if (!reader) return unknown;
  Fold fold(options_.partition, known);
  const auto followed = kafka::follow_records(
      **reader, fold, report.offset, [](const Stored&, const KafkaPlace&) { return true; });
  if (!followed) return unknown;
  shelf_.put(std::move(*reader));
  if (fold.last().tail.epoch == flight.epoch) return unknown;
  return {Errc::conflict, "journal.append.fenced",
          "epoch " + std::to_string(fold.last().tail.epoch) + " began at frame " +
              std::to_string(known.tail.seq + 1) + " or behind it"};
}

Result<Tail> KafkaJournalHandle::claim(std::string_view node,
                                       const std::array<uint8_t, 16>& incarnation,
                                       int64_t time_ms) {
  if (is_read_only_) return read_only();
  std::promise<Result<Tail>> claimed;
  Flight flight;
  flight.between = [&] { claimed.set_value(do_claim({node, incarnation, time_ms})); };
  {
    const std::lock_guard lock(mutex_);
    term_.end({Errc::conflict, "journal.append.not_claimed", ""});
    queue_.push_back(std::move(flight));
  }
  crash_point(CrashPoint::claim_queued);
  wake();
  return claimed.get_future().get();
}

Result<Tail> KafkaJournalHandle::do_claim(const Claimant& claimant) {
  {
    const std::lock_guard lock(mutex_);
    in_term_ = false;
  }
  if (auto ready = prepare_producer(); !ready) return ready.error();
  auto reader = shelf_.take(Purpose::stream);
  if (!reader) return reader.error();
  Fold fold(options_.partition, place());
  if (auto caught_up = catch_up(**reader, fold); !caught_up) return caught_up.error();
  const Tail last = fold.last().tail;
  v1::Claim claim;
  claim.set_epoch(last.epoch + 1);
  claim.set_node(std::string(claimant.node));
  claim.set_incarnation(claimant.incarnation.data(), claimant.incarnation.size());
  std::string frame =
      claim_frame(options_.partition, claim.epoch(), last.seq + 1, claimant.time_ms, claim);
  seal(frame, last.hash, last.seq);
  const auto offset = send_claim(frame, last.seq + 1);
  if (!offset) {
    producer_.reset();
    return offset.error();
  }
  if (auto counts = read_back(**reader, fold, frame, *offset); !counts) return counts.error();
  shelf_.put(std::move(*reader));
  return tail();
}

// What an ended term's producer had to say is no longer asked; the new one knows the topic before
// its first frame, which librdkafka would otherwise hold back.
Result<> KafkaJournalHandle::prepare_producer() {
  if (!producer_) {
    auto made = Producer::make(options_, topic_.max_batch_bytes, wake_fd_, on_report, this);
    if (!made) return made.error();
    producer_ = std::move(*made);
  }
  return kafka::await_topic(producer_->client());
}

Result<> KafkaJournalHandle::catch_up(Reader& reader, Fold& fold) {
  const auto reach = span(reader);
  if (!reach) return reach.error();
  const auto followed = follow(reader, fold, std::max(reach->end, fold.last().offset + 1),
                               [](const Stored&, const KafkaPlace&) { return true; });
  if (!followed) return followed;
  const auto& hole = fold.hole();
  if (!hole || options_.accept_loss) return {};
  return Error{Errc::corrupt, "journal.kafka.hole",
               reader.client().place(hole->offset) + " holds frame " +
                   std::to_string(hole->found_seq) +
                   (hole->found_seq == hole->expected_seq
                        ? " of another history"
                        : ", but frame " + std::to_string(hole->expected_seq) + " is missing") +
                   "; see 'Losses' in stores/journal/kafka/README.md"};
}

// Its offset.
Result<int64_t> KafkaJournalHandle::send_claim(const std::string& frame, uint64_t seq) {
  Flight flight;
  flight.seq = seq;
  const auto sent = producer_->send(frame, &flight);
  if (sent != RD_KAFKA_RESP_ERR_NO_ERROR) flight.report = Report{&flight, sent, -1, false};
  // librdkafka reports each frame, after append_timeout_ms at the latest.
  while (!flight.report) producer_->poll(100);
  if (flight.report->code == RD_KAFKA_RESP_ERR_NO_ERROR) return flight.report->offset;
  return explain(flight);
}

Result<> KafkaJournalHandle::read_back(Reader& reader, Fold& fold, const std::string& frame,
                                       int64_t offset) {
  KafkaPlace own;
  const auto followed =
      follow(reader, fold, offset + 1, [&](const Stored& stored, const KafkaPlace& place) {
        if (place.offset == offset && stored.bytes == frame) own = place;
        return true;
      });
  if (!followed) return followed;
  if (own.offset < 0)
    return Error{Errc::conflict, "journal.claim.lost",
                 reader.client().place(offset) + ": epoch " +
                     std::to_string(fold.last().tail.epoch) + " is another's"};
  begin_term(own);
  return {};
}

void KafkaJournalHandle::begin_term(const KafkaPlace& place) {
  const std::lock_guard lock(mutex_);
  in_term_ = true;
  known_ = sealed_ = place;
  failure_.reset();
  term_.begin(place.tail.epoch, place.tail.seq);
}

Result<std::unique_ptr<KafkaJournal>> open(KafkaOptions options, bool is_read_only) {
  if (options.brokers.empty() || options.timeout_ms < 100 || options.append_timeout_ms < 100)
    return Error{Errc::invalid, "journal.kafka.options",
                 "name the brokers, and give each timeout 100 ms at least"};
  auto journal = std::make_unique<KafkaJournalHandle>(std::move(options), is_read_only);
  if (auto started = journal->start(); !started) return started.error();
  return std::unique_ptr<KafkaJournal>(std::move(journal));
}

}  // namespace

Result<std::unique_ptr<KafkaJournal>> open_kafka(KafkaOptions options) {
  return open(std::move(options), false);
}

Result<std::unique_ptr<KafkaJournal>> open_kafka_read_only(KafkaOptions options) {
  return open(std::move(options), true);
}

}  // namespace watchword::journal
