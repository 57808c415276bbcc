// What opening refuses, each with a sentence that says what to do.
#include "tests/suites/kafka/kafka_kit.h"

namespace watchword::journal {
namespace {

void expect_refused(const KafkaOptions& options, Errc code, std::string_view reason,
                    std::string_view told) {
  const Error error = trouble(options);
  EXPECT_EQ(error.code, code) << error.detail;
  EXPECT_EQ(error.reason, reason) << error.detail;
  EXPECT_NE(error.detail.find(told), std::string::npos) << error.detail;
}

TEST(KafkaRefusal, NamesATopicThatIsNotThere) {
  TestTopic topic;
  KafkaOptions options = topic.options();
  options.topic += "-other";
  expect_refused(options, Errc::not_found, "journal.kafka.topic", "watchword kafka init");
}

TEST(KafkaRefusal, NamesAWrongNumberOfPartitions) {
  TestTopic topic(2);
  KafkaOptions options = topic.options();
  options.partitions = 4;
  expect_refused(options, Errc::conflict, "journal.kafka.partitions", "has 2 partitions, not 4");
  options.partitions = 0;
  options.partition = 2;
  expect_refused(options, Errc::conflict, "journal.kafka.partitions", "has 2 partitions, not 3");
}

TEST(KafkaRefusal, NamesAnotherCluster) {
  TestTopic topic;
  KafkaOptions options = topic.options();
  options.cluster_id = topic.bare().cluster_id();
  must_open(options);
  options.cluster_id = "another-cluster";
  expect_refused(options, Errc::conflict, "journal.kafka.cluster", "belongs to another-cluster");
}

TEST(KafkaRefusal, NamesABrokerThatIsNotThere) {
  KafkaOptions options;
  options.brokers = "127.0.0.1:1";
  options.timeout_ms = 500;
  expect_refused(options, Errc::unavailable, "journal.kafka.unreachable", "start the broker");
  options.brokers = "no-such-host.invalid:9092";
  expect_refused(options, Errc::unavailable, "journal.kafka.unreachable", "no-such-host.invalid");
}

TEST(KafkaRefusal, NamesACompactedTopicAndOneForSmallRecordsOnly) {
  TestTopic compacted(1, {{"cleanup.policy", "compact"}});
  expect_refused(compacted.options(), Errc::conflict, "journal.kafka.settings",
                 "cleanup.policy=delete");
  TestTopic small(1, {{"max.message.bytes", "200000"}});
  expect_refused(small.options(), Errc::conflict, "journal.kafka.settings",
                 "max.message.bytes=1048588");
}

TEST(KafkaRefusal, TakesATopicWithJustEnoughRoomForAFrame) {
  TestTopic topic(1, {{"max.message.bytes", "263000"}});
  const auto journal = must_open(topic.options());
  claimed(*journal);
  const size_t around = frame_of(1, 2, kMaxFrameBytes / 2).size() - kMaxFrameBytes / 2;
  std::vector<std::future<Result<uint64_t>>> answers;
  for (uint64_t seq = 2; seq <= 20; ++seq)
    answers.push_back(append_later(*journal, frame_of(1, seq, kMaxFrameBytes - around)));
  for (auto& answer : answers) {
    const auto done = answer.get();
    EXPECT_TRUE(done.ok()) << done.error().detail;
  }
}

TEST(KafkaRefusal, NamesAPropertyThatDoesNotExistOrIsNotForTheOperatorButNoSecret) {
  TestTopic topic;
  KafkaOptions options = topic.options();
  options.properties = {{"no.such.thing", "1"}};
  expect_refused(options, Errc::invalid, "journal.kafka.property", "no property no.such.thing");
  options.properties = {{"acks", "1"}};
  expect_refused(options, Errc::invalid, "journal.kafka.property", "acks is set by Watchword");
  options.properties = {{"security.protocol", "my-secret"}};
  expect_refused(options, Errc::invalid, "journal.kafka.property", "security.protocol");
  EXPECT_EQ(trouble(options).detail.find("my-secret"), std::string::npos);
  options.properties = {{"client.rack", "a"}};
  must_open(options);
}

TEST(KafkaRefusal, TakesNoOptionsThatCannotWork) {
  KafkaOptions options;
  expect_refused(options, Errc::invalid, "journal.kafka.options", "name the brokers");
  options.brokers = test_brokers();
  options.timeout_ms = 0;
  expect_refused(options, Errc::invalid, "journal.kafka.options", "100 ms");
}

}  // namespace
}  // namespace watchword::journal
