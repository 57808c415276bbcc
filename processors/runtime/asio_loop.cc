#include "processors/runtime/asio_loop.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>

namespace watchword::runtime {

void AsioLoop::post(std::function<void()> work) { boost::asio::post(context_, std::move(work)); }

void AsioLoop::after(int64_t delay_us, std::function<void()> work) {
  auto timer = std::make_shared<boost::asio::steady_timer>(context_,
                                                           std::chrono::microseconds(delay_us));
  timer->async_wait([timer, work = std::move(work)](boost::system::error_code failed) {
    if (!failed) work();
  });
}

}  // namespace watchword::runtime
