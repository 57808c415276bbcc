// A bare Beast server with a fixed answer, on a core of its own: what the machine allows at most.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "tests/support/http_load.h"

namespace watchword::bench {

// An io_context on a thread of its own, kept on one CPU.
class OneCore {
 public:
  explicit OneCore(int core) : guard_(boost::asio::make_work_guard(context)) {
    thread_ = std::thread([this, core] {
      testing::pin_thread(core);
      context.run();
    });
  }
  ~OneCore() {
    context.stop();
    thread_.join();
  }
  boost::asio::io_context context{1};

 private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread thread_;
};

// Answers every request with 200 and `body`.
class BareBeast {
 public:
  BareBeast(int core, std::string body) : body_(std::move(body)), core_(core) {
    boost::asio::co_spawn(core_.context, accept(), boost::asio::detached);
  }
  uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  using Socket = boost::asio::ip::tcp::socket;

  boost::asio::awaitable<void> serve(Socket socket) {
    namespace http = boost::beast::http;
    using boost::asio::use_awaitable;
    socket.set_option(boost::asio::ip::tcp::no_delay(true));
    boost::beast::flat_buffer buffer;
    try {
      while (true) {
        http::request<http::string_body> request;
        co_await http::async_read(socket, buffer, request, use_awaitable);
        http::response<http::string_body> response(http::status::ok, request.version());
        response.set(http::field::content_type, "application/json");
        response.keep_alive(request.keep_alive());
        response.body() = body_;
        response.prepare_payload();
        co_await http::async_write(socket, response, use_awaitable);
      }
    } catch (const std::exception&) {
      co_return;  // the client left
    }
  }
  boost::asio::awaitable<void> accept() {
    while (acceptor_.is_open()) {
      Socket socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
      boost::asio::co_spawn(core_.context, serve(std::move(socket)), boost::asio::detached);
    }
  }

  const std::string body_;
  OneCore core_;
  boost::asio::ip::tcp::acceptor acceptor_{
      core_.context, {boost::asio::ip::address_v4::loopback(), 0}};
};

}  // namespace watchword::bench
