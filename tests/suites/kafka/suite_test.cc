// The one suite, on the real broker: every store is a topic of its own.
#include "tests/suites/journal/suite.h"

#include "tests/suites/kafka/kafka_kit.h"

namespace watchword::journal {
namespace {

class KafkaStore final : public Store {
 public:
  std::unique_ptr<Journal> open() override { return must_open(topic_.options()); }

 private:
  TestTopic topic_;
};

INSTANTIATE_TEST_SUITE_P(, EveryJournal,
                         testing::Values(Kind{"Kafka",
                                              [] { return std::make_unique<KafkaStore>(); }}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace watchword::journal
