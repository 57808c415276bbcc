// The bytes of a frame. Input: the frame.
#include "stores/journal/frame.h"

#include "stores/journal/follower.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

using journal::FrameView;

struct Content {
  bool whole = false;
  uint32_t entries = 0;
  bool only_observations = true;
  std::string rebuilt;  // from what was read
};

Content content_of(const FrameView& view) {
  Content content;
  journal::FrameBuilder builder;
  builder.set_input(view.input());
  const auto read = view.each(
      [&](uint32_t index, const v1::Event& event) -> Result<> {
        require(index == content.entries++, "entries are counted from 0");
        require(event.fact_case() != v1::Event::FACT_NOT_SET, "an event tells a fact");
        content.only_observations = false;
        builder.add(event);
        return {};
      },
      [&](uint32_t index, const journal::Judged& judged) -> Result<> {
        require(index == content.entries++, "entries are counted from 0");
        builder.add_judged(judged.observation, judged.conclusion, judged.signals);
        return {};
      });
  require(read.ok() || read.error().code == Errc::corrupt, "what cannot be read is corrupt");
  content.whole = read.ok();
  const auto& header = view.header();
  content.rebuilt = builder.finish(header.partition, header.epoch, header.seq, header.time_ms);
  journal::seal(content.rebuilt, header.previous, header.synced);
  return content;
}

void require_same_again(std::string_view bytes, const Content& content) {
  if (content.only_observations)
    require(content.rebuilt == bytes, "what is accepted is what the builder writes");
  if (content.rebuilt.size() > journal::kMaxFrameBytes) return;
  const auto again = FrameView::open(content.rebuilt);
  require(again.ok(), "what was read can be written and read again");
  const auto twice = content_of(*again);
  require(twice.whole && twice.entries == content.entries && twice.rebuilt == content.rebuilt,
          "and is the same");
}

void require_follower(std::string_view bytes, const FrameView& view) {
  const auto& header = view.header();
  const journal::Tail last{header.epoch - (view.is_claim() ? 1 : 0), header.seq - 1, 0,
                           header.previous};
  journal::Follower follower(header.partition, last);
  const auto taken = follower.take(bytes);
  if (view.is_claim() && !view.claim()) return require(!taken, "a claim that is none is corrupt");
  require(taken && *taken, "a frame in its place counts");
  require((*taken)->hash == journal::chain(last.hash, bytes), "with the hash of the chain");
  require((*taken)->seq == last.seq + 1 && (*taken)->epoch == header.epoch, "at its place");
  auto other = last;
  other.hash[0] ^= 1;
  journal::Follower elsewhere(header.partition, other);
  const auto misplaced = elsewhere.take(bytes);
  require(misplaced && (*misplaced).has_value() == view.is_claim(), "no frame counts on another's");
}

void run(std::string_view input) {
  const auto view = FrameView::open(input);
  if (!view) {
    require(view.error().code == Errc::corrupt, "what cannot be opened is corrupt");
    return;
  }
  require(view->header().version == journal::kFrameVersion, "a version that is known");
  require_follower(input, *view);
  if (view->is_claim()) {
    require(content_of(*view).entries == 0, "a claim has no entries");
    return;
  }
  const auto content = content_of(*view);
  if (content.whole) require_same_again(input, content);
}

const Registered kTarget{{"frame", run}};

}  // namespace
}  // namespace watchword::fuzz
