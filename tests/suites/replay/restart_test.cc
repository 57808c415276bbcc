// What a node must find out when it starts (PROTOCOL.md section 2), and what verify must find out for it.
#include "replay/verify.h"
#include "stores/journal/segment.h"
#include "tests/suites/replay/maker.h"

namespace watchword::replay {
namespace {

namespace fs = std::filesystem;

class Restart : public ::testing::Test {
 protected:
  // Fills the folder; gives what was in p0 before its last checkpoint.
  Filled filled() {
    Node node(data_);
    auto filled = fill(node);
    node.stop();
    fs::copy(data_ + "/p0", kept_, fs::copy_options::recursive);
    node.start();
    Maker maker(node.clock);
    node.decide(filled.principals[0], maker.suspended(2));
    node.checkpoint(0);
    node.stop();
    return filled;
  }
  void swap_in(const std::string& what) {
    fs::remove_all(data_ + "/p0/" + what);
    fs::copy(kept_ + "/" + what, data_ + "/p0/" + what, fs::copy_options::recursive);
  }
  Result<std::unique_ptr<runtime::Engine>> opened(const Clock& clock = system_clock(),
                                                  bool accept_clock = false) {
    runtime::EngineOptions options;
    options.directory = data_;
    options.segment_bytes = 1 << 20;
    options.accept_clock = accept_clock;
    return runtime::Engine::open(options, clock, system_entropy());
  }

  const Folder folder_;
  const std::string data_ = folder_ / "data", kept_ = folder_ / "kept";
};

TEST_F(Restart, AJournalThatEndsBeforeTheCheckpointIsNotServed) {
  filled();
  swap_in("journal");
  const auto engine = opened();
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().reason, "engine.lost_range");
  EXPECT_NE(engine.error().detail.find("acknowledged frames are lost"), std::string::npos);
  EXPECT_NE(findings_text(verified(data_)).find("replay.lost_frames"), std::string::npos);
}

// Another history of the same length: the same frames by number, not by content.
TEST_F(Restart, ACheckpointOfAnotherHistoryIsNotServed) {
  filled();
  const std::string other = folder_ / "other";
  {
    Node node(other);
    fill(node);
    Maker maker(node.clock);
    for (int i = 0; i < 20; ++i)
      node.decide(0, {[] {
                    v1::Event event;
                    event.mutable_control()->mutable_admin_acted()->set_action("test");
                    return event;
                  }()});
  }
  fs::remove_all(data_ + "/p0/journal");
  fs::copy(other + "/p0/journal", data_ + "/p0/journal", fs::copy_options::recursive);
  const auto engine = opened();
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().reason, "engine.lost_range");
  EXPECT_NE(engine.error().detail.find("another frame"), std::string::npos);
  EXPECT_NE(findings_text(verified(data_)).find("replay.other_history"), std::string::npos);
}

TEST_F(Restart, AfterALongAbsenceTheClaimIsDatedByTheLastFrameUntilTheClockIsVouchedFor) {
  filled();
  AheadClock clock;
  clock.advance_ms(25 * kHourMs);
  const int64_t last_ms = (*open_journal(data_, 0))->tail().time_ms;
  {
    const auto engine = opened(clock);
    ASSERT_TRUE(engine.ok()) << engine.error().detail;
    EXPECT_EQ((*engine)->partition(0).journal->tail().time_ms, last_ms);
  }
  const auto engine = opened(clock, true);
  ASSERT_TRUE(engine.ok());
  EXPECT_GE((*engine)->partition(0).journal->tail().time_ms, last_ms + 24 * kHourMs);
}

TEST_F(Restart, ASecondEngineOnTheSameFolderIsRefused) {
  Node node(data_);
  const auto engine = opened();
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().reason, "engine.locked");
}

// Appends one frame behind the end, as if a node had written it.
void append(const std::string& data, const v1::Event& event, int64_t time_ms) {
  journal::SegmentOptions options;
  options.directory = data + "/p0/journal";
  options.segment_bytes = 1 << 20;
  auto journal = journal::open_segments(options);
  ASSERT_TRUE(journal.ok());
  const auto tail = (*journal)->claim("forger", {}, time_ms);
  ASSERT_TRUE(tail.ok());
  journal::FrameBuilder builder;
  builder.add(event);
  std::promise<bool> done;
  (*journal)->append(builder.finish(0, tail->epoch, tail->seq + 1, time_ms),
                     [&](const Result<uint64_t>& seq) { done.set_value(seq.ok()); });
  EXPECT_TRUE(done.get_future().get());
}

TEST_F(Restart, ADigestThatTheFoldDoesNotGiveIsFound) {
  uint64_t to = 0, last_digest = 0;
  {
    Node node(data_);
    fill(node);
  }
  const auto journal = open_journal(data_, 0);
  ASSERT_TRUE(journal.ok());
  to = (*journal)->tail().seq;
  ASSERT_TRUE((*journal)
                  ->read(1,
                         [&](const journal::Stored& stored) -> Result<> {
                           const auto view = journal::FrameView::open(stored.bytes);
                           return view->each(
                               [&](uint32_t, const v1::Event& event) -> Result<> {
                                 if (event.control().has_digest())
                                   last_digest = event.control().digest().to_seq();
                                 return {};
                               },
                               [](uint32_t, const journal::Judged&) -> Result<> { return {}; });
                         })
                  .ok());
  ASSERT_GT(to, last_digest);
  EXPECT_TRUE(verified(data_).ok());
  v1::Event event;
  auto& digest = *event.mutable_control()->mutable_digest();
  digest.set_from_seq(last_digest);
  digest.set_to_seq(to);
  digest.set_rows(1);
  digest.set_fold(fold::kFoldVersion);
  digest.set_sha256(std::string(32, 'x'));
  append(data_, event, (*journal)->tail().time_ms);
  const std::string text = findings_text(verified(data_));
  EXPECT_NE(text.find("p0 replay.digest: rows changed in frames " + std::to_string(last_digest + 1) +
                      " to " + std::to_string(to)),
            std::string::npos)
      << text;
}

TEST_F(Restart, AFrameDatedBeforeTheOneBeforeItIsFound) {
  {
    Node node(data_);
    fill(node);
  }
  const int64_t last_ms = (*open_journal(data_, 0))->tail().time_ms;
  v1::Event event;
  event.mutable_control()->mutable_admin_acted()->set_action("test");
  append(data_, event, last_ms);
  EXPECT_TRUE(verified(data_).ok());
  append(data_, event, last_ms - 1);
  EXPECT_NE(findings_text(verified(data_)).find("replay.time"), std::string::npos);
}

}  // namespace
}  // namespace watchword::replay
