// A real server on a port of its own, with its cores on threads, for tests that talk to it over
// sockets.
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/http/server.h"
#include "tests/support/http_client.h"

namespace watchword::http {

class Serving {
 public:
  explicit Serving(Handler handler, ServerOptions options = {}, size_t cores = 1) {
    options.sweep_ms = 10;
    std::vector<boost::asio::io_context*> contexts;
    for (size_t i = 0; i < cores; ++i) {
      contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
      guards_.push_back(boost::asio::make_work_guard(*contexts_.back()));
      contexts.push_back(contexts_.back().get());
    }
    auto started = Server::start(std::move(options), contexts, std::move(handler));
    if (!started)
      throw std::runtime_error(std::string(started.error().reason) + " " + started.error().detail);
    server_ = std::move(*started);
    for (auto& context : contexts_) threads_.emplace_back([&context] { context->run(); });
  }

  ~Serving() {
    server_.reset();
    guards_.clear();
    for (auto& context : contexts_) context->stop();
    for (auto& thread : threads_) thread.join();
  }

  Server& server() { return *server_; }
  boost::asio::io_context& core(size_t i = 0) { return *contexts_[i]; }
  testing::HttpClient client() { return testing::HttpClient("127.0.0.1", server_->port()); }

  // Sends `bytes` on a new connection and gives the first answer.
  testing::HttpReply answer_to(std::string_view bytes) {
    auto raw = client();
    raw.send_raw(bytes);
    return raw.read_reply();
  }

 private:
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
  std::vector<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guards_;
  std::unique_ptr<Server> server_;
  std::vector<std::thread> threads_;
};

// Answers with the verb, the path and the body.
inline boost::asio::awaitable<void> echo(Request& request, Response& response) {
  response.content_type = "text/plain";
  response.body.append(request.method())
      .append(" ")
      .append(request.target())
      .append(" ")
      .append(request.body());
  co_return;
}

}  // namespace watchword::http
