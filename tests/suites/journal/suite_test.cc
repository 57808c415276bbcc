// The journals that need nothing but this machine, and what is special to the one in memory.
#include <filesystem>

#include "stores/journal/memory.h"
#include "stores/journal/segment.h"
#include "tests/suites/journal/suite.h"

namespace watchword::journal {
namespace {

class MemoryStore final : public Store {
 public:
  std::unique_ptr<Journal> open() override { return open_memory(log_); }

 private:
  std::shared_ptr<MemoryLog> log_ = make_memory_log(0);
};

class SegmentStore final : public Store {
 public:
  SegmentStore() {
    std::string pattern = std::filesystem::temp_directory_path() / "watchword-journal-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~SegmentStore() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<Journal> open() override {
    SegmentOptions options;
    options.directory = directory_;
    options.segment_bytes = options.reserve_bytes = 1024 * 1024;
    auto journal = open_segments(std::move(options));
    EXPECT_TRUE(journal.ok()) << journal.error().detail;
    return journal ? std::move(*journal) : nullptr;
  }

 private:
  std::string directory_;
};

INSTANTIATE_TEST_SUITE_P(
    , EveryJournal,
    testing::Values(Kind{"Memory", [] { return std::make_unique<MemoryStore>(); }},
                    Kind{"Segment", [] { return std::make_unique<SegmentStore>(); }}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(MemoryJournal, FencesAnOwnerThatAnotherClaimReplaced) {
  const auto log = make_memory_log(0);
  const auto old = open_memory(log), young = open_memory(log);
  claimed(*old);
  EXPECT_TRUE(append_now(*old, frame_of(1, 2)).ok());
  EXPECT_EQ(claimed(*young).epoch, 2u);
  EXPECT_EQ(append_now(*old, frame_of(1, 3)).error().reason, "journal.append.fenced");
  EXPECT_FALSE(append_now(*old, frame_of(1, 4)).ok());
  EXPECT_TRUE(append_now(*young, frame_of(2, 4)).ok());
  EXPECT_EQ(everything(*old), everything(*young));
  EXPECT_EQ(everything(*young).size(), 4u);
}

TEST(MemoryJournal, EndsTheTermAtAnInjectedFailure) {
  const auto journal = open_memory(make_memory_log(0));
  claimed(*journal);
  journal->fail_next_append({Errc::io, "test.disk", ""});
  EXPECT_EQ(append_now(*journal, frame_of(1, 2)).error().reason, "test.disk");
  EXPECT_EQ(append_now(*journal, frame_of(1, 3)).error().reason, "test.disk");
  EXPECT_EQ(claimed(*journal).seq, 2u);
  EXPECT_TRUE(append_now(*journal, frame_of(2, 3)).ok());
}

TEST(MemoryJournal, RefusesWhenItIsFullAndGoesOnWithTheSameSeq) {
  const auto journal = open_memory(make_memory_log(0));
  claimed(*journal);
  journal->set_space(Space::none);
  EXPECT_EQ(append_now(*journal, frame_of(1, 2)).error().reason, "journal.disk_full");
  EXPECT_EQ(append_now(*journal, frame_of(1, 3)).error().reason, "journal.disk_full");
  journal->set_space(Space::normal);
  EXPECT_TRUE(append_now(*journal, frame_of(1, 2)).ok());
}

TEST(MemoryJournal, LeavesItsWorkToTheExecutorItIsGiven) {
  std::vector<std::function<void()>> jobs;
  const auto journal =
      open_memory(make_memory_log(0), {[&](auto job) { jobs.push_back(std::move(job)); }});
  claimed(*journal);
  auto answer = append_later(*journal, frame_of(1, 2));
  EXPECT_EQ(journal->tail().seq, 1u);
  ASSERT_EQ(jobs.size(), 1u);
  jobs[0]();
  EXPECT_EQ(*answer.get(), 2u);
}

}  // namespace
}  // namespace watchword::journal
