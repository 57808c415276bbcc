// Threads with a bounded queue. A job must not throw.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "processors/runtime/loop.h"

namespace watchword::runtime {

class WorkerPool final : public Workers {
 public:
  WorkerPool(size_t threads, size_t queue_limit);
  ~WorkerPool() override;  // runs what is queued, then joins
  bool run(std::function<void()> work) override;

 private:
  void work();
  const size_t queue_limit_;
  std::mutex mutex_;
  std::condition_variable waiting_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace watchword::runtime
