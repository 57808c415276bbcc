// One instance of librdkafka with its topic, as values and Results.
#pragma once
#include <librdkafka/rdkafka.h>

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stores/journal/kafka/kafka.h"

namespace watchword::journal::kafka {

using Settings = std::vector<std::pair<std::string_view, std::string>>;

// Thread-safe. Destroying it ends librdkafka's threads (up to a second), and drops what was not
// sent.
class Client {
 public:
  // `settings` besides those that every client has. `delivered` is called by poll(), with `opaque`
  // as the last argument. Errors: invalid ("journal.kafka.property").
  using Delivered = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);
  static Result<std::unique_ptr<Client>> make(const KafkaOptions& options, rd_kafka_type_t type,
                                              const Settings& settings,
                                              Delivered delivered = nullptr,
                                              void* opaque = nullptr);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* handle() const { return handle_; }
  rd_kafka_topic_t* topic() const { return topic_; }
  int32_t partition() const { return static_cast<int32_t>(options_.partition); }
  const KafkaOptions& options() const { return options_; }
  void note(std::string_view line) const;
  // Serves callbacks: delivery reports and errors.
  void poll(int wait_ms) { rd_kafka_poll(handle_, wait_ms); }

  // How an error of librdkafka's is told; the last thing that went wrong with a connection is part
  // of the sentence where it may explain a timeout.
  Error error(rd_kafka_resp_err_t code, std::string_view doing) const;
  // Set once a password or a certificate was refused: waiting longer will not help.
  bool was_denied() const;
  void forget_errors();
  std::string place(int64_t offset) const;  // "watchword.journal[3] at offset 17"
  std::string place() const;

 private:
  explicit Client(const KafkaOptions& options) : options_(options) {}
  static void on_error(rd_kafka_t*, int code, const char* reason, void* opaque);
  static void on_log(const rd_kafka_t*, int level, const char* facility, const char* line);

  const KafkaOptions options_;
  Delivered delivered_ = nullptr;
  void* opaque_ = nullptr;
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  mutable std::mutex mutex_;
  rd_kafka_resp_err_t last_code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string last_reason_;
};

}  // namespace watchword::journal::kafka
