// The files of the principal index: closed when full, by one thread at a time, found whole again.
#include "stores/views/principal_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

namespace watchword::views {
namespace {

constexpr uint64_t kFrames = 20'000;

struct Folder {
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "watchword-index-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

std::unique_ptr<PrincipalIndex> opened(const Folder& folder) {
  auto index = PrincipalIndex::open(folder.path, 1'000);
  return std::move(*index);
}

Id principal(uint8_t number) {
  Id id;
  id.bytes.fill(number);
  return id;
}

// Every frame speaks of principal 1, every other one of 2.
void add_frames(PrincipalIndex& index, uint64_t from, uint64_t to) {
  for (uint64_t seq = from; seq <= to; ++seq) {
    std::vector<uint64_t> named{IdHash{}(principal(1))};
    if (seq % 2 == 0) named.push_back(IdHash{}(principal(2)));
    index.add(seq, std::move(named));
  }
}

std::vector<uint64_t> newest_first(uint64_t last, uint64_t step) {
  std::vector<uint64_t> out;
  for (uint64_t seq = last; seq > 0; seq -= std::min(seq, step)) out.push_back(seq);
  return out;
}

void expect_all(const PrincipalIndex& index, uint64_t last) {
  EXPECT_EQ(*index.frames_of(principal(1), 1, last, 2 * last), newest_first(last, 1));
  EXPECT_EQ(*index.frames_of(principal(2), 1, last, 2 * last), newest_first(last, 2));
  EXPECT_TRUE(index.frames_of(principal(3), 1, last, 2 * last)->empty());
}

TEST(PrincipalIndex, ARangeThatIsNotFullStaysInMemory) {
  const Folder folder;
  const auto index = opened(folder);
  add_frames(*index, 1, 100);
  EXPECT_FALSE(index->range_is_full());
  EXPECT_TRUE(index->close_full_range());
  EXPECT_EQ(index->indexed_to(), 0u);
  expect_all(*index, 100);
}

TEST(PrincipalIndex, OneOfManyThreadsWritesAFullRange) {
  const Folder folder;
  const auto index = opened(folder);
  add_frames(*index, 1, kFrames);
  ASSERT_TRUE(index->range_is_full());
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) writers.emplace_back([&] { EXPECT_TRUE(index->close_full_range()); });
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(index->indexed_to(), kFrames);
  expect_all(*index, kFrames);
}

TEST(PrincipalIndex, FilesAndMemoryTogetherGiveEveryFrameOnce) {
  const Folder folder;
  {
    const auto index = opened(folder);
    for (uint64_t from = 1; from < kFrames; from += 2'000) {
      add_frames(*index, from, from + 1'999);
      ASSERT_TRUE(index->close_full_range());
    }
    add_frames(*index, kFrames + 1, kFrames + 50);
    expect_all(*index, kFrames + 50);
  }
  const auto index = opened(folder);
  EXPECT_EQ(index->indexed_to(), kFrames);
  add_frames(*index, 1, kFrames + 50);
  expect_all(*index, kFrames + 50);
}

TEST(PrincipalIndex, WhatStandsBehindADamagedFileIsMadeAgain) {
  const Folder folder;
  std::vector<std::filesystem::path> files;
  {
    const auto index = opened(folder);
    for (uint64_t from = 1; from < 6'000; from += 2'000) {
      add_frames(*index, from, from + 1'999);
      ASSERT_TRUE(index->close_full_range());
    }
  }
  for (const auto& file : std::filesystem::directory_iterator(folder.path))
    files.push_back(file.path());
  ASSERT_EQ(files.size(), 3u);
  std::sort(files.begin(), files.end());
  std::filesystem::resize_file(files[1], 100);
  std::ofstream(files[2].string() + ".draft") << "half of one";
  const auto index = opened(folder);
  EXPECT_EQ(index->indexed_to(), 2'000u);
  add_frames(*index, 1, 6'000);
  expect_all(*index, 6'000);
}

}  // namespace
}  // namespace watchword::views
