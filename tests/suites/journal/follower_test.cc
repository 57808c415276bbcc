// Which frames count (PROTOCOL.md section 2), asked of the rule itself: segments and memory both follow it.
#include "stores/journal/follower.h"

#include "tests/suites/journal/segment_kit.h"

namespace watchword::journal {
namespace {

std::string claim_of(uint64_t epoch, uint64_t seq, const Hash& previous = {}) {
  v1::Claim claim;
  claim.set_epoch(epoch);
  claim.set_node("node-a");
  std::string frame = claim_frame(0, epoch, seq, 1'000, claim);
  seal(frame, previous, seq - 1);
  return frame;
}

std::string sealed_frame(uint64_t epoch, uint64_t seq, const Hash& previous) {
  std::string frame = frame_of(epoch, seq);
  seal(frame, previous, seq - 1);
  return frame;
}

// Why a frame behind claim 1 and frame 2 does not count; "" if it does.
std::string refusal_of(const std::function<std::string(const Tail& last)>& make) {
  Follower follower(0);
  EXPECT_TRUE(*follower.take(claim_of(1, 1)));
  EXPECT_TRUE(*follower.take(sealed_frame(1, 2, follower.last().hash)));
  const Tail before = follower.last();
  const auto taken = follower.take(make(before));
  if (!taken) return std::string(taken.error().reason);
  if (*taken) return "";
  EXPECT_EQ(follower.last().seq, before.seq) << "what does not count changes nothing";
  EXPECT_EQ(follower.last().hash, before.hash);
  return std::string(follower.why_not());
}

TEST(Follower, CountsTheNextFrameOfTheTermAndTheNextClaim) {
  EXPECT_EQ(refusal_of([](const Tail& last) { return sealed_frame(1, 3, last.hash); }), "");
  EXPECT_EQ(refusal_of([](const Tail& last) { return claim_of(2, 3, last.hash); }), "");
}

TEST(Follower, CountsNoClaimButThatOfTheNextEpoch) {
  for (const uint64_t epoch : {0u, 1u, 3u, 100u})
    EXPECT_EQ(refusal_of([&](const Tail& last) { return claim_of(epoch, 3, last.hash); }),
              "the claim's epoch is not the next one")
        << epoch;
}

TEST(Follower, ExemptsAClaimFromSeqAndPreviousHash) {
  EXPECT_EQ(refusal_of([](const Tail&) { return claim_of(2, 77); }), "");
}

TEST(Follower, CountsNoFrameOverAHoleNorTheSameTwice) {
  for (const uint64_t seq : {1u, 2u, 4u, 5u})
    EXPECT_EQ(refusal_of([&](const Tail& last) { return sealed_frame(1, seq, last.hash); }),
              "its seq is not the next one")
        << seq;
}

TEST(Follower, CountsNoFrameOfAnotherEpoch) {
  for (const uint64_t epoch : {0u, 2u})
    EXPECT_EQ(refusal_of([&](const Tail& last) { return sealed_frame(epoch, 3, last.hash); }),
              "its epoch is not the current one")
        << epoch;
}

TEST(Follower, CountsNoFrameThatFollowsAnotherOne) {
  EXPECT_EQ(refusal_of([](const Tail& last) {
              Hash other = last.hash;
              other.back() ^= 1;
              return sealed_frame(1, 3, other);
            }),
            "its previous hash is not that of the frame before");
}

TEST(Follower, RefusesTheFramesOfAnotherPartition) {
  EXPECT_EQ(refusal_of([](const Tail&) { return frame_of(1, 3, 100, 7); }), "journal.partition");
}

// Recovery verifies the last megabytes only; whoever reads verifies all.
TEST(Follower, StopsAReaderAtAFrameThatWasPutInTheOthersPlace) {
  FaultDisk disk;
  {
    auto journal = open_on(disk);
    claimed(*journal);
    append_all(*journal, std::vector<size_t>(50, 200'000));
  }
  // Frame 2 with another content, sealed and summed as well as the true one.
  const auto all = everything(*open_on(disk));
  std::string forged = all[1].bytes;
  forged[forged.size() / 2] ^= 1;
  std::string record(record_bytes(forged.size()), '\0');
  write_record(record.data(), {0, 1, 2, 1, 0}, forged);
  disk.change(kFirst, [&](std::string& content) {
    content.replace(kSectorBytes, record.size(), record);
  });
  auto journal = open_segments_read_only("j", 0, &disk, 0);
  ASSERT_TRUE(journal.ok()) << journal.error().detail;
  std::vector<uint64_t> seen;
  const auto read = (*journal)->read(1, [&](const Stored& stored) -> Result<> {
    seen.push_back(stored.seq);
    return {};
  });
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Errc::corrupt);
  EXPECT_EQ(read.error().reason, "journal.read.uncounted");
  EXPECT_EQ(read.error().detail.substr(0, kFirst.size()), kFirst);
  EXPECT_EQ(seen, (std::vector<uint64_t>{1, 2}));
}

}  // namespace
}  // namespace watchword::journal
