#include "tests/suites/kafka/own_broker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace watchword::journal {
namespace {

// Binds a port of the system's choice, or `wanted`; -1 when that is taken.
int bound_port(int& socket, int wanted) {
  socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(wanted));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), length) != 0) return -1;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

// One whose next is free too: that is the controller's.
int free_port() {
  for (;;) {
    int first = -1, second = -1;
    const int port = bound_port(first, 0);
    const bool both = port > 0 && port < 65'000 && bound_port(second, port + 1) == port + 1;
    ::close(first);
    ::close(second);
    if (both) return port;
  }
}

}  // namespace

OwnBroker::OwnBroker(std::vector<std::string> settings) : settings_(std::move(settings)) {
  std::string pattern = std::filesystem::temp_directory_path() / "watchword-kafka-XXXXXX";
  folder_ = ::mkdtemp(pattern.data());
  port_ = free_port();
  start();
}

OwnBroker::~OwnBroker() {
  go_on();
  kill();
  std::filesystem::remove_all(folder_);
}

std::string OwnBroker::address() const { return "127.0.0.1:" + std::to_string(port_); }

void OwnBroker::start() {
  const std::string output = folder_ + "/start.log";
  std::string command = std::string(WATCHWORD_SOURCE) + "/deploy/kafka/broker.sh start --nodes 1" +
                        " --port " + std::to_string(port_) + " --data " + folder_ + "/data";
  for (const auto& line : settings_) command += " --set '" + line + "'";
  const int status = std::system((command + " >" + output + " 2>&1").c_str());
  std::ifstream file(output);
  std::stringstream told;
  told << file.rdbuf();
  EXPECT_EQ(status, 0) << told.str();
}

pid_t OwnBroker::pid() const {
  pid_t pid = 0;
  std::ifstream(folder_ + "/data/node-1/pid") >> pid;
  return pid;
}

void OwnBroker::kill() {
  const pid_t running = pid();
  if (running == 0) return;
  ::kill(running, SIGKILL);
  // It is no child of ours: its end shows in /proc, where a zombie no longer has files open.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::error_code error;
  while (std::filesystem::exists("/proc/" + std::to_string(running) + "/fd/1", error) &&
         std::chrono::steady_clock::now() < give_up)
    ::sched_yield();
  std::filesystem::remove(folder_ + "/data/node-1/pid");
}

void OwnBroker::pause() { ::kill(pid(), SIGSTOP); }

void OwnBroker::go_on() {
  if (const pid_t running = pid(); running != 0) ::kill(running, SIGCONT);
}

}  // namespace watchword::journal
