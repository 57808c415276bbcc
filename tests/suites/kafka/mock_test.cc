// Error codes that a healthy broker never gives, from librdkafka's mock cluster: it neither fences
// nor checks sequences, so nothing else is asked of it.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <future>

#include "tests/suites/kafka/kafka_kit.h"

namespace watchword::journal {
namespace {

constexpr int16_t kProduce = 0;  // Kafka protocol, ApiKey

class MockCluster {
 public:
  MockCluster() {
    char why[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "2", nullptr, 0);
    owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    cluster_ = rd_kafka_mock_cluster_new(owner_, 1);
    rd_kafka_mock_topic_create(cluster_, "watchword.journal", 1, 1);
  }
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(owner_);
  }
  KafkaOptions options() const {
    KafkaOptions options;
    options.brokers = rd_kafka_mock_cluster_bootstraps(cluster_);
    options.append_timeout_ms = 2'000;
    options.timeout_ms = 1'000;  // the mock leaves some questions unanswered
    return options;
  }
  void fail_next_produce(rd_kafka_resp_err_t code) {
    rd_kafka_mock_push_request_errors(cluster_, kProduce, 1, code);
  }
  void answer_after(int delay_ms) { rd_kafka_mock_broker_set_rtt(cluster_, 1, delay_ms); }

 private:
  rd_kafka_t* owner_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

TEST(KafkaErrorCodes, WhatPassesIsTriedAgainAndNobodyHearsOfIt) {
  MockCluster mock;
  const auto journal = must_open(mock.options());
  claimed(*journal);
  uint64_t seq = 1;
  for (const auto code :
       {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT}) {
    mock.fail_next_produce(code);
    const auto done = append_now(*journal, frame_of(1, ++seq));
    EXPECT_TRUE(done.ok()) << rd_kafka_err2name(code) << " " << done.error().detail;
  }
  EXPECT_EQ(everything(*journal).size(), 5u);
}

TEST(KafkaErrorCodes, WhatIsFinalEndsTheTermInOrderAndAClaimGoesOn) {
  MockCluster mock;
  const auto journal = must_open(mock.options());
  for (const auto code :
       {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_INVALID_MSG, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, RD_KAFKA_RESP_ERR_UNKNOWN}) {
    const Tail tail = claimed(*journal);
    mock.fail_next_produce(code);
    const auto failed = append_now(*journal, frame_of(tail.epoch, tail.seq + 1));
    EXPECT_FALSE(failed.ok()) << rd_kafka_err2name(code);
    if (failed) continue;
    EXPECT_NE(failed.error().detail, "") << rd_kafka_err2name(code);
    const auto behind = append_now(*journal, frame_of(tail.epoch, tail.seq + 2));
    EXPECT_EQ(behind.error(), failed.error()) << "every later append fails the same way";
    EXPECT_EQ(journal->tail().seq, tail.seq);
  }
  EXPECT_EQ(claimed(*journal).epoch, 7u);
  EXPECT_EQ(everything(*journal).size(), 7u) << "the claims only";
}

TEST(KafkaErrorCodes, ADeniedWriteIsToldAsSuch) {
  MockCluster mock;
  const auto journal = must_open(mock.options());
  claimed(*journal);
  mock.fail_next_produce(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  const auto denied = append_now(*journal, frame_of(1, 2));
  EXPECT_EQ(denied.error().code, Errc::denied);
  EXPECT_EQ(denied.error().reason, "journal.kafka.denied");
  EXPECT_NE(denied.error().detail.find("Write on the topic"), std::string::npos);
}

TEST(KafkaErrorCodes, AClaimThatIsNotAcknowledgedOpensNoTerm) {
  MockCluster mock;
  const auto journal = must_open(mock.options());
  mock.fail_next_produce(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  EXPECT_EQ(journal->claim("node-a", kIncarnation, 1).error().reason, "journal.kafka.denied");
  EXPECT_EQ(append_now(*journal, frame_of(1, 2)).error().reason, "journal.append.not_claimed");
  EXPECT_EQ(claimed(*journal).epoch, 1u);
}

TEST(KafkaErrorCodes, AFrameWhoseAnswerIsLostIsFoundByTheNextClaim) {
  MockCluster mock;
  KafkaOptions options = mock.options();
  options.append_timeout_ms = 500;
  options.timeout_ms = 3'000;
  const auto journal = must_open(options);
  claimed(*journal);
  mock.answer_after(2'000);
  EXPECT_EQ(append_now(*journal, frame_of(1, 2)).error().reason, "journal.kafka.unknown");
  mock.answer_after(0);
  EXPECT_EQ(journal->tail().seq, 1u);
  EXPECT_EQ(claimed(*journal).seq, 3u) << "it was written, once";
  EXPECT_EQ(everything(*journal)[1].epoch, 1u);
}

TEST(KafkaErrorCodes, SettingsThatMayNotBeReadAreToldAndTheJournalWorks) {
  MockCluster mock;
  KafkaOptions options = mock.options();
  std::string told;
  options.note = [&](std::string_view line) { told += line; };
  const auto journal = must_open(options);
  EXPECT_NE(told.find("Its settings stay unchecked"), std::string::npos) << told;
  claimed(*journal);
  append_all(*journal, {200'000, 200'000});
}

}  // namespace
}  // namespace watchword::journal
