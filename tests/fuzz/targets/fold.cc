// Any events and observations through the fold. Input: frames one after another, each a time step,
// a count of entries and the entries: kind, length, bytes.
#include "processors/fold/fold.h"

#include "processors/publisher/render.h"
#include "processors/publisher/text.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

constexpr uint32_t kPartition = 0;

std::string frame_of(Pieces& pieces, uint64_t seq, int64_t time_ms) {
  journal::FrameBuilder builder;
  for (uint8_t entries = 1 + pieces.byte() % 4; entries > 0; --entries) {
    const uint8_t kind = pieces.byte();
    const auto bytes = pieces.take(pieces.number(2) % 2048);
    v1::Event event;
    if (kind % 2 != 0)
      builder.add_judged(bytes, kind / 2, "");
    else if (event.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      builder.add(event);
  }
  return builder.finish(kPartition, 1, seq, time_ms);
}

std::vector<journal::Stored> stored(const std::vector<std::string>& frames,
                                    const std::vector<int64_t>& times) {
  std::vector<journal::Stored> out;
  for (size_t i = 0; i < frames.size(); ++i)
    out.push_back({1, i + 1, times[i], false, {}, frames[i]});
  return out;
}

template <class Row>
void require_sound(const Row&) {}
void require_sound(const fold::Usage& usage) {
  uint64_t counted = 0;
  for (const auto& network : usage.networks) {
    require(network.size != 0 || network.count == 0, "a free slot counts nothing");
    counted += network.count;
  }
  require(counted <= usage.count, "no use is counted of two networks");
}

template <class Row>
void describe(fold::State& state, std::string& out) {
  std::map<Id, std::string> rows;
  state.each_in_memory<Row>([&](const Id& id, const Row& row) {
    require_sound(row);
    std::string bytes;
    rows::RowTraits<Row>::encode(row, bytes);
    Row again{};
    require(rows::RowTraits<Row>::decode(bytes, again), "a row can be stored and read");
    std::string twice;
    rows::RowTraits<Row>::encode(again, twice);
    require(twice == bytes, "and is the same");
    rows[id] = bytes;
  });
  for (const auto& [id, bytes] : rows) out.append(id.view()).append(bytes).append(1, '\n');
}

std::string described(fold::State& state) {
  std::string out = std::to_string(state.seq()) + " " + std::to_string(state.time_ms()) + "\n";
  describe<detectors::Baseline>(state, out);
  describe<fold::Usage>(state, out);
  describe<v1::IdentityState>(state, out);
  describe<v1::JitTokenState>(state, out);
  describe<v1::ServiceTokenState>(state, out);
  describe<v1::SecretState>(state, out);
  describe<v1::NameState>(state, out);
  describe<v1::AlertState>(state, out);
  describe<v1::OpenAlerts>(state, out);
  describe<v1::ResultState>(state, out);
  describe<v1::AttestationState>(state, out);
  describe<v1::ControlState>(state, out);
  for (const auto& due : state.due())
    out.append(std::to_string(due.at_ms)).append(due.id.view()).append(1, '\n');
  return out;
}

struct Folded {
  std::string rows;
  bool ok = true;
};

Folded folded(const std::vector<journal::Stored>& frames) {
  fold::State state(kPartition, nullptr, 0);
  require(state.open().ok(), "an empty state opens");
  Folded out;
  for (const auto& frame : frames) {
    const auto done = fold::fold_frame(state, frame);
    if (!done) {
      require(done.error().code == Errc::invalid || done.error().code == Errc::corrupt,
              "an observation that cannot be read is told");
      out.ok = false;
      break;
    }
  }
  require(!state.broken(), "no input breaks the rows");
  out.rows = described(state);
  return out;
}

// Rows as decide sees them, ahead of what is durable, are those that the fold makes of it.
void require_ahead_agrees(const journal::Stored& frame) {
  fold::State now(kPartition, nullptr, 0), later(kPartition, nullptr, 0);
  require(now.open().ok() && later.open().ok(), "an empty state opens");
  fold::Ahead ahead(now);
  const auto view = journal::FrameView::open(frame.bytes);
  require(view.ok(), "a frame of ours opens");
  (void)view->each(
      [&](uint32_t, const v1::Event& event) -> Result<> {
        fold::fold_event(ahead, event, frame.seq);
        fold::fold_event(later, event, frame.seq);
        const Id id = Id::from_view(event.envelope().subject());
        const auto *drafted = ahead.find<v1::IdentityState>(id),
                   *durable = later.find<v1::IdentityState>(id);
        require((drafted == nullptr) == (durable == nullptr), "a row ahead is a row later");
        if (drafted != nullptr)
          require(drafted->SerializeAsString() == durable->SerializeAsString(), "the same row");
        return {};
      },
      [](uint32_t, const journal::Judged&) -> Result<> { return {}; });
}

void require_rendered(const journal::Stored& frame) {
  const auto view = journal::FrameView::open(frame.bytes);
  require(view.ok(), "a frame of ours opens");
  (void)view->each(
      [&](uint32_t index, const v1::Event& event) -> Result<> {
        const auto shown = publisher::render(event, {kPartition, frame.seq}, index);
        require(!publisher::to_text(shown).empty(), "an event can be shown");
        return {};
      },
      [&](uint32_t index, const journal::Judged& judged) -> Result<> {
        (void)publisher::render_observation(judged.observation, judged.conclusion, judged.signals,
                                            {kPartition, frame.seq}, index);
        return {};
      });
}

void run(std::string_view input) {
  std::vector<std::string> frames;
  std::vector<int64_t> times;
  int64_t time_ms = 1'750'000'000'000;
  for (Pieces pieces(input); !pieces.empty() && frames.size() < 16;) {
    time_ms += static_cast<int64_t>(pieces.number(3)) * 1000;
    frames.push_back(frame_of(pieces, frames.size() + 1, time_ms));
    times.push_back(time_ms);
  }
  const auto all = stored(frames, times);
  const auto once = folded(all), twice = folded(all);
  require(once.ok == twice.ok && once.rows == twice.rows, "the same frames give the same rows");
  for (const auto& frame : all) {
    require_ahead_agrees(frame);
    require_rendered(frame);
  }
}

const Registered kTarget{{"fold", run}};

}  // namespace
}  // namespace watchword::fuzz
