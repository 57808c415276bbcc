#include "stores/journal/kafka/reader.h"

#include <algorithm>
#include <chrono>

#include "stores/journal/kafka/inspect.h"

namespace watchword::journal::kafka {
namespace {

constexpr int kSliceMs = 100;  // how often a wait looks whether it is hopeless

// read_uncommitted: whether a record counts is said by the frame alone, and a transaction that
// somebody leaves open must not hide what stands behind it. When its local queue is full,
// librdkafka 2.0 pauses for a second: the queue must last that long.
Settings settings_for(const KafkaOptions& options, Purpose purpose) {
  const bool stream = purpose == Purpose::stream;
  return {
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "error"},
      {"check.crcs", "true"},
      {"isolation.level", "read_uncommitted"},
      {"enable.partition.eof", "true"},
      {"fetch.wait.max.ms", "10"},
      {"fetch.error.backoff.ms", "20"},
      {"fetch.message.max.bytes", stream ? "4194304" : "1048576"},
      {"queued.max.messages.kbytes", stream ? "65536" : "8192"},
      {"queued.min.messages", "1000000"},
      {"socket.timeout.ms", std::to_string(std::max(1'000, options.timeout_ms))},
  };
}

}  // namespace

Result<std::unique_ptr<Reader>> Reader::make(const KafkaOptions& options, Purpose purpose) {
  auto client = Client::make(options, RD_KAFKA_CONSUMER, settings_for(options, purpose));
  if (!client) return client.error();
  return std::unique_ptr<Reader>(new Reader(std::move(*client), purpose));
}

Reader::~Reader() {
  message_.reset();
  stop();
}

Result<> Reader::start(int64_t offset) {
  stop();
  if (rd_kafka_consume_start(client_->topic(), client_->partition(), offset) != 0)
    return client_->error(rd_kafka_last_error(), "reading");
  is_started_ = true;
  position_ = offset;
  seen_end_ = -1;
  return {};
}

void Reader::stop() {
  message_.reset();
  if (!std::exchange(is_started_, false)) return;
  rd_kafka_consume_stop(client_->topic(), client_->partition());
}

Result<std::optional<Record>> Reader::next(int64_t end) {
  const auto give_up =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(client_->options().timeout_ms);
  while (position_ < end) {
    message_.reset(rd_kafka_consume(client_->topic(), client_->partition(), kSliceMs));
    if (!message_) client_->poll(0);
    if (message_ && message_->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      seen_end_ = message_->offset;
      // Behind the last record there may be offsets without one: marks of a foreign transaction.
      if (seen_end_ >= end) break;
    } else if (message_ && message_->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return failure(*message_);
    } else if (message_) {
      if (message_->offset >= end) break;
      position_ = message_->offset + 1;
      return std::optional(Record{
          message_->offset,
          message_->payload == nullptr
              ? std::string_view()
              : std::string_view(static_cast<const char*>(message_->payload), message_->len)});
    }
    if (client_->was_denied() || std::chrono::steady_clock::now() >= give_up)
      return waited_too_long(end);
  }
  position_ = std::max(position_, end);
  return std::optional<Record>();
}

Error Reader::failure(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) return out_of_range();
  return client_->error(message.err, "reading");
}

Error Reader::out_of_range() {
  const auto first = first_offset(*client_), end = end_offset(*client_);
  if (!first) return first.error();
  if (!end) return end.error();
  if (position_ >= *first)
    return {Errc::corrupt, "journal.kafka.end", "the topic ends at offset " + std::to_string(*end)};
  return {Errc::corrupt, "journal.kafka.deleted",
          client_->place(position_) + " is needed, but the topic begins at " +
              std::to_string(*first) +
              ": older frames were deleted, by retention or by hand; set retention.ms and "
              "retention.bytes to -1, and copy the journal back from its archive"};
}

Error Reader::waited_too_long(int64_t end) const {
  if (seen_end_ >= 0 && seen_end_ < end && !client_->was_denied())
    return {Errc::corrupt, "journal.kafka.end",
            "the topic ends at offset " + std::to_string(seen_end_)};
  return client_->error(RD_KAFKA_RESP_ERR__TIMED_OUT, "reading");
}

}  // namespace watchword::journal::kafka
