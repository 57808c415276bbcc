// What a partition task needs of its surroundings: a place to run, and hands for work that would hold it up.
#pragma once
#include <cstdint>
#include <functional>

namespace watchword::runtime {

// One thread's queue. post and after may be called from any thread; what they are given runs on the loop's own.
class Loop {
 public:
  virtual ~Loop() = default;
  virtual void post(std::function<void()> work) = 0;
  virtual void after(int64_t delay_us, std::function<void()> work) = 0;
};

// A few threads for what blocks or computes long: signatures, password hashes, database reads and writes, replay.
class Workers {
 public:
  virtual ~Workers() = default;
  // False when the queue is full: answer 503.
  virtual bool run(std::function<void()> work) = 0;
};

}  // namespace watchword::runtime
