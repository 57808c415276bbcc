// The journal on Apache Kafka: one record of the topic is one frame, byte for byte as segment files
// hold it. README.md has the rules; PROTOCOL section 2 (frames, claims) is what they follow.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stores/journal/journal.h"

namespace watchword::journal {

// A frame that counts, and where it stands in the topic. Kept across restarts (and checked when it
// is given back), it spares reading everything before it.
struct KafkaPlace {
  Tail tail;
  Hash previous{};      // h(tail.seq - 1)
  int64_t offset = -1;  // -1: before the first frame
  uint64_t bytes = 0;   // of all frames that count, up to this one
};

struct KafkaOptions {
  std::string brokers;  // "host:port,host:port"
  std::string topic = "watchword.journal";
  uint32_t partition = 0;
  uint32_t partitions = 0;  // how many the topic must have; 0: not checked
  std::string cluster_id;   // the one that the broker must name; empty: not checked
  // Passed to librdkafka as they are: security.protocol, sasl.*, ssl.*, ... What Watchword sets
  // itself for safety is refused.
  std::vector<std::pair<std::string, std::string>> properties;
  int timeout_ms =
      10'000;  // for the broker to answer when opening, claiming, reading; at least 100
  // For a frame to be acknowledged, retries and a broker's restart included; at least 100. What is
  // not by then has an unknown outcome, which ends the term.
  int append_timeout_ms = 10'000;
  std::optional<KafkaPlace> from;  // see KafkaPlace; nullopt: the first frame
  // Claims although frames that the journal once held are missing (README.md, "Losses").
  bool accept_loss = false;
  // One line for the operator (records that are no frames, what librdkafka warns of); any thread.
  std::function<void(std::string_view)> note;
};

// Semantics as of Journal. Besides:
// - While no term of this object's own runs, read() goes to what the topic holds at the call, and
//   tail() tells the furthest that was read. In a term both end at what was accepted.
// - append() answers "journal.append.fenced" (conflict) when another claim came between;
//   "journal.kafka.unknown" (io) when the frame may or may not stand in the log: claim() finds out;
//   "journal.kafka.append" and others below (io, denied, ...) when the broker refused it.
//   "journal.disk_full": 32 MiB wait for the broker already.
// - claim() drops what librdkafka still has of an earlier term, reads up to its own claim, and
//   counts only if that does. Errors: as of open_kafka(), and conflict, "journal.claim.lost".
// - Destroying it finishes what was appended, in append_timeout_ms at most.
class KafkaJournal : public Journal {
 public:
  // The last frame known to count.
  virtual KafkaPlace place() const = 0;
};

// Connects, checks topic and settings, and reads from `from` to the end. Threads: one of its own
// and those of librdkafka, three and one a broker for each of producer and readers. Errors:
// - invalid ("journal.kafka.property", "journal.kafka.options")
// - unavailable ("journal.kafka.unreachable", "journal.kafka.timeout")
// - denied ("journal.kafka.denied": password, certificate or ACL)
// - not_found ("journal.kafka.topic")
// - conflict ("journal.kafka.cluster", "journal.kafka.partitions", "journal.kafka.settings")
// - corrupt ("journal.kafka.deleted": the beginning is gone; "journal.kafka.truncated": `from`, or
//   what this object itself has seen, is not there; "journal.kafka.hole"; "journal.kafka.version")
// - io ("journal.kafka.broker": any other error of the broker's)
// Each detail is a sentence that names topic, partition and offset, and what to do.
Result<std::unique_ptr<KafkaJournal>> open_kafka(KafkaOptions options);

// For replay: makes no producer. claim() and append() answer denied, "journal.read_only".
Result<std::unique_ptr<KafkaJournal>> open_kafka_read_only(KafkaOptions options);

}  // namespace watchword::journal
