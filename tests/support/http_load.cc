#include "tests/support/http_load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace watchword::testing {
namespace {

using Steady = std::chrono::steady_clock;

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Steady::now().time_since_epoch())
      .count();
}

// Whole answer's size in `bytes`, 0 while it is not complete; sets where the body begins.
size_t answer_size(std::string_view bytes, size_t& body_at) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == bytes.npos) return 0;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const size_t at = bytes.substr(0, end + 2).find(kLength);
  size_t length = 0;
  if (at != bytes.npos)
    std::from_chars(bytes.data() + at + kLength.size(), bytes.data() + end + 2, length);
  body_at = end + 4;
  return bytes.size() >= body_at + length ? body_at + length : 0;
}

class Load {
 public:
  Load(const LoadOptions& options, const NextRequest& next, const SeeAnswer& see)
      : options_(options), next_(next), see_(see), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
  ~Load() {
    for (const auto& peer : peers_) ::close(peer.descriptor);
    ::close(epoll_);
  }

  LoadResult run() {
    peers_.resize(options_.connections);
    for (auto& peer : peers_) open(peer);
    const int64_t begin = now_ns() + options_.warm_up_ms * 1'000'000;
    const int64_t end = begin + options_.measure_ms * 1'000'000;
    for (int64_t now = now_ns(); now < end; now = now_ns()) {
      measuring_ = now >= begin;
      turn();
    }
    return summary();
  }

 private:
  struct Peer {
    int descriptor = -1;
    int64_t sent_at_ns = 0;
    std::string got;
  };

  void open(Peer& peer) {
    peer.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(options_.port);
    inet_pton(AF_INET, options_.address.c_str(), &to.sin_addr);
    const int on = 1;
    ::setsockopt(peer.descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(peer.descriptor, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
      return fail("connect");
    epoll_event event{EPOLLIN, {&peer}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, peer.descriptor, &event);
    send_next(peer);
  }

  void turn() {
    epoll_event events[64];
    const int count = epoll_wait(epoll_, events, 64, 10);
    for (int i = 0; i < count; ++i) take(*static_cast<Peer*>(events[i].data.ptr));
  }

  void send_next(Peer& peer) {
    const std::string_view request = next_();
    peer.sent_at_ns = now_ns();
    if (::send(peer.descriptor, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
      fail("send");
  }

  void take(Peer& peer) {
    char bytes[16384];
    const ssize_t size = ::recv(peer.descriptor, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size <= 0) {
      epoll_ctl(epoll_, EPOLL_CTL_DEL, peer.descriptor, nullptr);
      return fail("the server closed a connection");
    }
    std::string_view got(bytes, static_cast<size_t>(size));
    if (!peer.got.empty()) got = peer.got.append(got);
    size_t body_at = 0;
    const size_t whole = answer_size(got, body_at);
    if (whole == 0) {
      if (peer.got.empty()) peer.got = got;
      return;
    }
    record(now_ns() - peer.sent_at_ns, got.substr(0, whole), body_at);
    peer.got.clear();
    send_next(peer);
  }

  void record(int64_t latency_ns, std::string_view answer, size_t body_at) {
    if (!answer.starts_with("HTTP/1.1 2")) fail(std::string(answer.substr(0, 300)));
    if (see_) see_(answer.substr(body_at));
    if (measuring_)
      latencies_ns_.push_back(static_cast<uint32_t>(std::min<int64_t>(latency_ns, UINT32_MAX)));
  }

  void fail(const std::string& what) {
    if (failures_++ == 0) first_failure_ = what;
  }

  LoadResult summary() {
    LoadResult result;
    result.requests = latencies_ns_.size();
    result.failures = failures_;
    result.first_failure = first_failure_;
    result.seconds = static_cast<double>(options_.measure_ms) / 1000;
    result.requests_per_s = static_cast<double>(result.requests) / result.seconds;
    if (latencies_ns_.empty()) return result;
    std::sort(latencies_ns_.begin(), latencies_ns_.end());
    const auto at = [&](double part) {
      return latencies_ns_[static_cast<size_t>(part *
                                               static_cast<double>(latencies_ns_.size() - 1))] /
             1000.0;
    };
    result.latency_us_p50 = at(0.5);
    result.latency_us_p99 = at(0.99);
    result.latency_us_max = at(1.0);
    return result;
  }

  const LoadOptions& options_;
  const NextRequest& next_;
  const SeeAnswer& see_;
  int epoll_;
  std::vector<Peer> peers_;
  std::vector<uint32_t> latencies_ns_;
  bool measuring_ = false;
  uint64_t failures_ = 0;
  std::string first_failure_;
};

}  // namespace

void pin_thread(int core) {
  if (core < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(core), &set);
  (void)!pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

LoadResult run_load(const LoadOptions& options, const NextRequest& next, const SeeAnswer& see) {
  pin_thread(options.core);
  return Load(options, next, see).run();
}

}  // namespace watchword::testing
