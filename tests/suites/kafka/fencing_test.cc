// Several owners of one partition: who counts, and who hears of it.
#include <future>
#include <set>
#include <thread>

#include "stores/journal/follower.h"
#include "tests/suites/kafka/kafka_kit.h"

namespace watchword::journal {
namespace {

TEST(KafkaFencing, AnOwnerThatAnotherClaimReplacedIsFencedAtItsNextFrame) {
  TestTopic topic;
  const auto old = must_open(topic.options()), young = must_open(topic.options());
  claimed(*old);
  EXPECT_TRUE(append_now(*old, frame_of(1, 2)).ok());
  EXPECT_EQ(claimed(*young).epoch, 2u);
  const auto fenced = append_now(*old, frame_of(1, 3));
  EXPECT_EQ(fenced.error().reason, "journal.append.fenced") << fenced.error().detail;
  EXPECT_EQ(fenced.error().code, Errc::conflict);
  EXPECT_EQ(append_now(*old, frame_of(1, 4)).error().reason, "journal.append.fenced");
  EXPECT_TRUE(append_now(*young, frame_of(2, 4)).error().reason == "journal.kafka.unknown")
      << "the fenced frame stands where this one was expected";
  EXPECT_EQ(claimed(*young).epoch, 3u);
  EXPECT_EQ(everything(*old), everything(*young));
  EXPECT_EQ(everything(*must_open(topic.options())), everything(*young));
}

TEST(KafkaFencing, OfFramesInFlightOnlyThoseBeforeTheForeignClaimCount) {
  TestTopic topic;
  const auto old = must_open(topic.options()), young = must_open(topic.options());
  claimed(*old);
  auto taking = std::async(std::launch::async, [&] { return claimed(*young); });
  uint64_t accepted = 1;
  for (bool fenced = false; !fenced;) {
    ASSERT_LT(accepted, 100'000u) << "it is never fenced";
    std::vector<std::future<Result<uint64_t>>> answers;
    for (uint64_t i = 1; i <= 4; ++i)
      answers.push_back(append_later(*old, frame_of(1, accepted + i, 2'000)));
    for (auto& answer : answers) {
      const auto done = answer.get();
      if (done) {
        EXPECT_EQ(*done, ++accepted);
      } else {
        EXPECT_EQ(done.error().reason, "journal.append.fenced") << done.error().detail;
      }
      EXPECT_FALSE(fenced && done.ok()) << "none behind the first that failed";
      fenced = fenced || !done.ok();
    }
  }
  const Tail taken = taking.get();
  EXPECT_LT(accepted, taken.seq);
  const auto kept = everything(*young);
  ASSERT_GE(kept.size(), taken.seq);
  EXPECT_TRUE(kept[taken.seq - 1].is_claim);
  for (uint64_t seq = 1; seq < taken.seq; ++seq) EXPECT_EQ(kept[seq - 1].epoch, 1u) << seq;
  EXPECT_EQ(everything(*old), kept);
}

TEST(KafkaFencing, OfClaimsMadeAtOnceNoTwoHaveTheSameEpoch) {
  TestTopic topic;
  std::vector<std::unique_ptr<KafkaJournal>> handles;
  for (int i = 0; i < 4; ++i) handles.push_back(must_open(topic.options()));
  std::vector<std::future<Result<Tail>>> claims;
  for (auto& handle : handles)
    claims.push_back(std::async(std::launch::async,
                                [&] { return handle->claim("node-a", kIncarnation, 1'000); }));
  std::set<uint64_t> epochs;
  for (auto& claim : claims) {
    const auto tail = claim.get();
    if (tail)
      EXPECT_TRUE(epochs.insert(tail->epoch).second) << tail->epoch;
    else
      EXPECT_EQ(tail.error().reason, "journal.claim.lost") << tail.error().detail;
  }
  ASSERT_FALSE(epochs.empty());
  const auto reader = must_open(topic.options());
  EXPECT_EQ(reader->tail().epoch, *epochs.rbegin());
  EXPECT_EQ(reader->tail().seq, *epochs.rbegin()) << "every claim that counts was answered so";
}

TEST(KafkaFencing, AReaderThatNeverClaimsFollowsTheOwner) {
  TestTopic topic;
  const auto owner = must_open(topic.options());
  auto opened = open_kafka_read_only(topic.options());
  ASSERT_TRUE(opened.ok()) << opened.error().detail;
  const auto& reader = *opened;
  EXPECT_EQ(reader->tail().seq, 0u);
  claimed(*owner);
  append_all(*owner, {10, 20, 30});
  EXPECT_EQ(everything(*reader, 3), everything(*owner, 3));
  EXPECT_EQ(reader->tail().hash, owner->tail().hash);
  EXPECT_EQ(reader->claim("node-b", kIncarnation, 1).error().reason, "journal.read_only");
  EXPECT_EQ(append_now(*reader, frame_of(1, 5)).error().reason, "journal.read_only");
  EXPECT_TRUE(append_now(*owner, frame_of(1, 5)).ok()) << "nothing of the reader's was written";
}

}  // namespace
}  // namespace watchword::journal
