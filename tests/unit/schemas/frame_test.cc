// The codec of a frame, against protobuf's own.
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <random>

#include "events/crypto/hash.h"
#include "stores/journal/frame.h"

namespace watchword::journal {
namespace {

v1::Event event_of(int64_t at_ms) {
  v1::Event event;
  event.mutable_envelope()->set_at_ms(at_ms);
  event.mutable_envelope()->set_cause("because");
  event.mutable_control()->mutable_fold_version()->set_version(3);
  return event;
}

std::string observation_of(const std::string& endpoint) {
  v1::Observation observation;
  observation.set_endpoint(endpoint);
  return observation.SerializeAsString();
}

std::string mixed_frame() {
  FrameBuilder builder;
  builder.set_input("offset 12");
  builder.add(event_of(5));
  builder.add_judged(observation_of("/a"), 0x00050001, "\x02\x03");
  builder.add_judged(observation_of(std::string(300, 'o')), 7, "");
  return builder.finish(3, 2, 40, 1'700'000'000'000);
}

Result<> walk(std::string_view bytes) {
  const auto view = FrameView::open(bytes);
  if (!view) return view.error();
  return view->each([](uint32_t, const v1::Event&) { return Result<>(); },
                    [](uint32_t, const Judged&) { return Result<>(); });
}

// Reads the header by hand, then what protobuf would make of `message` behind it.
std::string with_body(const v1::Frame& message) {
  FrameBuilder builder;
  return builder.finish(0, 1, 1, 1) + message.SerializeAsString();
}

TEST(Frame, IsWhatProtobufReads) {
  v1::Frame frame;
  std::string bytes = mixed_frame();
  seal(bytes, Hash{9, 8, 7}, 38);
  ASSERT_TRUE(frame.ParseFromString(bytes));
  EXPECT_EQ(frame.version(), 1u);
  EXPECT_EQ(frame.partition(), 3u);
  EXPECT_EQ(frame.epoch(), 2u);
  EXPECT_EQ(frame.seq(), 40u);
  EXPECT_EQ(frame.previous().size(), 32u);
  EXPECT_EQ(frame.previous().substr(0, 3), "\x09\x08\x07");
  EXPECT_EQ(frame.synced(), 38u);
  EXPECT_EQ(frame.time_ms(), 1'700'000'000'000u);
  EXPECT_EQ(frame.input(), "offset 12");
  ASSERT_EQ(frame.entries_size(), 3);
  EXPECT_EQ(frame.entries(0).event().SerializeAsString(), event_of(5).SerializeAsString());
  EXPECT_EQ(frame.entries(1).judged().conclusion(), 0x00050001u);
  EXPECT_EQ(frame.entries(1).judged().signals(), "\x02\x03");
}

TEST(Frame, GivesItsEntriesBackInOrderWithoutCopyingThem) {
  const std::string bytes = mixed_frame();
  const auto view = FrameView::open(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->header().seq, 40u);
  EXPECT_EQ(view->header().time_ms, 1'700'000'000'000);
  EXPECT_EQ(view->input(), "offset 12");
  EXPECT_FALSE(view->is_claim());
  std::vector<std::string> seen;
  const auto done = view->each(
      [&](uint32_t index, const v1::Event& event) {
        seen.push_back(std::to_string(index) + " event " +
                       std::to_string(event.envelope().at_ms()));
        return Result<>();
      },
      [&](uint32_t index, const Judged& judged) {
        EXPECT_GE(judged.observation.data(), bytes.data());
        EXPECT_LE(judged.observation.data() + judged.observation.size(),
                  bytes.data() + bytes.size());
        seen.push_back(
            std::to_string(index) + " judged " + std::to_string(judged.observation.size()) + " " +
            std::to_string(judged.conclusion) + " " + std::to_string(judged.signals.size()));
        return Result<>();
      });
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(seen,
            (std::vector<std::string>{"0 event 5", "1 judged 4 327681 2", "2 judged 303 7 0"}));
}

TEST(Frame, StopsAtTheFirstErrorOfAVisitor) {
  const std::string bytes = mixed_frame();
  int seen = 0;
  const auto done = FrameView::open(bytes)->each(
      [](uint32_t, const v1::Event&) { return Result<>(); },
      [&](uint32_t, const Judged&) {
        return ++seen, Result<>(Error{Errc::invalid, "test.enough", ""});
      });
  EXPECT_EQ(done.error().reason, "test.enough");
  EXPECT_EQ(seen, 1);
}

TEST(Frame, CountsItsBytesWhileItGrows) {
  FrameBuilder builder;
  EXPECT_EQ(builder.bytes(), kFrameHeaderBytes);
  builder.add_judged("x", 1, "");
  EXPECT_EQ(builder.entries(), 1u);
  const size_t bytes = builder.bytes();
  EXPECT_EQ(builder.finish(0, 1, 1, 1).size(), bytes);
  EXPECT_EQ(builder.entries(), 0u);
  EXPECT_EQ(builder.bytes(), kFrameHeaderBytes);
  EXPECT_TRUE(walk(builder.finish(0, 1, 2, 1)).ok());
}

TEST(Frame, IsSealedInItsHeaderOnly) {
  const std::string before = mixed_frame();
  std::string after = before;
  seal(after, Hash{1}, 39);
  EXPECT_EQ(after.substr(kFrameHeaderBytes), before.substr(kFrameHeaderBytes));
  EXPECT_EQ(FrameView::open(after)->header().previous, Hash{1});
  EXPECT_EQ(FrameView::open(after)->header().synced, 39u);
  EXPECT_EQ(FrameView::open(after)->header().seq, 40u);
}

TEST(Frame, IsChainedByTheHashOfThePreviousHashAndItsBytes) {
  EXPECT_EQ(chain(Hash{}, "abc"), crypto::sha256(std::string(32, '\0') + "abc"));
}

TEST(Frame, CarriesAClaimAlone) {
  v1::Claim claim;
  claim.set_epoch(4);
  claim.set_node("node-a");
  claim.set_incarnation(std::string(16, 'i'));
  const std::string bytes = claim_frame(3, 4, 17, 99, claim);
  const auto view = FrameView::open(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view->is_claim());
  EXPECT_EQ(view->header().partition, 3u);
  EXPECT_EQ(view->claim()->SerializeAsString(), claim.SerializeAsString());
  FrameBuilder builder;
  builder.add_judged("x", 1, "");
  const std::string entry = builder.finish(0, 1, 1, 1).substr(kFrameHeaderBytes);
  EXPECT_EQ(FrameView::open(bytes + entry).error().reason, "journal.frame.field");
}

TEST(Frame, HasAClaimOfItsOwnEpochOnly) {
  v1::Claim claim;
  claim.set_epoch(4);
  EXPECT_EQ(FrameView::open(claim_frame(0, 5, 1, 1, claim))->claim().error().reason,
            "journal.frame.claim_epoch");
}

TEST(Frame, IsCorruptWhenCutShortAnywhereButBetweenEntries) {
  const std::string bytes = mixed_frame();
  int whole = 0;
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto done = walk(std::string_view(bytes).substr(0, length));
    whole += done.ok();
    EXPECT_TRUE(done.ok() || done.error().code == Errc::corrupt) << length;
  }
  EXPECT_EQ(whole, 4);  // behind the header, the input and two of three entries
}

TEST(Frame, IsCorruptWithAnUnknownVersion) {
  std::string bytes = mixed_frame();
  bytes[1] = 2;
  EXPECT_EQ(FrameView::open(bytes).error().reason, "journal.frame.version");
}

TEST(Frame, IsCorruptWhenAHeaderFieldHasAnotherTagOrWidth) {
  for (const size_t at : {0, 5, 10, 19, 28, 29, 62, 71}) {
    std::string bytes = mixed_frame();
    bytes[at] ^= 1;
    EXPECT_EQ(FrameView::open(bytes).error().reason, "journal.frame.header") << at;
  }
}

TEST(Frame, IsCorruptAboveItsLargestLength) {
  FrameBuilder builder;
  builder.add_judged(std::string(kMaxFrameBytes, 'x'), 1, "");
  EXPECT_EQ(FrameView::open(builder.finish(0, 1, 1, 1)).error().reason, "journal.frame.too_large");
}

TEST(Frame, IsCorruptWithWhatTheBuilderNeverWrites) {
  v1::Frame frame;
  frame.add_entries();
  EXPECT_EQ(walk(with_body(frame)).error().reason, "journal.frame.entry");
  frame.mutable_entries(0)->mutable_judged()->set_conclusion(1);
  EXPECT_EQ(walk(with_body(frame)).error().reason, "journal.frame.judged_observation");
  frame.mutable_entries(0)->mutable_judged()->mutable_observation();
  EXPECT_TRUE(walk(with_body(frame)).ok());
  frame.mutable_entries(0)->mutable_judged()->set_conclusion(0);
  EXPECT_EQ(walk(with_body(frame)).error().reason, "journal.frame.judged_conclusion");
  frame.set_input("behind the entries");
  frame.mutable_entries(0)->mutable_judged()->set_conclusion(1);
  EXPECT_TRUE(walk(with_body(frame)).ok());
  std::string late = mixed_frame();
  late += "\x42\x01x";
  EXPECT_EQ(walk(late).error().reason, "journal.frame.not_entry");
  EXPECT_EQ(FrameView::open(with_body({}) + "\x5a\x01x").error().reason, "journal.frame.field");
}

// A fact that this binary does not know may be a revocation.
TEST(Frame, IsCorruptWithAnEventOfAnUnknownFact) {
  FrameBuilder builder;
  v1::Event event;
  event.mutable_envelope()->set_at_ms(1);
  builder.add(event);
  EXPECT_EQ(walk(builder.finish(0, 1, 1, 1)).error().reason, "journal.frame.event_unknown");
}

TEST(Frame, IsReadToAnEndWhateverItsBytesAre) {
  const google::protobuf::LogSilencer silent;  // it complains of every string that is not UTF-8
  std::mt19937 random(1);
  const std::string good = mixed_frame();
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes = good;
    for (int flips = 0; flips < 3; ++flips)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    const auto done = walk(bytes);
    ASSERT_TRUE(done.ok() || done.error().code == Errc::corrupt);
  }
}

}  // namespace
}  // namespace watchword::journal
