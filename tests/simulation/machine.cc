#include "tests/simulation/machine.h"

#include <openssl/rand.h>

#include <boost/asio/post.hpp>
#include <memory>

namespace watchword::simulation {
namespace {

Entropy* openssl_entropy = nullptr;

int draw_for_openssl(unsigned char* out, int size) {
  openssl_entropy->fill({out, static_cast<size_t>(size)});
  return 1;
}
int always_ready() { return 1; }

}  // namespace

// Of OpenSSL 3's ways to replace its generator this is the one without a provider of one's own.
void draw_openssl_from(Entropy& entropy) {
  openssl_entropy = &entropy;
  static RAND_METHOD method{nullptr, draw_for_openssl, nullptr, nullptr, draw_for_openssl, always_ready};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  RAND_set_rand_method(&method);
#pragma GCC diagnostic pop
}

void Timers::add(int64_t at_us, boost::asio::io_context& core, std::function<void()> work) {
  timers_.emplace(at_us, std::make_pair(&core, std::move(work)));
}

bool Timers::fire(int64_t now_us) {
  bool fired = false;
  while (!timers_.empty() && timers_.begin()->first <= now_us) {
    auto timer = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    boost::asio::post(*timer.first, std::move(timer.second));
    fired = true;
  }
  return fired;
}

void SimulatedLoop::post(std::function<void()> work) { boost::asio::post(core_, std::move(work)); }

struct RowsEnv::Task {
  RowsEnv* env;
  void (*work)(void*);
  void (*unscheduled)(void*);
  void* argument;
};

void RowsEnv::Schedule(void (*work)(void*), void* argument, Priority priority, void* tag,
                       void (*unscheduled)(void*)) {
  {
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  const auto run = [](void* given) {
    const std::unique_ptr<Task> task(static_cast<Task*>(given));
    task->work(task->argument);
    task->env->ended();
  };
  const auto drop = [](void* given) {
    const std::unique_ptr<Task> task(static_cast<Task*>(given));
    if (task->unscheduled != nullptr) task->unscheduled(task->argument);
    task->env->ended();
  };
  target()->Schedule(run, new Task{this, work, unscheduled, argument}, priority, tag, drop);
}

void RowsEnv::ended() {
  const std::lock_guard lock(mutex_);
  if (--under_way_ == 0) changed_.notify_all();
}

void RowsEnv::rest() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return under_way_ == 0; });
}

bool Jobs::run_one() {
  if (waiting.empty()) return false;
  auto job = std::move(waiting.front());
  waiting.pop_front();
  job();
  return true;
}

bool Steps::run_one(Chance& chance) {
  const size_t first = chance.below(owners_.size());
  for (size_t i = 0; i < owners_.size(); ++i)
    if (auto step = owners_[(first + i) % owners_.size()].second; step()) return true;
  return false;
}

}  // namespace watchword::simulation
