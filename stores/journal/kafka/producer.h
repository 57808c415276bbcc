// Writes frames to one partition: idempotent, gapless, each acknowledged by all replicas in sync.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include "stores/journal/kafka/client.h"

namespace watchword::journal::kafka {

// What became of a frame.
struct Report {
  void* mark = nullptr;  // as given to send()
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  int64_t offset = -1;
  bool may_be_written = false;  // an error, but the frame may stand in the log all the same
};

// One thread. Destroying it waits for librdkafka's threads; nothing refers to a frame then, though
// what was on its way may still reach the log.
class Producer {
 public:
  using Reported = void (*)(const Report&, void* opaque);
  // `wake_fd`: an eventfd that becomes readable when there is something to poll. Fetches its
  // producer id in the background, which librdkafka takes up to 0.5 s for: make it ahead of its
  // use.
  static Result<std::unique_ptr<Producer>> make(const KafkaOptions& options,
                                                int64_t max_batch_bytes, int wake_fd,
                                                Reported reported, void* opaque);
  // Not copied: `frame` must stay where it is until it is reported or the producer is gone.
  rd_kafka_resp_err_t send(std::string_view frame, void* mark);
  // Calls `reported` for what has been, in the order of sending while all goes well.
  void poll(int wait_ms) { client_->poll(wait_ms); }
  // Once set, every send fails with it.
  bool fatal(std::string& why) const;
  Client& client() const { return *client_; }

 private:
  static void on_delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* self);
  Reported reported_ = nullptr;
  void* opaque_ = nullptr;
  std::unique_ptr<Client> client_;
};

}  // namespace watchword::journal::kafka
