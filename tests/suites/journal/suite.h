// The one suite that every journal passes. Included by one file of each program that runs it.
#pragma once
#include <atomic>
#include <functional>
#include <thread>

#include "tests/suites/journal/journal_kit.h"

namespace watchword::journal {
namespace {

// Where frames stay while journals are opened and closed on it.
class Store {
 public:
  virtual ~Store() = default;
  virtual std::unique_ptr<Journal> open() = 0;
};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Store>()> make;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class EveryJournal : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    store_ = GetParam().make();
    journal_ = store_->open();
    ASSERT_TRUE(journal_);
  }
  void reopen() {
    journal_.reset();
    journal_ = store_->open();
    ASSERT_TRUE(journal_);
  }
  std::unique_ptr<Store> store_;
  std::unique_ptr<Journal> journal_;
};

TEST_P(EveryJournal, IsEmptyAtFirst) {
  EXPECT_EQ(journal_->tail().seq, 0u);
  EXPECT_EQ(journal_->tail().epoch, 0u);
  EXPECT_TRUE(everything(*journal_).empty());
  EXPECT_EQ(journal_->frame(1).error().code, Errc::not_found);
  EXPECT_EQ(journal_->frame(0).error().code, Errc::not_found);
}

TEST_P(EveryJournal, TakesNothingBeforeAClaim) {
  EXPECT_EQ(append_now(*journal_, frame_of(1, 1)).error().reason, "journal.append.not_claimed");
  EXPECT_TRUE(everything(*journal_).empty());
}

TEST_P(EveryJournal, GivesBackTheBytesThatWereAppended) {
  claimed(*journal_);
  append_all(*journal_, {1, 100, 391, 392, 393, 5'000});
  const auto kept = everything(*journal_);
  ASSERT_EQ(kept.size(), 7u);
  EXPECT_TRUE(kept[0].is_claim);
  for (uint64_t seq = 2; seq <= 7; ++seq) {
    EXPECT_EQ(kept[seq - 1].seq, seq);
    EXPECT_FALSE(kept[seq - 1].is_claim);
    EXPECT_EQ(*journal_->frame(seq), kept[seq - 1].bytes);
    const std::string given = frame_of(1, seq, content_of(kept[seq - 1].bytes).size());
    EXPECT_EQ(kept[seq - 1].bytes.substr(kFrameHeaderBytes), given.substr(kFrameHeaderBytes));
    EXPECT_EQ(FrameView::open(kept[seq - 1].bytes)->header().time_ms,
              FrameView::open(given)->header().time_ms);
  }
}

TEST_P(EveryJournal, ChainsEachFrameToTheOneBefore) {
  claimed(*journal_);
  append_all(*journal_, {10, 20, 30});
  Hash last{};
  for (const Kept& kept : everything(*journal_)) {
    EXPECT_EQ(FrameView::open(kept.bytes)->header().previous, last);
    EXPECT_EQ(kept.hash, chain(last, kept.bytes));
    EXPECT_LT(FrameView::open(kept.bytes)->header().synced, kept.seq);
    last = kept.hash;
  }
  EXPECT_EQ(journal_->tail().hash, last);
}

TEST_P(EveryJournal, AnswersInTheOrderOfTheAppends) {
  claimed(*journal_);
  std::vector<uint64_t> answered;
  std::promise<void> last;
  for (uint64_t seq = 2; seq <= 200; ++seq)
    journal_->append(frame_of(1, seq), [&, seq](Result<uint64_t> done) {
      ASSERT_TRUE(done.ok()) << done.error().reason;
      answered.push_back(*done);
      if (seq == 200) last.set_value();
    });
  last.get_future().wait();
  for (size_t i = 0; i < answered.size(); ++i) EXPECT_EQ(answered[i], i + 2);
  EXPECT_EQ(journal_->tail().seq, 200u);
}

TEST_P(EveryJournal, HasAFrameReadableWhenItIsAnswered) {
  claimed(*journal_);
  std::promise<bool> readable;
  journal_->append(frame_of(1, 2),
                   [&](Result<uint64_t> seq) { readable.set_value(journal_->frame(*seq).ok()); });
  EXPECT_TRUE(readable.get_future().get());
}

TEST_P(EveryJournal, KeepsItsFramesWhenReopened) {
  claimed(*journal_);
  append_all(*journal_, {10, 1'000, 100'000});
  const auto before = everything(*journal_);
  const Tail tail = journal_->tail();
  reopen();
  EXPECT_EQ(everything(*journal_), before);
  EXPECT_EQ(journal_->tail().seq, tail.seq);
  EXPECT_EQ(journal_->tail().epoch, tail.epoch);
  EXPECT_EQ(journal_->tail().hash, tail.hash);
  EXPECT_EQ(journal_->tail().time_ms, tail.time_ms);
}

TEST_P(EveryJournal, RaisesTheEpochByAClaimAndGoesOnWithTheChain) {
  EXPECT_EQ(claimed(*journal_).epoch, 1u);
  append_all(*journal_, {10});
  const Hash before = journal_->tail().hash;
  reopen();
  const Tail tail = claimed(*journal_, 5'000);
  EXPECT_EQ(tail.epoch, 2u);
  EXPECT_EQ(tail.seq, 3u);
  EXPECT_EQ(tail.time_ms, 5'000);
  const auto kept = everything(*journal_);
  EXPECT_EQ(tail.hash, chain(before, kept[2].bytes));
  const auto claim = FrameView::open(kept[2].bytes)->claim();
  ASSERT_TRUE(claim.ok());
  EXPECT_EQ(claim->node(), "node-a");
  EXPECT_EQ(claim->epoch(), 2u);
  EXPECT_EQ(claim->incarnation().size(), 16u);
  append_all(*journal_, {10});
  EXPECT_EQ(journal_->tail().seq, 4u);
}

TEST_P(EveryJournal, RefusesAFrameOfAnEarlierTermAndGoesOn) {
  claimed(*journal_);
  claimed(*journal_);
  const auto stale = append_now(*journal_, frame_of(1, 3));
  EXPECT_EQ(stale.error().reason, "journal.append.stale_epoch");
  EXPECT_EQ(stale.error().code, Errc::conflict);
  EXPECT_TRUE(append_now(*journal_, frame_of(2, 3)).ok());
  EXPECT_EQ(everything(*journal_).size(), 3u);
}

TEST_P(EveryJournal, EndsTheTermWhenASeqIsLeftOut) {
  claimed(*journal_);
  EXPECT_EQ(append_now(*journal_, frame_of(1, 3)).error().reason, "journal.append.seq");
  EXPECT_EQ(append_now(*journal_, frame_of(1, 2)).error().reason, "journal.append.seq");
  EXPECT_EQ(claimed(*journal_).epoch, 2u);
  EXPECT_TRUE(append_now(*journal_, frame_of(2, 3)).ok());
}

TEST_P(EveryJournal, EndsTheTermOnAFrameOfAnotherPartition) {
  claimed(*journal_);
  EXPECT_EQ(append_now(*journal_, frame_of(1, 2, 10, 7)).error().reason, "journal.append.foreign");
  EXPECT_FALSE(append_now(*journal_, frame_of(1, 2)).ok());
}

TEST_P(EveryJournal, EndsTheTermOnWhatIsNoFrame) {
  claimed(*journal_);
  EXPECT_EQ(append_now(*journal_, "no frame").error().reason, "journal.append.frame");
  EXPECT_FALSE(append_now(*journal_, frame_of(1, 2)).ok());
  EXPECT_EQ(everything(*journal_).size(), 1u);
}

TEST_P(EveryJournal, TakesAFrameOfTheFullLengthAndNoneAboveIt) {
  claimed(*journal_);
  const size_t around = frame_of(1, 2, kMaxFrameBytes / 2).size() - kMaxFrameBytes / 2;
  const std::string full = frame_of(1, 2, kMaxFrameBytes - around);
  ASSERT_EQ(full.size(), kMaxFrameBytes);
  ASSERT_TRUE(append_now(*journal_, full).ok());
  EXPECT_EQ(everything(*journal_)[1].bytes.size(), kMaxFrameBytes);
  EXPECT_FALSE(append_now(*journal_, frame_of(1, 3, kMaxFrameBytes - around + 1)).ok());
}

TEST_P(EveryJournal, ReadsFromTheMiddle) {
  claimed(*journal_);
  append_all(*journal_, std::vector<size_t>(60, 20'000));
  const auto all = everything(*journal_);
  for (uint64_t from : {1u, 2u, 30u, 60u, 61u}) {
    const auto part = everything(*journal_, from);
    EXPECT_EQ(part, std::vector<Kept>(all.begin() + static_cast<int64_t>(from) - 1, all.end()))
        << from;
    EXPECT_EQ(*journal_->frame(from), all[from - 1].bytes);
  }
  EXPECT_TRUE(everything(*journal_, 62).empty());
  EXPECT_EQ(journal_->frame(62).error().code, Errc::not_found);
}

TEST_P(EveryJournal, StopsReadingAtTheFirstErrorOfTheVisitor) {
  claimed(*journal_);
  append_all(*journal_, {10, 10, 10});
  int seen = 0;
  const auto read = journal_->read(1, [&](const Stored&) -> Result<> {
    return ++seen == 2 ? Result<>(Error{Errc::invalid, "test.enough", ""}) : Result<>();
  });
  EXPECT_EQ(read.error().reason, "test.enough");
  EXPECT_EQ(seen, 2);
}

TEST_P(EveryJournal, IsReadWhileItIsWritten) {
  claimed(*journal_);
  std::atomic<bool> written{false};
  std::thread reader([&] {
    uint64_t seen = 0;
    while (!written) {
      const uint64_t durable = journal_->tail().seq;
      const auto kept = read_all_from(*journal_, 1);
      ASSERT_TRUE(kept.ok()) << kept.error().detail;
      ASSERT_GE(kept->size(), std::max(seen, durable));
      seen = kept->size();
      ASSERT_TRUE(journal_->frame(seen).ok());
    }
  });
  for (uint64_t seq = 2; seq <= 300; ++seq) {
    auto answer = append_later(*journal_, frame_of(1, seq, seq * 53 % 9'000));
    if (seq % 8 == 0) answer.wait();
  }
  EXPECT_TRUE(append_now(*journal_, frame_of(1, 301)).ok());
  written = true;
  reader.join();
}

TEST_P(EveryJournal, FinishesWhatWasAppendedBeforeItGoes) {
  claimed(*journal_);
  std::atomic<int> answered{0};
  for (uint64_t seq = 2; seq <= 50; ++seq)
    journal_->append(frame_of(1, seq), [&](Result<uint64_t> done) { answered += done.ok(); });
  reopen();
  EXPECT_EQ(answered, 49);
  EXPECT_EQ(journal_->tail().seq, 50u);
}

}  // namespace
}  // namespace watchword::journal
