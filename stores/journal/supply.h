// Keeps one segment file prepared ahead, and the reserve.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "stores/journal/catalog.h"
#include "stores/journal/disk.h"
#include "stores/journal/stepper.h"

namespace watchword::journal {

struct SupplyOptions {
  std::string directory;
  uint64_t segment_bytes = 0;
  uint64_t reserve_bytes = 0;  // 0: no reserve
  bool zero_fill = true;
  int retry_ms = 1000;
  std::function<void(std::string_view)> note;  // may be empty; called on any thread
  Stepper* stepper = nullptr;                  // null: a thread of its own
};

// Has a thread of its own (or a stepper's turns), which creates, allocates, fills and syncs files under another name and
// renames them when they are whole. A failure is not fatal: it is tried again every retry_ms. The
// reserve is a small segment that becomes the next one when there is no room for a new one: nobody
// can take its blocks between giving them up and using them. Is there room again before it is used,
// a segment of full length takes its place.
class Supply {
 public:
  // `next`: the number of the next segment, `ready_bytes` its length if it is there already, else
  // 0.
  Supply(Disk& disk, SupplyOptions options, uint32_t next, uint64_t ready_bytes);
  ~Supply();

  struct Rooms {
    uint64_t next_bytes = 0;     // of full length and certain to come; 0: not certain yet
    uint64_t reserve_bytes = 0;  // not in use yet; 0: there is none
  };
  Rooms rooms() const { return {room_next_, room_reserve_}; }  // waits for nobody

  // Until it is known whether there is room for the next segment.
  void wait_for_first_try();
  // Until take() has an answer, and the best one that is to be had.
  void wait();
  struct Taken {
    Segment segment;
    std::unique_ptr<File> file;
  };
  // The next segment, or the reserve in its place; nullopt: neither. Does not wait. `used` is the
  // one that it follows: it is synced and will hardly be read again, so the page cache is told to
  // let it go.
  std::optional<Taken> take(std::unique_ptr<File>& used);

 private:
  void run();
  void wait_until(const std::function<bool()>& known);
  bool work(std::unique_lock<std::mutex>& lock);
  bool is_lacking_next() const { return next_bytes_ < options_.segment_bytes; }
  bool is_lacking_reserve() const;
  void retire(std::unique_lock<std::mutex>& lock);
  bool step(std::unique_lock<std::mutex>& lock);
  int make(uint64_t bytes, const std::function<void()>& allocated);
  int fill(File& file, uint64_t bytes);
  int allocate(File& file, uint64_t bytes, const std::function<void()>& allocated);
  int put_in_place(const std::string& from, uint64_t bytes);
  int finish_next(int made);
  int make_reserve();
  void publish();
  void report(std::string_view what, int failure);
  std::string path(std::string_view name) const;

  Disk& disk_;
  const SupplyOptions options_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  uint32_t next_;
  uint64_t next_bytes_;  // in place; less than segment_bytes: it was the reserve; 0: not in place
  std::unique_ptr<File> next_file_;  // open, so that a roll needs no descriptor
  std::unique_ptr<File> used_;       // to be dropped from the page cache
  bool allocated_ = false;           // one of full length is coming, its blocks are ours
  bool failed_ = false;              // the last try found no room
  bool reserve_ = false;
  bool stopping_ = false;
  std::atomic<uint64_t> room_next_{0}, room_reserve_{0};
  std::string reported_;  // so that a full disk is said once
  std::thread thread_;
};

}  // namespace watchword::journal
