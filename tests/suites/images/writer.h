// A journal that is written on one thread, on a disk that is photographed before each of its
// operations.
#pragma once
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "stores/journal/segment.h"
#include "stores/journal/stepper.h"
#include "tests/suites/journal/journal_kit.h"
#include "tests/support/fault_disk.h"

namespace watchword::images {

// The journal's two threads, taken in turns.
class Turns final : public journal::Stepper {
 public:
  void add(const void* owner, std::function<bool()> step) override {
    steps_[owner] = std::move(step);
  }
  void remove(const void* owner) override { steps_.erase(owner); }
  void run() {
    for (bool more = true; more;) {
      more = false;
      for (const auto& [owner, step] : std::map(steps_)) more |= steps_.contains(owner) && step();
    }
  }

 private:
  std::map<const void*, std::function<bool()>> steps_;
};

inline constexpr uint64_t kSegmentBytes = 640 * 1024, kReserveBytes = 512 * 1024;

inline journal::SegmentOptions options_on(journal::FaultDisk& disk, Turns& turns) {
  journal::SegmentOptions options;
  options.directory = "j";
  options.segment_bytes = kSegmentBytes;
  options.reserve_bytes = kReserveBytes;
  options.disk = &disk;
  options.stepper = &turns;
  options.on_fatal = [](const Error& error) { ADD_FAILURE() << error.detail; };
  return options;
}

// The disk as it stood before an operation.
struct Image {
  std::unique_ptr<journal::FaultDisk> disk;
  journal::FaultDisk::Operation before;
  uint64_t acknowledged = 0;  // every frame up to here was answered
  bool while_opening = false;
};

// One start of the journal, until it is closed. What fails is a failure of the test.
class Writer {
 public:
  // `acknowledged`: before this start.
  Writer(journal::FaultDisk& disk, uint64_t acknowledged)
      : disk_(disk), acknowledged_(acknowledged) {
    disk_.set([this](journal::FaultDisk::Faults& faults) {
      faults.before = [this](journal::FaultDisk::Operation operation, const std::string&) {
        images.push_back({disk_.clone_unlocked(), operation, acknowledged_, journal_ == nullptr});
      };
    });
    auto opened = journal::open_segments(options_on(disk, turns_));
    EXPECT_TRUE(opened) << opened.error().detail;
    if (opened) journal_ = std::move(*opened);
  }
  ~Writer() {
    disk_.set([](journal::FaultDisk::Faults& faults) { faults = {}; });
  }
  Writer(const Writer&) = delete;

  bool is_open() const { return journal_ != nullptr; }
  void claim() {
    const auto claimed = journal_->claim("node-a", journal::kIncarnation, 1'000);
    if (claimed)
      acknowledged_ = claimed->seq;
    else
      EXPECT_EQ(claimed.error().reason, "journal.disk_full");
  }
  // Appends frames of these lengths, queued together; those that the disk has no room for are
  // refused.
  void batch(const std::vector<size_t>& lengths) {
    const auto tail = journal_->tail();
    for (size_t i = 0; i < lengths.size(); ++i)
      journal_->append(journal::frame_of(tail.epoch, tail.seq + 1 + i, lengths[i]),
                       [this](Result<uint64_t> done) {
                         if (done)
                           acknowledged_ = *done;
                         else
                           EXPECT_EQ(done.error().reason, "journal.disk_full");
                       });
    turns_.run();
  }
  void capacity(uint64_t bytes) {
    disk_.set([bytes](journal::FaultDisk::Faults& faults) { faults.capacity_bytes = bytes; });
    turns_.run();
  }
  // Closes it. All that it held at the end.
  std::vector<journal::Kept> close() {
    auto all = journal::everything(*journal_);
    journal_ = nullptr;
    return all;
  }

  std::vector<Image> images;

 private:
  journal::FaultDisk& disk_;
  Turns turns_;
  uint64_t acknowledged_;
  std::unique_ptr<journal::Journal> journal_;
};

}  // namespace watchword::images
