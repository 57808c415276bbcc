// A core's loop on one io_context, run by one thread.
#pragma once
#include <boost/asio/io_context.hpp>

#include "processors/runtime/loop.h"

namespace watchword::runtime {

class AsioLoop final : public Loop {
 public:
  explicit AsioLoop(boost::asio::io_context& context) : context_(context) {}
  void post(std::function<void()> work) override;
  void after(int64_t delay_us, std::function<void()> work) override;

 private:
  boost::asio::io_context& context_;
};

}  // namespace watchword::runtime
