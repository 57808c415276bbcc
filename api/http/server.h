// The HTTP/1.1 server: accepts on one socket, spreads connections evenly over the cores, keeps each
// on its core, and hands every request that passed the gate to one handler. RFC 9110, RFC 9112.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/gate.h"
#include "api/http/request.h"
#include "api/http/response.h"
#include "api/http/tls.h"
#include "events/base/result.h"

namespace boost::asio {
class io_context;
}

namespace watchword::http {

struct ServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                // 0 picks one: Server::port()
  bool plain_off_loopback = false;  // else plain HTTP on any other address is refused at start
  std::optional<TlsFiles> tls;

  GateLimits gate;
  uint64_t body_bytes_max = 1024 * 1024;
  // A route's own limit, for the path as sent; asked once per request with a body.
  std::function<uint64_t(std::string_view path)> body_limit;
  size_t connections_max = 20'000;  // one more is told 503 and closed
  size_t pipeline_max = 32;         // requests answered in one write; the next wait for it

  int64_t header_timeout_ms = 10'000;  // from the first byte of a request to the end of its
                                       // headers: 408; also the TLS handshake
  int64_t body_timeout_ms =
      30'000;  // for the body, and more while it comes at the minimum rate: 408
  int64_t write_timeout_ms = 30'000;  // the same for a reader of an answer: cut off
  int64_t minimum_rate_bytes_per_s = 16 * 1024;
  int64_t idle_timeout_ms = 75'000;  // between requests: closed
  int64_t linger_ms = 2'000;         // after the last answer, for the peer to read it
  int64_t sweep_ms = 250;            // how often deadlines are looked at; their precision

  // Told of what no caller is told in full: an exception of a handler, no descriptors left. Any
  // core's thread.
  std::function<void(std::string_view what)> on_trouble;
};

// Runs on the connection's core thread and ends there. An exception becomes 500 and ends the
// connection.
using Handler = std::function<boost::asio::awaitable<void>(Request&, Response&)>;

struct ServerCounts {
  uint64_t accepted = 0, open = 0, turned_away = 0;  // connections
  uint64_t requests = 0;                             // handed to the handler
  uint64_t refused = 0;                              // answered by the gate or a limit
  uint64_t timed_out = 0;  // 408 and silent cuts together, idle ones not counted
};

struct ServerState;

class Server {
 public:
  // Listens at once; serves as soon as the cores' threads run. The cores outlive the server.
  // SIGPIPE is ignored from here on. invalid: http.listen.address (no address),
  // http.listen.plain_off_loopback, http.tls.*; io: http.listen.bind, detail from the system.
  static Result<std::unique_ptr<Server>> start(ServerOptions options,
                                               std::vector<boost::asio::io_context*> cores,
                                               Handler handler);
  ~Server();  // stop(0)

  uint16_t port() const;
  std::string url() const;  // "http://127.0.0.1:8080", "https://[::1]:8443"
  ServerCounts counts() const;

  // Reads the files again; new connections use them, old ones keep what they have. On an error the
  // old certificate stays. Any thread.
  Result<> reload_tls();

  // Stops accepting, closes idle connections, lets running requests end (their answers say
  // `Connection: close`), ends streams at their next piece; what is left after `deadline_ms` is cut
  // off. Blocks: call it from a thread that runs none of the cores, while they run. True when
  // nothing had to be cut off. A second call does nothing.
  bool stop(int64_t deadline_ms);

 private:
  explicit Server(std::shared_ptr<ServerState> state);
  std::shared_ptr<ServerState> state_;
};

}  // namespace watchword::http
