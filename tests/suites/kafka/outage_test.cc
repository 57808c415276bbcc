// A broker that is killed, restarted, stopped and woken while frames are on their way.
#include <atomic>
#include <future>
#include <map>
#include <mutex>

#include "tests/suites/kafka/kafka_kit.h"
#include "tests/suites/kafka/own_broker.h"

namespace watchword::journal {
namespace {

// One broker for all of these tests, a topic for each.
class KafkaOutage : public testing::Test {
 protected:
  static void SetUpTestSuite() { broker_ = std::make_unique<OwnBroker>(); }
  static void TearDownTestSuite() { broker_.reset(); }
  // As `watchword kafka init` makes it for one broker: synced before it is acknowledged.
  void SetUp() override {
    static int made = 0;
    options_.brokers = broker_->address();
    options_.topic = "watchword.journal-" + std::to_string(++made);
    Bare(options_.brokers).make_topic(options_.topic, 1, {{"flush.messages", "1"}});
  }
  static std::unique_ptr<OwnBroker> broker_;
  KafkaOptions options_;
};
std::unique_ptr<OwnBroker> KafkaOutage::broker_;

// Appends frame after frame, four in flight; remembers what was answered.
class Load {
 public:
  explicit Load(Journal& journal) : journal_(journal), epoch_(journal.tail().epoch) {
    next_ = journal.tail().seq + 1;
    for (int i = 0; i < 4; ++i) append_next();
  }
  // Blocks until so many were accepted, or one was refused.
  bool wait_for(uint64_t accepted) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return accepted_.size() >= accepted || error_; });
    return !error_;
  }
  // Blocks until all is answered; the first error, if any.
  std::optional<Error> stop() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.wait(lock, [&] { return in_flight_ == 0; });
    return error_;
  }
  const std::map<uint64_t, std::string>& accepted() const { return accepted_; }

 private:
  void append_next() {
    std::string frame;
    uint64_t seq = 0;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || error_) return changed_.notify_all();
      ++in_flight_;
      seq = next_++;
    }
    frame = frame_of(epoch_, seq, 3'000);
    const std::string body = frame.substr(kFrameHeaderBytes);
    journal_.append(std::move(frame), [this, seq, body](Result<uint64_t> done) {
      {
        const std::lock_guard lock(mutex_);
        --in_flight_;
        if (done)
          accepted_[seq] = body;
        else if (!error_)
          error_ = done.error();
      }
      changed_.notify_all();
      append_next();
    });
  }
  Journal& journal_;
  const uint64_t epoch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t next_ = 0;
  int in_flight_ = 0;
  bool stopping_ = false;
  std::map<uint64_t, std::string> accepted_;
  std::optional<Error> error_;
};

void expect_all_there(const Journal& journal, const std::map<uint64_t, std::string>& accepted) {
  const auto kept = everything(journal);
  for (const auto& [seq, body] : accepted) {
    ASSERT_LE(seq, kept.size());
    EXPECT_EQ(kept[seq - 1].bytes.substr(kFrameHeaderBytes), body) << seq;
  }
}

// Claims until a frame is accepted; its seq.
uint64_t first_frame_of_a_term(Journal& journal) {
  for (int i = 0; i < 20; ++i) {
    const auto tail = journal.claim("node-a", kIncarnation, 1'000);
    if (!tail) continue;
    const auto done = append_now(journal, frame_of(tail->epoch, tail->seq + 1));
    if (done) return *done;
  }
  ADD_FAILURE() << "no term lasts";
  return 0;
}

TEST_F(KafkaOutage, OutlivesTheBrokersDeathAndLosesNothingThatWasAcknowledged) {
  options_.append_timeout_ms = 60'000;
  const auto journal = must_open(options_);
  claimed(*journal);
  Load load(*journal);
  EXPECT_TRUE(load.wait_for(50));
  broker_->kill();
  broker_->start();
  // The frames in flight are sent once more, or their fate is told by the next claim.
  const bool went_on = load.wait_for(200);
  const auto error = load.stop();
  EXPECT_EQ(went_on, !error.has_value()) << (error ? error->detail : "");
  EXPECT_GE(load.accepted().size(), 50u);
  const Tail tail = claimed(*journal);
  EXPECT_TRUE(append_now(*journal, frame_of(tail.epoch, tail.seq + 1)).ok());
  expect_all_there(*journal, load.accepted());
  expect_all_there(*must_open(options_), load.accepted());
}

TEST_F(KafkaOutage, FindsOutByTheNextClaimWhatBecameOfFramesWithoutAnAnswer) {
  options_.append_timeout_ms = 2'000;
  const auto journal = must_open(options_);
  claimed(*journal);
  append_all(*journal, {10, 20});
  broker_->pause();
  std::vector<std::future<Result<uint64_t>>> answers;
  for (uint64_t seq = 4; seq <= 6; ++seq)
    answers.push_back(append_later(*journal, frame_of(1, seq)));
  for (auto& answer : answers) {
    const auto done = answer.get();
    EXPECT_EQ(done.error().reason, "journal.kafka.unknown") << done.error().detail;
    EXPECT_EQ(done.error().code, Errc::io);
  }
  EXPECT_EQ(append_now(*journal, frame_of(1, 7)).error().reason, "journal.kafka.unknown");
  EXPECT_EQ(journal->tail().seq, 3u);
  broker_->go_on();
  // What was sent may still come in: before the claim, where it counts, or behind it, where it ends
  // the new term.
  const uint64_t last = first_frame_of_a_term(*journal);
  const auto kept = everything(*journal);
  ASSERT_EQ(kept.size(), last);
  EXPECT_GT(kept.back().epoch, 1u);
  for (const Kept& frame : kept) {
    if (frame.epoch != 1 || frame.seq < 4) continue;
    EXPECT_LE(frame.seq, 6u);
    EXPECT_EQ(frame.bytes.substr(kFrameHeaderBytes),
              frame_of(1, frame.seq).substr(kFrameHeaderBytes));
  }
  EXPECT_EQ(everything(*must_open(options_)), kept);
}

TEST_F(KafkaOutage, TakesNoMoreThanItHasRoomForWhileTheBrokerIsSilentAndGoesOnAfter) {
  options_.append_timeout_ms = 60'000;
  const auto journal = must_open(options_);
  claimed(*journal);
  broker_->pause();
  std::vector<std::future<Result<uint64_t>>> answers;
  for (uint64_t seq = 2; seq <= 201; ++seq)
    answers.push_back(append_later(*journal, frame_of(1, seq, 200'000)));
  EXPECT_EQ(journal->space(), Space::none);
  broker_->go_on();
  uint64_t accepted = 1;
  for (auto& answer : answers) {
    const auto done = answer.get();
    if (done)
      EXPECT_EQ(*done, ++accepted);
    else
      EXPECT_EQ(done.error().reason, "journal.disk_full");
  }
  EXPECT_EQ(accepted, 1 + 32u * 1024 * 1024 / frame_of(1, 2, 200'000).size());
  EXPECT_EQ(journal->space(), Space::normal);
  EXPECT_TRUE(append_now(*journal, frame_of(1, accepted + 1)).ok()) << "its seq stayed free";
}

TEST_F(KafkaOutage, SaysThatTheBrokerIsGoneWhenItCannotClaim) {
  options_.timeout_ms = options_.append_timeout_ms = 2'000;
  const auto journal = must_open(options_);
  claimed(*journal);
  broker_->kill();
  EXPECT_FALSE(append_now(*journal, frame_of(1, 2)).ok());
  const auto lost = journal->claim("node-a", kIncarnation, 1);
  EXPECT_EQ(lost.error().reason, "journal.kafka.unreachable") << lost.error().detail;
  EXPECT_EQ(lost.error().code, Errc::unavailable);
  EXPECT_EQ(journal->read(1, [](const Stored&) { return Result<>(); }).error().reason,
            "journal.kafka.unreachable");
  broker_->start();
  EXPECT_GE(first_frame_of_a_term(*journal), 3u);
}

TEST(KafkaPassword, WhenItIsWrongThatIsToldAndTheRightOneWorks) {
  const OwnBroker broker(
      {"listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
       "sasl.enabled.mechanisms=PLAIN", "sasl.mechanism.inter.broker.protocol=PLAIN",
       "listener.name.plaintext.plain.sasl.jaas.config="
       "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" "
       "password=\"admin-secret\" user_admin=\"admin-secret\" user_watchword=\"right\";"});
  KafkaOptions options;
  options.brokers = broker.address();
  options.properties = {{"security.protocol", "sasl_plaintext"},
                        {"sasl.mechanism", "PLAIN"},
                        {"sasl.username", "watchword"},
                        {"sasl.password", "wrong"}};
  const Error error = trouble(options);
  EXPECT_EQ(error.reason, "journal.kafka.denied") << error.detail;
  EXPECT_EQ(error.code, Errc::denied);
  EXPECT_EQ(error.detail.find("wrong"), std::string::npos) << error.detail;
  options.properties.back().second = "right";
  EXPECT_EQ(trouble(options).reason, "journal.kafka.topic")
      << "it is known, the topic is not there";
}

}  // namespace
}  // namespace watchword::journal
