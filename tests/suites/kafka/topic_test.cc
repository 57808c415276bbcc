// What others may do to the topic: foreign records, deleted and lost ones, a topic made anew.
#include "stores/journal/follower.h"
#include "tests/suites/kafka/kafka_kit.h"

namespace watchword::journal {
namespace {

// Three frames behind a claim; where the last one stands.
KafkaPlace filled(const KafkaOptions& options) {
  const auto journal = must_open(options);
  claimed(*journal);
  append_all(*journal, {10, 20, 30});
  return journal->place();
}

std::string claim_again(const KafkaOptions& options) {
  const auto tail = must_open(options)->claim("node-b", kIncarnation, 2'000);
  return tail ? "epoch " + std::to_string(tail->epoch) : std::string(tail.error().reason);
}

std::string reading_from(const Journal& journal, uint64_t seq) {
  const auto kept = read_all_from(journal, seq);
  return kept ? std::to_string(kept->size()) + " frames" : std::string(kept.error().reason);
}

TEST(KafkaTopic, HoldsTheFramesAsTheyAreAndNothingElse) {
  TestTopic topic;
  filled(topic.options());
  EXPECT_EQ(topic.bare().end_of(topic.name(), 0), 4);
}

TEST(KafkaTopic, RecordsThatAreNoFramesOfThePartitionAreIgnoredAndToldOf) {
  TestTopic topic;
  KafkaOptions options = topic.options();
  std::string told;
  options.note = [&](std::string_view line) { told += std::string(line) + "\n"; };
  filled(options);
  const auto before = everything(*must_open(options));
  const std::string frame = frame_of(1, 5);
  const std::vector<std::string> foreign{"hello",
                                         "",
                                         frame.substr(0, 60),
                                         std::string(2'000, '\0'),
                                         frame_of(1, 5, 100, 7),
                                         std::string(kMaxFrameBytes + 1, 'x')};
  for (const auto& bytes : foreign) topic.bare().put(topic.name(), 0, bytes);
  const auto journal = must_open(options);
  EXPECT_EQ(everything(*journal), before);
  EXPECT_NE(told.find("offset 9 is no frame, the last of 6"), std::string::npos) << told;
  EXPECT_EQ(claimed(*journal).seq, 5u);
  append_all(*journal, {40});
  EXPECT_EQ(everything(*must_open(options)).size(), 6u);
}

TEST(KafkaTopic, AForeignRecordInATermEndsItAndTheFrameBehindItCountsAllTheSame) {
  TestTopic topic;
  const auto journal = must_open(topic.options());
  claimed(*journal);
  topic.bare().put(topic.name(), 0, "hello");
  const auto gap = append_now(*journal, frame_of(1, 2));
  EXPECT_EQ(gap.error().reason, "journal.kafka.unknown");
  EXPECT_EQ(gap.error().code, Errc::io);
  EXPECT_EQ(journal->tail().seq, 1u) << "nobody was told that it is durable";
  EXPECT_EQ(claimed(*journal).seq, 3u) << "the claim finds out what counts";
  EXPECT_EQ(everything(*journal)[1].epoch, 1u);
  EXPECT_TRUE(append_now(*journal, frame_of(2, 4)).ok());
}

TEST(KafkaTopic, ATransactionOfSomebodyElsesHidesNothingWhetherItIsOpenOrDone) {
  TestTopic topic;
  filled(topic.options());
  ForeignTransaction foreign(topic.name(), "hello");
  const auto journal = must_open(topic.options());
  EXPECT_EQ(claimed(*journal).seq, 5u);
  append_all(*journal, {40});
  EXPECT_EQ(reading_from(*must_open(topic.options()), 1), "6 frames");
  foreign.commit();
  // The mark of its end has an offset, but is no record; the broker writes it a moment later.
  for (int i = 0; topic.bare().end_of(topic.name(), 0) < 8; ++i) ASSERT_LT(i, 10'000);
  EXPECT_EQ(reading_from(*must_open(topic.options()), 1), "6 frames");
  EXPECT_EQ(append_now(*journal, frame_of(2, 7)).error().reason, "journal.kafka.unknown");
  EXPECT_EQ(claimed(*journal).seq, 8u);
}

TEST(KafkaTopic, AFrameOfANewerVersionIsNotReadPast) {
  TestTopic topic;
  filled(topic.options());
  std::string frame = frame_of(1, 5);
  frame[1] = 2;
  topic.bare().put(topic.name(), 0, frame);
  const Error error = trouble(topic.options());
  EXPECT_EQ(error.reason, "journal.kafka.version");
  EXPECT_NE(error.detail.find("offset 4 "), std::string::npos) << error.detail;
}

TEST(KafkaTopic, IsNotReadFromTheBeginningWhenThatIsDeleted) {
  TestTopic topic;
  const KafkaPlace last = filled(topic.options());
  topic.bare().delete_records(topic.name(), 0, 2);
  const Error error = trouble(topic.options());
  EXPECT_EQ(error.reason, "journal.kafka.deleted");
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_NE(error.detail.find("begins at 2"), std::string::npos) << error.detail;

  KafkaOptions options = topic.options();
  options.from = last;
  const auto journal = must_open(options);
  EXPECT_EQ(journal->tail().hash, last.tail.hash);
  EXPECT_EQ(claimed(*journal).epoch, 2u);
  EXPECT_EQ(reading_from(*journal, 5), "1 frames");
  EXPECT_EQ(reading_from(*journal, 1), "journal.kafka.deleted");
  topic.bare().delete_records(topic.name(), 0, 4);
  EXPECT_EQ(trouble(options).reason, "journal.kafka.deleted") << "behind the place itself";
}

TEST(KafkaTopic, OpensAtAPlaceWithoutReadingWhatIsBefore) {
  TestTopic topic;
  const KafkaPlace place = filled(topic.options());
  std::vector<Kept> all;
  {
    const auto journal = must_open(topic.options());
    claimed(*journal);
    append_all(*journal, {40, 50});
    all = everything(*journal);
  }
  KafkaOptions options = topic.options();
  options.from = place;
  const auto journal = must_open(options);
  EXPECT_EQ(journal->tail().seq, 7u);
  EXPECT_EQ(journal->size_bytes(), must_open(topic.options())->size_bytes());
  EXPECT_EQ(everything(*journal), all) << "what is before the place is still read when asked for";
  EXPECT_EQ(*journal->frame(2), all[1].bytes);
}

TEST(KafkaTopic, ThatWasMadeAnewIsRefused) {
  TestTopic topic;
  KafkaOptions options = topic.options();
  options.from = filled(options);
  const auto live = must_open(topic.options());
  topic.make_anew();
  Error error = trouble(options);
  EXPECT_EQ(error.reason, "journal.kafka.truncated") << "empty: " << error.detail;
  EXPECT_NE(error.detail.find("must hold frame 4"), std::string::npos) << error.detail;
  for (int i = 0; i < 6; ++i) topic.bare().put(topic.name(), 0, "another");
  error = trouble(options);
  EXPECT_EQ(error.reason, "journal.kafka.truncated") << "filled: " << error.detail;
  EXPECT_EQ(live->claim("node-a", kIncarnation, 1).error().reason, "journal.kafka.truncated");
  EXPECT_EQ(reading_from(*live, 1), "journal.kafka.truncated");
}

TEST(KafkaTopic, AMissingFrameIsNotBuiltUponUnlessTheLossIsAccepted) {
  TestTopic topic;
  const KafkaPlace last = filled(topic.options());
  std::string frame = frame_of(1, 6);
  seal(frame, last.tail.hash, 4);
  topic.bare().put(topic.name(), 0, frame);
  EXPECT_EQ(claim_again(topic.options()), "journal.kafka.hole");
  EXPECT_EQ(reading_from(*must_open(topic.options()), 1), "4 frames");
  KafkaOptions options = topic.options();
  options.accept_loss = true;
  EXPECT_EQ(claim_again(options), "epoch 2");
  EXPECT_EQ(claim_again(topic.options()), "epoch 3") << "a claim stands behind the hole";
}

TEST(KafkaTopic, AFrameOfAnotherHistoryIsAHoleTooAndARepeatedOneIsNot) {
  TestTopic topic;
  filled(topic.options());
  const std::string repeated = *must_open(topic.options())->frame(3);
  topic.bare().put(topic.name(), 0, repeated);
  EXPECT_EQ(claim_again(topic.options()), "epoch 2");
  topic.bare().put(topic.name(), 0, frame_of(2, 6));
  EXPECT_EQ(claim_again(topic.options()), "journal.kafka.hole");
}

TEST(KafkaTopic, KeepsEachPartitionToItself) {
  TestTopic topic(4);
  std::vector<std::unique_ptr<KafkaJournal>> journals;
  for (uint32_t partition = 0; partition < 4; ++partition) {
    KafkaOptions options = topic.options();
    options.partition = partition;
    options.partitions = 4;
    journals.push_back(must_open(options));
    claimed(*journals.back());
    EXPECT_TRUE(append_now(*journals.back(), frame_of(1, 2, 10, partition)).ok());
  }
  for (uint32_t partition = 0; partition < 4; ++partition)
    EXPECT_EQ(FrameView::open(everything(*journals[partition])[1].bytes)->header().partition,
              partition);
}

}  // namespace
}  // namespace watchword::journal
