// Reads a partition's records by their offsets: a consumer that is assigned by hand and belongs to
// no group, so it commits nothing and needs no right on a group.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "stores/journal/kafka/client.h"

namespace watchword::journal::kafka {

enum class Purpose : uint8_t {
  stream,  // many records; up to 64 MiB are fetched ahead
  single,  // one record, or a few: a fetch or two
};

struct Record {
  int64_t offset = 0;
  std::string_view bytes;  // until the next call
};

// One thread at a time.
class Reader {
 public:
  static Result<std::unique_ptr<Reader>> make(const KafkaOptions& options, Purpose purpose);
  ~Reader();

  // Goes to `offset`, which must be there when next() is called.
  Result<> start(int64_t offset);
  // The next record below `end`; nullopt: there is none any more. Blocks until the topic has grown
  // to `end`, timeout_ms at most between two records. Errors: corrupt ("journal.kafka.deleted":
  // below the topic's beginning; "journal.kafka.end": the topic ends below `end`, the detail tells
  // where; "journal.kafka.checksum"), and those of Client::error().
  Result<std::optional<Record>> next(int64_t end);
  void stop();
  Client& client() const { return *client_; }
  Purpose purpose() const { return purpose_; }

 private:
  Reader(std::unique_ptr<Client> client, Purpose purpose)
      : client_(std::move(client)), purpose_(purpose) {}
  Error failure(const rd_kafka_message_t& message);
  Error out_of_range();
  Error waited_too_long(int64_t end) const;

  struct Destroy {
    void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  };
  const std::unique_ptr<Client> client_;
  const Purpose purpose_;
  std::unique_ptr<rd_kafka_message_t, Destroy> message_;
  int64_t position_ = 0;   // of the next record
  int64_t seen_end_ = -1;  // where the broker said that the topic ends
  bool is_started_ = false;
};

}  // namespace watchword::journal::kafka
