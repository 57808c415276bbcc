#include "stores/journal/kafka/producer.h"

#include <algorithm>

namespace watchword::journal::kafka {
namespace {

// Half of the time for one try: where the answer is lost, a second one finds out.
Settings settings_for(const KafkaOptions& options, int64_t max_batch_bytes) {
  const std::string half = std::to_string(std::max(10, options.append_timeout_ms / 2));
  return {
      {"enable.idempotence", "true"},
      {"enable.gapless.guarantee", "true"},
      {"acks", "all"},
      {"max.in.flight.requests.per.connection", "5"},
      {"linger.ms", "0"},
      {"partitioner", "murmur2_random"},
      {"retry.backoff.ms", "20"},
      {"message.timeout.ms", std::to_string(options.append_timeout_ms)},
      {"request.timeout.ms", half},
      {"socket.timeout.ms", half},
      {"batch.size", std::to_string(std::min<int64_t>(max_batch_bytes, 1'000'000))},
      {"queue.buffering.max.messages", "1000000"},
      {"queue.buffering.max.kbytes", "131072"},
  };
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::make(const KafkaOptions& options,
                                                 int64_t max_batch_bytes, int wake_fd,
                                                 Reported reported, void* opaque) {
  auto producer = std::make_unique<Producer>();
  producer->reported_ = reported;
  producer->opaque_ = opaque;
  auto client = Client::make(options, RD_KAFKA_PRODUCER, settings_for(options, max_batch_bytes),
                             on_delivered, producer.get());
  if (!client) return client.error();
  producer->client_ = std::move(*client);
  const uint64_t one = 1;
  rd_kafka_queue_t* queue = rd_kafka_queue_get_main(producer->client_->handle());
  rd_kafka_queue_io_event_enable(queue, wake_fd, &one, sizeof one);
  rd_kafka_queue_destroy(queue);
  return producer;
}

void Producer::on_delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  const auto* producer = static_cast<const Producer*>(self);
  const bool failed = message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
  producer->reported_(
      {message->_private, message->err, message->offset,
       failed && rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED},
      producer->opaque_);
}

// The record has no key: a topic that is compacted by mistake then refuses it instead of keeping
// only the last.
rd_kafka_resp_err_t Producer::send(std::string_view frame, void* mark) {
  const int sent =
      rd_kafka_produce(client_->topic(), client_->partition(), 0, const_cast<char*>(frame.data()),
                       frame.size(), nullptr, 0, mark);
  return sent == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
}

bool Producer::fatal(std::string& why) const {
  char text[512];
  if (rd_kafka_fatal_error(client_->handle(), text, sizeof text) == RD_KAFKA_RESP_ERR_NO_ERROR)
    return false;
  why = text;
  return true;
}

}  // namespace watchword::journal::kafka
