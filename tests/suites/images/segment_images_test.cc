// Segment files as a loss of power may leave them, before every single operation that a writer
// makes on its disk.
#include <gtest/gtest.h>

#include "stores/journal/catalog.h"
#include "tests/suites/images/recovery_model.h"
#include "tests/suites/images/tally.h"
#include "tests/suites/images/writer.h"

namespace watchword::images {
namespace {

using journal::Fate;
using journal::FaultDisk;
using journal::Kept;

constexpr size_t kEverySubsetOf = 8;
constexpr int kRandomSubsets = 16, kTornPerImage = 8, kGarbagePerImage = 2;

std::string name_of_segment(uint32_t number) { return "j/0/" + journal::segment_name(number); }

std::vector<std::string> segments_of(const FaultDisk& disk) {
  const auto paths = disk.paths();
  std::vector<std::string> out;
  for (uint32_t number = 1;; ++number) {
    const std::string path = name_of_segment(number);
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) return out;
    out.push_back(disk.content(path));
  }
}

// What a loss of power left, and what must be found in it.
class Crashed {
 public:
  Crashed(std::unique_ptr<FaultDisk> disk, const std::vector<Kept>& written, uint64_t acknowledged)
      : disk_(std::move(disk)), written_(written), acknowledged_(acknowledged) {}

  // True: it opened. Anything that does not hold is a failure of the test.
  bool check(bool may_refuse) {
    const Expected expected = expected_of(segments_of(*disk_));
    Turns turns;
    auto options = options_on(*disk_, turns);
    options.zero_fill = false;  // these take time, and are photographed where they are written
    options.reserve_bytes = 0;
    auto opened = journal::open_segments(options);
    EXPECT_EQ(opened.ok(), expected.opens)
        << expected.why << (opened ? "" : " / " + opened.error().detail);
    if (!opened) {
      EXPECT_TRUE(may_refuse) << opened.error().detail;
      EXPECT_EQ(opened.error().code, Errc::corrupt);
      EXPECT_NE(opened.error().detail.find(".segment at byte "), std::string::npos);
      return false;
    }
    const auto kept = journal::everything(**opened);
    opened->reset();
    EXPECT_EQ(kept.size(), expected.frames);
    EXPECT_GE(kept.size(), acknowledged_) << "acknowledged frames are lost";
    EXPECT_LE(kept.size(), written_.size());
    EXPECT_TRUE(
        std::equal(kept.begin(), kept.end(), written_.begin(),
                   written_.begin() + static_cast<int64_t>(std::min(kept.size(), written_.size()))))
        << "not what was written";
    disk_->lose_power(FaultDisk::Loss{});  // what recovery answered for must be durable by now
    go_on(kept);
    return true;
  }

 private:
  void go_on(const std::vector<Kept>& kept) {
    {
      Turns turns;
      auto options = options_on(*disk_, turns);
      options.zero_fill = false;
      options.reserve_bytes = 0;
      auto again = journal::open_segments(options);
      ASSERT_TRUE(again) << again.error().detail;
      ASSERT_EQ(journal::everything(**again), kept) << "a second recovery found something else";
      const auto tail = (*again)->claim("node-b", journal::kIncarnation, 2'000);
      ASSERT_TRUE(tail) << tail.error().detail;
      for (const size_t bytes : {700u, 10u})
        (*again)->append(journal::frame_of(tail->epoch, (bytes == 10) + tail->seq + 1, bytes),
                         [](Result<uint64_t> done) { ASSERT_TRUE(done) << done.error().detail; });
      turns.run();
    }
    disk_->lose_power(FaultDisk::Loss{});
    const auto after = journal::open_segments_read_only("j", 0, disk_.get());
    ASSERT_TRUE(after) << after.error().detail;
    const auto all = journal::everything(**after);
    ASSERT_EQ(all.size(), kept.size() + 3);
    ASSERT_TRUE(std::equal(kept.begin(), kept.end(), all.begin()));
  }

  const std::unique_ptr<FaultDisk> disk_;
  const std::vector<Kept>& written_;
  const uint64_t acknowledged_;
};

class SegmentImages : public ::testing::Test {
 protected:
  void one(const Image& image, const FaultDisk::Loss& loss, std::string_view kind,
           bool may_refuse = false, const std::function<void(FaultDisk&)>& then = nullptr) {
    auto disk = image.disk->clone();
    disk->lose_power(loss);
    if (then) then(*disk);
    tally_.add(kind);
    if (image.while_opening) tally_.note("(while opening)");
    if (!Crashed(std::move(disk), written_, image.acknowledged).check(may_refuse))
      tally_.note("(refused)");
    ASSERT_FALSE(HasFailure()) << kind << " before operation " << static_cast<int>(image.before)
                               << " seed " << seed_ << " loss " << text_of(loss);
  }

  static std::string text_of(const FaultDisk::Loss& loss) {
    std::string out = std::to_string(loss.names) + " names, sectors ";
    for (const Fate fate : loss.sectors) out += std::to_string(static_cast<int>(fate));
    return out;
  }

  FaultDisk::Loss random_loss(const Image& image, size_t sectors) {
    FaultDisk::Loss loss;
    const uint64_t dense = 1 + random_() % 15;
    for (size_t i = 0; i < sectors; ++i)
      loss.sectors.push_back(random_() % 16 < dense ? Fate::reached : Fate::lost);
    loss.names = random_() % (image.disk->unsynced_names() + 1);
    loss.lengths = random_() % 2 == 0;
    loss.seed = random_();
    return loss;
  }

  void subsets(const Image& image, size_t sectors) {
    if (sectors > kEverySubsetOf) {
      for (int i = 0; i < kRandomSubsets && !HasFailure(); ++i)
        one(image, random_loss(image, sectors), "a random subset");
      return;
    }
    for (uint32_t subset = 0; subset < 1u << sectors && !HasFailure(); ++subset) {
      auto loss = random_loss(image, sectors);
      for (size_t i = 0; i < sectors; ++i)
        loss.sectors[i] = (subset >> i & 1) != 0 ? Fate::reached : Fate::lost;
      one(image, loss, sectors == 0 ? "nothing unsynced" : "every subset");
    }
  }

  void names(const Image& image, size_t sectors) {
    for (size_t names = 0; names <= image.disk->unsynced_names() && !HasFailure(); ++names) {
      auto loss = random_loss(image, sectors);
      loss.names = names;
      one(image, loss, "names");
    }
  }

  void torn(const Image& image, size_t sectors) {
    for (int i = 0; i < kTornPerImage && !HasFailure(); ++i) {
      auto loss = random_loss(image, sectors);
      constexpr std::array fates{Fate::torn_old, Fate::torn_zero, Fate::torn_garbage,
                                 Fate::garbage};
      constexpr std::array<std::string_view, 4> kinds{
          "torn, old behind", "torn, zero behind", "torn, garbage behind", "a sector of garbage"};
      const size_t fate = random_() % fates.size();
      loss.sectors[random_() % sectors] = fates[fate];
      one(image, loss, kinds[fate], true);
    }
  }

  // Where no record of this batch or an earlier one stands.
  void garbage(const Image& image, size_t sectors) {
    const auto paths = image.disk->paths();
    for (int i = 0; i < kGarbagePerImage && !HasFailure(); ++i) {
      const std::string& path = paths[random_() % paths.size()];
      one(image, random_loss(image, sectors), "garbage behind the end", true, [&](FaultDisk& disk) {
        const auto left = disk.paths();
        if (std::find(left.begin(), left.end(), path) == left.end()) return;
        disk.change(path, [&](std::string& content) {
          const size_t end = content.find_last_not_of('\0') + 1;
          const size_t begin = (end + 511) / 512 * 512;
          if (begin >= content.size()) return;
          const size_t at = begin + random_() % (content.size() - begin);
          const size_t bytes = std::min<size_t>(1 + random_() % 2'000, content.size() - at);
          for (size_t k = 0; k < bytes; ++k) content[at + k] = static_cast<char>(random_());
        });
      });
    }
  }

  void crash(const Image& image) {
    const size_t sectors = image.disk->unsynced().size();
    subsets(image, sectors);
    if (HasFailure()) return;
    if (image.disk->unsynced_names() > 0) names(image, sectors);
    if (sectors > 0) torn(image, sectors);
    const bool any = !image.disk->paths().empty();
    if (sectors > 0 || (any && random_() % 8 == 0)) garbage(image, sectors);
  }

  std::vector<size_t> some_lengths() {
    constexpr std::array<size_t, 8> edges{10, 300, 330, 340, 370, 820, 880, 2'000};
    switch (random_() % 12) {
      case 0:
        return {60'000 + random_() % 190'000};
      case 1:
        return std::vector<size_t>(1 + random_() % 40, 10 + random_() % 1'000);
      case 2:
        return {200'000, 10, 200'000, 500};  // over a segment's end before long
      default:
        break;
    }
    std::vector<size_t> lengths(1 + random_() % 4);
    for (size_t& bytes : lengths) bytes = edges[random_() % edges.size()];
    return lengths;
  }

  struct Left {
    std::unique_ptr<FaultDisk> disk = std::make_unique<FaultDisk>();
    uint64_t acknowledged = 0;
  };

  // One start after another on one disk, each on what the last one's loss of power left.
  void lives(uint64_t wanted) {
    Left left;
    for (int i = 0; i < 3 && tally_.total() < wanted && !HasFailure(); ++i)
      left = live(*left.disk, left.acknowledged);
  }

  Left live(FaultDisk& disk, uint64_t acknowledged) {
    Writer writer(disk, acknowledged);
    if (!writer.is_open()) return {};
    write(writer);
    written_ = writer.close();
    for (const Image& image : writer.images)
      if (!HasFailure()) crash(image);
    return an_end(writer.images);
  }

  void write(Writer& writer) {
    writer.claim();
    for (size_t i = 0, count = 6 + random_() % 10; i < count; ++i) {
      if (random_() % 6 == 0) writer.capacity(random_() % 2 == 0 ? UINT64_MAX : 1'900'000);
      writer.batch(some_lengths());
    }
    writer.capacity(UINT64_MAX);
  }

  // Of an image with something to lose, if there is one: half of them killed, half without power.
  Left an_end(const std::vector<Image>& images) {
    std::vector<const Image*> unsynced;
    for (const Image& image : images)
      if (!image.disk->unsynced().empty()) unsynced.push_back(&image);
    const Image& image = unsynced.empty() ? images.back() : *unsynced[random_() % unsynced.size()];
    auto disk = image.disk->clone();
    if (random_() % 2 == 0) disk->lose_power(random_loss(image, image.disk->unsynced().size()));
    return {std::move(disk), image.acknowledged};
  }

  Tally tally_{"segment files"};
  std::mt19937_64 random_;
  uint64_t seed_ = 0;
  std::vector<Kept> written_;  // by the life that is looked at, all of it
};

TEST_F(SegmentImages, HoldEveryAcknowledgedFrameOrAreRefusedByName) {
  const uint64_t wanted = from_environment("WATCHWORD_IMAGES", 5'000) * 4 / 5;
  for (seed_ = from_environment("WATCHWORD_SEED", 1); tally_.total() < wanted; ++seed_) {
    random_.seed(seed_);
    lives(wanted);
    ASSERT_FALSE(HasFailure()) << "repeat with WATCHWORD_SEED=" << seed_;
  }
  EXPECT_GT(tally_.of("(while opening)"), 0u);
  EXPECT_LT(tally_.of("(refused)"), tally_.total() / 2);
}

}  // namespace
}  // namespace watchword::images
