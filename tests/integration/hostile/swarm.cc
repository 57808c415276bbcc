#include "tests/integration/hostile/swarm.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace watchword::testing {
namespace {

constexpr int kTickMs = 100;

int connect_local(uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return descriptor;
  close(descriptor);
  return -1;
}

void say_now(int descriptor, const std::string& bytes) {
  (void)!send(descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

struct Slow {
  int descriptor = -1;
  size_t kind = 0, at = 0;
};

class Child {
 public:
  Child(const SwarmPlan& plan, int tell, int ending) : plan_(plan), tell_(tell), ending_(ending) {}

  [[noreturn]] void run() {
    size_t standing = 0;
    for (size_t i = 0; i < plan_.idle; ++i) {
      const int descriptor = connect_local(plan_.port);
      standing += descriptor >= 0;
      if (i % 2 == 0) say_now(descriptor, "GET /api/v1/system/health HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    for (size_t i = 0; i < plan_.slow; ++i) {
      slow_.push_back({connect_local(plan_.port), i % 3, 0});
      standing += slow_.back().descriptor >= 0;
    }
    const std::string told = std::to_string(standing) + "\n";
    (void)!write(tell_, told.data(), told.size());
    pollfd ending{ending_, POLLIN, 0};
    while (poll(&ending, 1, kTickMs) == 0)
      for (auto& each : slow_) step(each);
    _exit(0);
  }

 private:
  void step(Slow& each) {
    char byte;
    const ssize_t got = recv(each.descriptor, &byte, 1, MSG_DONTWAIT);
    if (each.descriptor < 0 || got == 0 || (got < 0 && errno != EAGAIN)) {
      if (each.descriptor >= 0) close(each.descriptor);
      each.descriptor = connect_local(plan_.port);
      each.at = 0;
      return;
    }
    if (each.kind == 2) {
      if (each.at++ == 0) say_now(each.descriptor, asks_for_much_);
      return;
    }
    const std::string& text = each.kind == 0 ? endless_head_ : endless_body_;
    if (each.kind == 1 && each.at == 0) {
      say_now(each.descriptor, body_head_);
      each.at = 1;
    }
    say_now(each.descriptor, text.substr(each.at++ % text.size(), 1));
  }

  const SwarmPlan plan_;
  const int tell_, ending_;
  std::vector<Slow> slow_;
  const std::string endless_head_ =
      "GET /api/v1/system/health HTTP/1.1\r\nHost: x\r\nX-Never-Ending: " + std::string(4'000, 'a');
  const std::string endless_body_ = std::string(4'000, ' ');
  const std::string body_head_ =
      "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + plan_.token +
      "\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
  const std::string asks_for_much_ = [this] {
    std::string out;
    for (int i = 0; i < 16; ++i)
      out +=
          "GET /api/v1/streams/identity?from=start HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
          plan_.token + "\r\n\r\n";
    return out;
  }();
};

}  // namespace

bool allow_descriptors(size_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= count) return true;
  limit.rlim_cur = count;
  limit.rlim_max = std::max<rlim_t>(limit.rlim_max, count);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

Swarm::Swarm(const SwarmPlan& plan) {
  int told[2], ending[2];
  if (pipe(told) != 0 || pipe(ending) != 0) return;
  process_ = fork();
  if (process_ == 0) {
    close(told[0]);
    close(ending[1]);
    Child(plan, told[1], ending[0]).run();
  }
  close(told[1]);
  close(ending[0]);
  told_ = told[0];
  ending_ = ending[1];
}

Swarm::~Swarm() {
  close(ending_);  // the child sees it and ends
  if (process_ > 0) waitpid(process_, nullptr, 0);
  close(told_);
}

size_t Swarm::connected() {
  std::string text;
  char byte;
  pollfd waiting{told_, POLLIN, 0};
  while (poll(&waiting, 1, 60'000) == 1 && read(told_, &byte, 1) == 1 && byte != '\n') text += byte;
  return static_cast<size_t>(std::strtoul(text.c_str(), nullptr, 10));
}

size_t resident_bytes(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t descriptors(pid_t process) {
  std::error_code failed;
  size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd", failed))
    count += !entry.path().empty();
  return count;
}

}  // namespace watchword::testing
