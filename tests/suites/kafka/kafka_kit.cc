#include "tests/suites/kafka/kafka_kit.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>

namespace watchword::journal {
namespace {

constexpr int kWaitMs = 20'000;

class NeedsBroker : public testing::Environment {
 public:
  void SetUp() override {
    ASSERT_FALSE(test_brokers().empty())
        << "these tests need Apache Kafka: run 'deploy/kafka/broker.sh start' and set "
           "WATCHWORD_TEST_BROKERS=127.0.0.1:9092";
  }
};
[[maybe_unused]] const auto* const kNeedsBroker =
    testing::AddGlobalTestEnvironment(new NeedsBroker);

void check_ok(rd_kafka_resp_err_t code, const std::string& what) {
  EXPECT_EQ(code, RD_KAFKA_RESP_ERR_NO_ERROR) << what << ": " << rd_kafka_err2str(code);
}

void check_ok(rd_kafka_error_t* error) {
  EXPECT_EQ(error, nullptr) << rd_kafka_error_string(error);
  if (error != nullptr) rd_kafka_error_destroy(error);
}

}  // namespace

std::string test_brokers() {
  const char* brokers = std::getenv("WATCHWORD_TEST_BROKERS");
  return brokers == nullptr ? "" : brokers;
}

Bare::Bare(const std::string& brokers) {
  char why[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const auto set = [&](const char* name, const std::string& value) {
    EXPECT_EQ(rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why), RD_KAFKA_CONF_OK)
        << why;
  };
  set("bootstrap.servers", brokers);
  set("linger.ms", "0");
  set("message.max.bytes", "2000000");
  set("log_level", "2");
  rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
    check_ok(message->err, "put");
    *static_cast<int64_t*>(message->_private) = message->offset;
  });
  handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  EXPECT_NE(handle_, nullptr) << why;
}

Bare::~Bare() { rd_kafka_destroy(handle_); }

// `ask` sends the request to the queue.
template <class Ask>
void Bare::admin(const std::string& what, Ask&& ask) {
  rd_kafka_queue_t* queue = rd_kafka_queue_new(handle_);
  ask(queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kWaitMs);
  ASSERT_NE(event, nullptr) << what << ": no answer";
  check_ok(rd_kafka_event_error(event), what);
  if (const auto* made = rd_kafka_event_CreateTopics_result(event)) {
    size_t count = 0;
    const auto** topics = rd_kafka_CreateTopics_result_topics(made, &count);
    for (size_t i = 0; i < count; ++i) check_ok(rd_kafka_topic_result_error(topics[i]), what);
  }
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
}

void Bare::make_topic(const std::string& name, int partitions,
                      const std::map<std::string, std::string>& configs) {
  char why[256];
  rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(name.c_str(), partitions, 1, why, sizeof why);
  ASSERT_NE(topic, nullptr) << why;
  for (const auto& [key, value] : configs)
    rd_kafka_NewTopic_set_config(topic, key.c_str(), value.c_str());
  admin("make " + name, [&](rd_kafka_queue_t* queue) {
    rd_kafka_CreateTopics(handle_, &topic, 1, nullptr, queue);
  });
  rd_kafka_NewTopic_destroy(topic);
  // The broker answers before all of it knows the topic.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(kWaitMs);
  while (!is_led(name, partitions)) {
    ASSERT_LT(std::chrono::steady_clock::now(), give_up) << name << " has no leader";
    rd_kafka_poll(handle_, 5);
  }
}

bool Bare::is_led(const std::string& topic, int partitions) {
  rd_kafka_topic_t* handle = rd_kafka_topic_new(handle_, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code = rd_kafka_metadata(handle_, 0, handle, &metadata, kWaitMs);
  rd_kafka_topic_destroy(handle);
  check_ok(code, "metadata");
  if (metadata == nullptr) return false;
  const auto& found = metadata->topics[0];
  bool led = found.err == RD_KAFKA_RESP_ERR_NO_ERROR && found.partition_cnt == partitions;
  for (int i = 0; led && i < partitions; ++i) led = found.partitions[i].leader >= 0;
  rd_kafka_metadata_destroy(metadata);
  return led;
}

void Bare::delete_topic(const std::string& name) {
  rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(name.c_str());
  admin("delete " + name, [&](rd_kafka_queue_t* queue) {
    rd_kafka_DeleteTopics(handle_, &topic, 1, nullptr, queue);
  });
  rd_kafka_DeleteTopic_destroy(topic);
}

void Bare::delete_records(const std::string& name, int partition, int64_t offset) {
  auto* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, name.c_str(), partition)->offset = offset;
  rd_kafka_DeleteRecords_t* records = rd_kafka_DeleteRecords_new(list);
  rd_kafka_topic_partition_list_destroy(list);
  admin("delete records", [&](rd_kafka_queue_t* queue) {
    rd_kafka_DeleteRecords(handle_, &records, 1, nullptr, queue);
  });
  rd_kafka_DeleteRecords_destroy(records);
}

int64_t Bare::put(const std::string& topic, int partition, std::string_view bytes) {
  int64_t offset = -1;
  const auto sent =
      rd_kafka_producev(handle_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                        RD_KAFKA_V_VALUE(const_cast<char*>(bytes.data()), bytes.size()),
                        RD_KAFKA_V_OPAQUE(&offset), RD_KAFKA_V_END);
  check_ok(sent, "put");
  check_ok(rd_kafka_flush(handle_, kWaitMs), "flush");
  EXPECT_GE(offset, 0);
  return offset;
}

int64_t Bare::end_of(const std::string& topic, int partition) {
  int64_t low = -1, high = -1;
  check_ok(
      rd_kafka_query_watermark_offsets(handle_, topic.c_str(), partition, &low, &high, kWaitMs),
      "watermarks");
  return high;
}

std::string Bare::cluster_id() {
  char* id = rd_kafka_clusterid(handle_, kWaitMs);
  EXPECT_NE(id, nullptr);
  const std::string text = id == nullptr ? "" : id;
  rd_kafka_mem_free(handle_, id);
  return text;
}

ForeignTransaction::ForeignTransaction(const std::string& topic, std::string_view bytes) {
  char why[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", test_brokers().c_str(), why, sizeof why);
  rd_kafka_conf_set(conf, "transactional.id", topic.c_str(), why, sizeof why);
  handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  check_ok(rd_kafka_init_transactions(handle_, kWaitMs));
  check_ok(rd_kafka_begin_transaction(handle_));
  check_ok(rd_kafka_producev(handle_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_VALUE(const_cast<char*>(bytes.data()), bytes.size()),
                             RD_KAFKA_V_END),
           "put");
  check_ok(rd_kafka_flush(handle_, kWaitMs), "flush");
}

ForeignTransaction::~ForeignTransaction() { rd_kafka_destroy(handle_); }

void ForeignTransaction::commit() { check_ok(rd_kafka_commit_transaction(handle_, kWaitMs)); }

TestTopic::TestTopic(int partitions, const std::map<std::string, std::string>& configs)
    : name_([] {
        static std::atomic<int> made{0};
        return "watchword.test-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
      }()) {
  bare_.make_topic(name_, partitions, configs);
}

KafkaOptions TestTopic::options() const {
  KafkaOptions options;
  options.brokers = test_brokers();
  options.topic = name_;
  return options;
}

// The broker deletes in the background: a name may be taken for a moment after.
void TestTopic::make_anew() {
  bare_.delete_topic(name_);
  bare_.make_topic(name_, 1);
}

}  // namespace watchword::journal
