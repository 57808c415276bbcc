// Topics of a test's own on the real broker, and what others may do to them.
#pragma once
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "stores/journal/kafka/kafka.h"
#include "tests/suites/journal/journal_kit.h"

namespace watchword::journal {

// WATCHWORD_TEST_BROKERS; every test fails with a sentence when it is not set.
std::string test_brokers();

// A client that knows nothing of Watchword. Every failure of it is the test's.
class Bare {
 public:
  explicit Bare(const std::string& brokers = test_brokers());
  ~Bare();
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  void make_topic(const std::string& name, int partitions,
                  const std::map<std::string, std::string>& configs = {});
  void delete_topic(const std::string& name);
  // Deletes what stands below `offset`.
  void delete_records(const std::string& name, int partition, int64_t offset);
  // Writes one record; its offset.
  int64_t put(const std::string& topic, int partition, std::string_view bytes);
  // Offset of the end.
  int64_t end_of(const std::string& topic, int partition);
  std::string cluster_id();

 private:
  bool is_led(const std::string& topic, int partitions);
  template <class Ask>
  void admin(const std::string& what, Ask&& ask);
  rd_kafka_t* handle_ = nullptr;
};

// Somebody's transaction with one record in it.
class ForeignTransaction {
 public:
  ForeignTransaction(const std::string& topic, std::string_view bytes);
  ~ForeignTransaction();
  ForeignTransaction(const ForeignTransaction&) = delete;
  ForeignTransaction& operator=(const ForeignTransaction&) = delete;
  void commit();

 private:
  rd_kafka_t* handle_ = nullptr;
};

// A topic of its own, gone with this object.
class TestTopic {
 public:
  explicit TestTopic(int partitions = 1, const std::map<std::string, std::string>& configs = {});
  ~TestTopic() { bare_.delete_topic(name_); }
  const std::string& name() const { return name_; }
  Bare& bare() { return bare_; }
  KafkaOptions options() const;
  void make_anew();

 private:
  Bare bare_;
  const std::string name_;
};

inline std::unique_ptr<KafkaJournal> must_open(KafkaOptions options) {
  auto journal = open_kafka(std::move(options));
  EXPECT_TRUE(journal.ok()) << journal.error().reason << " " << journal.error().detail;
  return journal ? std::move(*journal) : nullptr;
}

// The error of opening.
inline Error trouble(KafkaOptions options) {
  auto journal = open_kafka(std::move(options));
  EXPECT_FALSE(journal.ok());
  return journal ? Error{Errc::internal, "none", ""} : journal.error();
}

}  // namespace watchword::journal
