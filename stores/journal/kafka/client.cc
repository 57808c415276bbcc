#include "stores/journal/kafka/client.h"

#include <syslog.h>

#include <algorithm>
#include <array>

namespace watchword::journal::kafka {
namespace {

// What makes an acknowledged frame durable, in order and read as written.
constexpr std::array<std::string_view, 24> kOurs{
    "bootstrap.servers",
    "metadata.broker.list",
    "enable.idempotence",
    "enable.gapless.guarantee",
    "acks",
    "request.required.acks",
    "transactional.id",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "retries",
    "message.send.max.retries",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "request.timeout.ms",
    "delivery.report.only.error",
    "group.id",
    "enable.auto.commit",
    "auto.commit.enable",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "check.crcs",
    "isolation.level",
    "enable.partition.eof",
    "message.max.bytes",
};

Settings common(const KafkaOptions& options) {
  return {
      {"bootstrap.servers", options.brokers},
      {"client.id", "watchword"},
      {"socket.nagle.disable", "true"},
      {"socket.keepalive.enable", "true"},
      {"socket.connection.setup.timeout.ms", std::to_string(std::max(1'000, options.timeout_ms))},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "1000"},
      {"allow.auto.create.topics", "false"},
      {"log.connection.close", "false"},
  };
}

struct Conf {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  ~Conf() {
    if (conf != nullptr) rd_kafka_conf_destroy(conf);
  }
  Result<> set(const std::string& name, const std::string& value) {
    char why[512];
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why, sizeof why) == RD_KAFKA_CONF_OK)
      return {};
    // librdkafka's sentence may repeat the value, which may be a password.
    size_t length = 0;
    const bool unknown =
        rd_kafka_conf_get(conf, name.c_str(), nullptr, &length) != RD_KAFKA_CONF_OK;
    return Error{Errc::invalid, "journal.kafka.property",
                 "librdkafka " +
                     std::string(unknown ? "has no property " : "does not take that value for ") +
                     name + "; see its CONFIGURATION.md"};
  }
};

Result<> fill(Conf& conf, const KafkaOptions& options, const Settings& settings) {
  for (const auto& [name, value] : common(options))
    if (auto set = conf.set(std::string(name), value); !set) return set;
  for (const auto& [name, value] : options.properties) {
    if (std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end())
      return Error{Errc::invalid, "journal.kafka.property",
                   name + " is set by Watchword itself; take it out of the properties"};
    if (auto set = conf.set(name, value); !set) return set;
  }
  for (const auto& [name, value] : settings)
    if (auto set = conf.set(std::string(name), value); !set) return set;
  return {};
}

struct Told {
  Errc code;
  std::string_view reason;
  std::string_view advice;
};

// What an operator can do about it.
Told told(rd_kafka_resp_err_t code) {
  switch (static_cast<int>(code)) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__SSL:
      return {Errc::denied, "journal.kafka.denied",
              "check user, password and certificates among the properties of Kafka"};
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return {Errc::denied, "journal.kafka.denied",
              "give this user Describe, DescribeConfigs, Read and Write on the topic"};
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      return {Errc::not_found, "journal.kafka.topic",
              "make it with 'watchword kafka init', or correct its name"};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return {Errc::conflict, "journal.kafka.settings", "raise the topic's max.message.bytes"};
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return {Errc::unavailable, "journal.kafka.unreachable",
              "start the broker, or correct its address"};
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
      return {Errc::unavailable, "journal.kafka.timeout", "see whether the broker is well"};
    case RD_KAFKA_RESP_ERR__BAD_MSG:
      return {Errc::corrupt, "journal.kafka.checksum",
              "the broker's copy is damaged: let another replica lead, or restore the topic"};
    default:
      return {Errc::io, "journal.kafka.broker", "see the broker's log"};
  }
}

bool is_denial(rd_kafka_resp_err_t code) { return told(code).code == Errc::denied; }

}  // namespace

Result<std::unique_ptr<Client>> Client::make(const KafkaOptions& options, rd_kafka_type_t type,
                                             const Settings& settings, Delivered delivered,
                                             void* opaque) {
  Conf conf;
  if (auto filled = fill(conf, options, settings); !filled) return filled.error();
  std::unique_ptr<Client> client(new Client(options));
  client->delivered_ = delivered;
  client->opaque_ = opaque;
  rd_kafka_conf_set_opaque(conf.conf, client.get());
  rd_kafka_conf_set_error_cb(conf.conf, on_error);
  rd_kafka_conf_set_log_cb(conf.conf, on_log);
  if (delivered != nullptr)
    rd_kafka_conf_set_dr_msg_cb(
        conf.conf, [](rd_kafka_t* handle, const rd_kafka_message_t* message, void* self) {
          const auto* client = static_cast<const Client*>(self);
          client->delivered_(handle, message, client->opaque_);
        });
  char why[512];
  client->handle_ = rd_kafka_new(type, conf.conf, why, sizeof why);
  if (client->handle_ == nullptr) return Error{Errc::invalid, "journal.kafka.property", why};
  conf.conf = nullptr;  // it is the instance's now
  client->topic_ = rd_kafka_topic_new(client->handle_, options.topic.c_str(), nullptr);
  if (client->topic_ == nullptr)
    return Error{Errc::invalid, "journal.kafka.options",
                 "'" + options.topic + "' is no topic name"};
  return client;
}

Client::~Client() {
  if (topic_ != nullptr) rd_kafka_topic_destroy(topic_);
  if (handle_ == nullptr) return;
  if (rd_kafka_type(handle_) == RD_KAFKA_PRODUCER)
    rd_kafka_purge(handle_, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_destroy(handle_);
}

void Client::note(std::string_view line) const {
  if (options_.note) options_.note(line);
}

void Client::on_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
  auto& self = *static_cast<Client*>(opaque);
  const std::lock_guard lock(self.mutex_);
  // "All brokers are down" says less than what came before it.
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !self.last_reason_.empty()) return;
  if (is_denial(self.last_code_)) return;
  self.last_code_ = static_cast<rd_kafka_resp_err_t>(code);
  self.last_reason_ = reason;
}

void Client::on_log(const rd_kafka_t* handle, int level, const char* facility, const char* line) {
  const auto* self = static_cast<const Client*>(rd_kafka_opaque(handle));
  // A property may be meant for producers only, and all clients get the same ones.
  if (level > LOG_WARNING || std::string_view(facility) == "CONFWARN" || self == nullptr) return;
  self->note("librdkafka: " + std::string(facility) + ": " + line);
}

bool Client::was_denied() const {
  const std::lock_guard lock(mutex_);
  return is_denial(last_code_);
}

void Client::forget_errors() {
  const std::lock_guard lock(mutex_);
  last_code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  last_reason_.clear();
}

Error Client::error(rd_kafka_resp_err_t code, std::string_view doing) const {
  const std::lock_guard lock(mutex_);
  const bool waited = told(code).code == Errc::unavailable;
  if (waited && last_code_ != RD_KAFKA_RESP_ERR_NO_ERROR) code = last_code_;
  const Told known = told(code);
  std::string why = rd_kafka_err2str(code);
  if (waited && !last_reason_.empty()) why = last_reason_;
  return {known.code, known.reason,
          std::string(doing) + " " + options_.topic + "[" + std::to_string(options_.partition) +
              "] at " + options_.brokers + ": " + why + "; " + std::string(known.advice)};
}

std::string Client::place() const {
  return options_.topic + "[" + std::to_string(options_.partition) + "]";
}

std::string Client::place(int64_t offset) const {
  return place() + " at offset " + std::to_string(offset);
}

}  // namespace watchword::journal::kafka
