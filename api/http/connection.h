// One connection: a state machine that is fed bytes and says what it needs next, and the coroutine
// that waits for that. Belongs to the thread of its core from beginning to end.
#pragma once
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/http/channel.h"
#include "api/http/server.h"
#include "api/http/workspace.h"

namespace watchword::http {

class Connection;

// What the connections of one core share. Only its own thread touches it, but for the atomics.
struct Core {
  struct Watched {
    int64_t deadline_ms;
    Connection* connection;
  };

  Core(boost::asio::io_context& on, ServerState& of) : context(on), server(of) {}

  std::unique_ptr<Workspace> take_workspace();
  void give_back(std::unique_ptr<Workspace> workspace);
  void sweep();       // sets the clock and date, wakes connections whose deadline has passed
  void begin_stop();  // closes what idles
  void cut_off();     // closes everything

  boost::asio::io_context& context;
  ServerState& server;
  std::vector<Watched>
      watched;  // next to each other, so that looking at 20,000 deadlines takes microseconds
  std::vector<std::unique_ptr<Workspace>> spare;
  int64_t now_ms = 0;
  int64_t now_s = 0;
  std::string date;
  bool stopping = false;
  std::function<void()> cancel_sweeps;

  std::atomic<uint64_t> open{0}, requests{0}, refused{0}, timed_out{0};
};

struct ServerState {
  ServerOptions options;
  Handler handler;
  std::vector<std::unique_ptr<Core>> cores;
  uint16_t port = 0;
  std::atomic<uint64_t> accepted{0}, turned_away{0};
  std::atomic<bool> stopping{false};
  std::function<void()> cancel_accepting;  // set and called on the first core's thread

  std::mutex mutex;  // TLS context and the end of the last connection; never on a request's way
  std::condition_variable ended;
  std::shared_ptr<ssl_ctx_st> tls;

  uint64_t open() const;
  void trouble(std::string_view what) const;
  std::shared_ptr<ssl_ctx_st> tls_context();
};

class Connection {
 public:
  static constexpr int64_t kNoDeadline = std::numeric_limits<int64_t>::max();

  Connection(std::shared_ptr<ServerState> server, Core& core, boost::asio::ip::tcp::socket socket,
             Address remote);
  ~Connection();
  Connection(const Connection&) = delete;

  boost::asio::awaitable<void> run();

  void expire();   // its deadline has passed: wakes it
  void stop();     // no further request: wakes it when it idles
  void cut_off();  // closes the socket under it

 private:
  friend struct Core;
  enum class Stage : uint8_t { handshake, head, body, chunks, answering, lingering, closed };
  enum class Need : uint8_t { read, write, handle, close };

  Need next();
  std::optional<Need> finish_handshake();
  std::optional<Need> flush();
  std::optional<Need> receive();
  std::optional<Need> linger();
  bool advance();
  bool take_head();
  bool take_body();
  bool take_chunks();
  void reread_head();
  bool admit_body(uint64_t limit);
  void begin_answer(std::string_view body, size_t used);
  void refuse(GateVerdict verdict);
  void send_continue();
  void finish_answer();
  void fail_answer(std::string_view what);
  bool keeps_alive() const;
  Wire wire() const;

  boost::asio::awaitable<void> handle();
  boost::asio::awaitable<void> stream();
  boost::asio::awaitable<bool> flush_fully();
  void resumed(bool failed);
  void wait_for(Need need);
  int64_t deadline() const;
  void enter(Stage stage);
  void begin_phase();
  size_t wanted_bytes() const;
  void release_if_idle();

  std::shared_ptr<ServerState> server_;
  Core& core_;
  boost::asio::ip::tcp::socket socket_;
  Channel channel_;
  Address remote_;
  std::unique_ptr<Workspace> work_;
  size_t watch_ = 0;  // place in core_.watched

  Stage stage_ = Stage::handshake;
  Need waiting_ = Need::handle;  // read or write while it waits
  bool readable_ = true;         // the last receive may not have emptied the socket
  bool closing_ = false;         // after what is written
  bool writing_ = false;         // the peer made an answer wait
  bool expired_ = false, stopped_ = false;
  uint32_t batch_ = 0;        // answers since the last write
  size_t used_ = 0;           // bytes of input that the current request takes
  size_t body_bytes_ = 0;     // Content-Length of the current request
  uint64_t moved_bytes_ = 0;  // in this phase, for the minimum rate
  int64_t phase_at_ms_ = 0;
};

}  // namespace watchword::http
