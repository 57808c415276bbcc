#include "api/http/server.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstring>

#include "api/http/connection.h"
#include "events/base/clock.h"

namespace watchword::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using StatePtr = std::shared_ptr<ServerState>;

constexpr int kBacklog = 4096;
constexpr size_t kSpareWorkspaces = 64;
constexpr std::string_view kTurnedAway =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: "
    "close\r\n\r\n";

union SocketAddress {
  sockaddr any;
  sockaddr_in four;
  sockaddr_in6 six;
};

socklen_t fill_socket_address(const Address& address, uint16_t port, SocketAddress& out) {
  std::memset(&out, 0, sizeof out);
  if (address.is_ipv4()) {
    out.four.sin_family = AF_INET;
    out.four.sin_port = htons(port);
    std::memcpy(&out.four.sin_addr, address.bytes.data(), 4);
    return sizeof out.four;
  }
  out.six.sin6_family = AF_INET6;
  out.six.sin6_port = htons(port);
  std::memcpy(&out.six.sin6_addr, address.bytes.data(), 16);
  return sizeof out.six;
}

Address address_of(const SocketAddress& from) {
  if (from.any.sa_family == AF_INET)
    return Address::from_view({reinterpret_cast<const char*>(&from.four.sin_addr), 4});
  if (from.any.sa_family == AF_INET6)
    return Address::from_view({reinterpret_cast<const char*>(&from.six.sin6_addr), 16});
  return {};
}

Error system_error(std::string_view what) {
  return Error{Errc::io, "http.listen.bind", std::string(what) + ": " + std::strerror(errno)};
}

// A listening descriptor and, in `port`, where it listens.
Result<int> listen_on(const Address& address, uint16_t& port) {
  SocketAddress local;
  socklen_t size = fill_socket_address(address, port, local);
  const int listener = ::socket(local.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) return system_error("socket");
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener, &local.any, size) != 0 || ::listen(listener, kBacklog) != 0 ||
      ::getsockname(listener, &local.any, &size) != 0) {
    const Error error = system_error(address.text() + " port " + std::to_string(port));
    ::close(listener);
    return error;
  }
  port = ntohs(address.is_ipv4() ? local.four.sin_port : local.six.sin6_port);
  return listener;
}

asio::awaitable<void> serve(StatePtr state, Core& core, tcp::socket socket, Address remote) {
  try {
    Connection connection(state, core, std::move(socket), remote);
    co_await connection.run();
  } catch (const std::exception& exception) {
    state->trouble(exception.what());
  }
  const std::lock_guard lock(state->mutex);
  core.open.fetch_sub(1);
  state->ended.notify_all();
}

// Opens on the core with the fewest connections; among equals the first, which the next connection
// then finds fuller.
void adopt(const StatePtr& state, int descriptor, const SocketAddress& from) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Core& core = **std::min_element(state->cores.begin(), state->cores.end(),
                                  [](auto& a, auto& b) { return a->open.load() < b->open.load(); });
  core.open.fetch_add(1);
  state->accepted.fetch_add(1, std::memory_order_relaxed);
  const auto protocol = from.any.sa_family == AF_INET ? tcp::v4() : tcp::v6();
  tcp::socket socket(core.context, protocol, descriptor);
  boost::system::error_code ignored;
  socket.native_non_blocking(true, ignored);
  asio::co_spawn(core.context, serve(state, core, std::move(socket), address_of(from)),
                 asio::detached);
}

void turn_away(ServerState& state, int descriptor) {
  state.turned_away.fetch_add(1, std::memory_order_relaxed);
  if (!state.options.tls)
    (void)!::send(descriptor, kTurnedAway.data(), kTurnedAway.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::close(descriptor);
}

// Takes all that wait. False when the system has no descriptor left, which time alone mends.
bool accept_waiting(const StatePtr& state, int listener) {
  while (true) {
    SocketAddress from;
    socklen_t size = sizeof from;
    const int descriptor = ::accept4(listener, &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (descriptor < 0 &&
        (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
      return false;
    if (descriptor < 0) continue;  // that one peer left before we came
    if (state->open() >= state->options.connections_max)
      turn_away(*state, descriptor);
    else
      adopt(state, descriptor, from);
  }
}

asio::awaitable<void> accept_all(StatePtr state, tcp::acceptor acceptor) {
  asio::steady_timer pause(acceptor.get_executor());
  state->cancel_accepting = [&] {
    pause.cancel();
    acceptor.close();
  };
  boost::system::error_code error;
  while (!state->stopping && acceptor.is_open()) {
    co_await acceptor.async_wait(tcp::acceptor::wait_read,
                                 asio::redirect_error(asio::use_awaitable, error));
    if (error || state->stopping || !acceptor.is_open()) continue;
    if (accept_waiting(state, acceptor.native_handle())) continue;
    state->trouble("no descriptors left for connections");
    pause.expires_after(std::chrono::milliseconds(100));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
  state->cancel_accepting = nullptr;
}

// Runs until the server has stopped and the core's last connection is gone.
asio::awaitable<void> sweep_all(StatePtr state, Core& core) {
  asio::steady_timer timer(core.context);
  core.cancel_sweeps = [&] { timer.cancel(); };
  boost::system::error_code error;
  while (!core.stopping || !core.watched.empty()) {
    timer.expires_after(std::chrono::milliseconds(state->options.sweep_ms));
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    core.sweep();
  }
  core.cancel_sweeps = nullptr;
}

Result<> check_options(const ServerOptions& options, const std::optional<Address>& address) {
  if (!address)
    return Error{Errc::invalid, "http.listen.address", options.address + " is not an IP address"};
  if (!options.tls && !options.plain_off_loopback && !address->is_loopback())
    return Error{
        Errc::invalid, "http.listen.plain_off_loopback",
        options.address +
            " is reachable from other machines: set a certificate, or allow plain HTTP there"};
  return {};
}

}  // namespace

std::unique_ptr<Workspace> Core::take_workspace() {
  if (spare.empty()) return std::make_unique<Workspace>();
  auto workspace = std::move(spare.back());
  spare.pop_back();
  return workspace;
}

void Core::give_back(std::unique_ptr<Workspace> workspace) {
  if (spare.size() >= kSpareWorkspaces) return;
  workspace->clear();
  spare.push_back(std::move(workspace));
}

void Core::sweep() {
  now_ms = system_clock().boottime_us() / 1000;
  if (const int64_t wall_s = system_clock().wall_ms() / 1000; wall_s != now_s || date.empty()) {
    now_s = wall_s;
    date = imf_fixdate(wall_s);
  }
  for (const Watched& each : watched)
    if (each.deadline_ms <= now_ms) each.connection->expire();
}

void Core::begin_stop() {
  stopping = true;
  for (const Watched& each : watched) each.connection->stop();
  if (cancel_sweeps) cancel_sweeps();
}

void Core::cut_off() {
  for (const Watched& each : watched) each.connection->cut_off();
}

uint64_t ServerState::open() const {
  uint64_t sum = 0;
  for (const auto& core : cores) sum += core->open.load();
  return sum;
}

void ServerState::trouble(std::string_view what) const {
  if (options.on_trouble) options.on_trouble(what);
}

std::shared_ptr<ssl_ctx_st> ServerState::tls_context() {
  if (!options.tls) return nullptr;
  const std::lock_guard lock(mutex);
  return tls;
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options,
                                              std::vector<asio::io_context*> cores,
                                              Handler handler) {
  WATCHWORD_CHECK(!cores.empty());
  const auto address = Address::parse(options.address);
  if (auto checked = check_options(options, address); !checked) return checked.error();
  auto state = std::make_shared<ServerState>();
  if (options.tls) {
    auto context = make_tls_context(*options.tls);
    if (!context) return context.error();
    state->tls = std::move(*context);
  }
  state->port = options.port;
  const auto listener = listen_on(*address, state->port);
  if (!listener) return listener.error();
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  state->options = std::move(options);
  state->handler = std::move(handler);
  for (auto* context : cores) {
    Core& core = *state->cores.emplace_back(std::make_unique<Core>(*context, *state));
    core.sweep();
    asio::co_spawn(*context, sweep_all(state, core), asio::detached);
  }
  tcp::acceptor acceptor(*cores.front(), address->is_ipv4() ? tcp::v4() : tcp::v6(), *listener);
  asio::co_spawn(*cores.front(), accept_all(state, std::move(acceptor)), asio::detached);
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::shared_ptr<ServerState> state) : state_(std::move(state)) {}
Server::~Server() { stop(0); }

uint16_t Server::port() const { return state_->port; }

std::string Server::url() const {
  const auto& options = state_->options;
  const bool six = options.address.find(':') != std::string::npos;
  const std::string host = six ? "[" + options.address + "]" : options.address;
  return (options.tls ? "https://" : "http://") + host + ":" + std::to_string(state_->port);
}

ServerCounts Server::counts() const {
  ServerCounts counts;
  counts.accepted = state_->accepted.load();
  counts.turned_away = state_->turned_away.load();
  counts.open = state_->open();
  for (const auto& core : state_->cores) {
    counts.requests += core->requests.load();
    counts.refused += core->refused.load();
    counts.timed_out += core->timed_out.load();
  }
  return counts;
}

Result<> Server::reload_tls() {
  if (!state_->options.tls) return {};
  auto context = make_tls_context(*state_->options.tls);
  if (!context) return context.error();
  const std::lock_guard lock(state_->mutex);
  state_->tls = std::move(*context);
  return {};
}

bool Server::stop(int64_t deadline_ms) {
  constexpr std::chrono::milliseconds kCutOffWait{500};
  if (state_->stopping.exchange(true)) return true;
  const auto each_core = [state = state_](void (Core::*act)()) {
    for (auto& core : state->cores)
      asio::post(core->context, [state, act, &core = *core] { (core.*act)(); });
  };
  asio::post(state_->cores.front()->context, [state = state_] {
    if (state->cancel_accepting) state->cancel_accepting();
  });
  each_core(&Core::begin_stop);
  const auto empty = [this] { return state_->open() == 0; };
  std::unique_lock lock(state_->mutex);
  if (state_->ended.wait_for(lock, std::chrono::milliseconds(deadline_ms), empty)) return true;
  each_core(&Core::cut_off);
  state_->ended.wait_for(lock, kCutOffWait, empty);
  return false;
}

}  // namespace watchword::http
