// A broker of a test's own, to be killed, stopped and configured at will: deploy/kafka/broker.sh on
// free ports, its data in a temporary folder.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

namespace watchword::journal {

class OwnBroker {
 public:
  // `settings`: "key=value" lines of server.properties.
  explicit OwnBroker(std::vector<std::string> settings = {});
  ~OwnBroker();
  OwnBroker(const OwnBroker&) = delete;
  OwnBroker& operator=(const OwnBroker&) = delete;

  std::string address() const;
  void start();  // returns when it answers
  void kill();   // SIGKILL; returns when it is gone
  void pause();  // SIGSTOP: its sockets stay open, nobody answers
  void go_on();

 private:
  pid_t pid() const;
  std::string folder_;
  int port_ = 0;
  const std::vector<std::string> settings_;
};

}  // namespace watchword::journal
