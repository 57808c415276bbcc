// What must hold of broker and topic before a journal trusts them.
#pragma once
#include "stores/journal/kafka/client.h"

namespace watchword::journal::kafka {

// What a batch's and a record's own fields take at most, beside the frame (Kafka's record batch
// v2).
inline constexpr int64_t kRecordOverheadBytes = 512;

struct Topic {
  int64_t max_batch_bytes = 0;  // what the broker takes of one batch
};

// Waits for the broker, then checks cluster id, topic, number of partitions, cleanup.policy and
// max.message.bytes. Where the user may not read the settings, notes it, and a batch is one frame.
// Blocking, options.timeout_ms for each question. Errors: as of open_kafka().
Result<Topic> inspect(Client& client);

// The topic's metadata, as every producer must have it before it produces. Errors: the same.
Result<> await_topic(Client& client);

// The first offset that is still there, and the one behind the last that all replicas have.
Result<int64_t> first_offset(Client& client);
Result<int64_t> end_offset(Client& client);

}  // namespace watchword::journal::kafka
