// What the journal's tests share: frames of a known content, and appends that wait for their
// answer.
#pragma once
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "stores/journal/frame.h"
#include "stores/journal/journal.h"

namespace watchword::journal {

inline constexpr std::array<uint8_t, 16> kIncarnation{1, 2, 3};

// About `bytes` bytes of content that no other seq has, and that is never zero.
inline std::string frame_of(uint64_t epoch, uint64_t seq, size_t bytes = 100,
                            uint32_t partition = 0) {
  std::string content(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i)
    content[i] = static_cast<char>(1 + (seq * 31 + i * 7 + i / 251) % 255);
  FrameBuilder builder;
  builder.add_judged(content, static_cast<uint32_t>(seq), "");
  return builder.finish(partition, epoch, seq, 1'000 + static_cast<int64_t>(seq));
}

inline std::future<Result<uint64_t>> append_later(Journal& journal, std::string frame) {
  auto promise = std::make_shared<std::promise<Result<uint64_t>>>();
  auto answer = promise->get_future();
  journal.append(std::move(frame),
                 [promise](Result<uint64_t> seq) { promise->set_value(std::move(seq)); });
  return answer;
}

inline Result<uint64_t> append_now(Journal& journal, std::string frame) {
  return append_later(journal, std::move(frame)).get();
}

inline Tail claimed(Journal& journal, int64_t time_ms = 1'000) {
  auto tail = journal.claim("node-a", kIncarnation, time_ms);
  EXPECT_TRUE(tail.ok()) << tail.error().reason << " " << tail.error().detail;
  return tail ? *tail : Tail{};
}

// Appends frames of these lengths behind the tail, one after another.
inline void append_all(Journal& journal, const std::vector<size_t>& lengths) {
  for (size_t bytes : lengths) {
    const Tail tail = journal.tail();
    const auto done = append_now(journal, frame_of(tail.epoch, tail.seq + 1, bytes));
    ASSERT_TRUE(done.ok()) << done.error().reason << " " << done.error().detail;
  }
}

struct Kept {
  uint64_t seq = 0, epoch = 0;
  bool is_claim = false;
  Hash hash{};
  std::string bytes;
  bool operator==(const Kept&) const = default;
};

inline Result<std::vector<Kept>> read_all_from(const Journal& journal, uint64_t seq) {
  std::vector<Kept> kept;
  auto read = journal.read(seq, [&](const Stored& stored) -> Result<> {
    kept.push_back(
        {stored.seq, stored.epoch, stored.is_claim, stored.hash, std::string(stored.bytes)});
    return {};
  });
  if (!read) return read.error();
  return kept;
}

inline std::vector<Kept> everything(const Journal& journal, uint64_t from = 1) {
  auto kept = read_all_from(journal, from);
  EXPECT_TRUE(kept.ok()) << kept.error().reason << " " << kept.error().detail;
  return kept ? *kept : std::vector<Kept>{};
}

// The judged content of a frame that frame_of() made.
inline std::string content_of(const std::string& frame) {
  std::string content;
  auto view = FrameView::open(frame);
  EXPECT_TRUE(view.ok());
  auto done = view->each([](uint32_t, const v1::Event&) { return Result<>(); },
                         [&](uint32_t, const Judged& judged) {
                           content = judged.observation;
                           return Result<>();
                         });
  EXPECT_TRUE(done.ok());
  return content;
}

}  // namespace watchword::journal
