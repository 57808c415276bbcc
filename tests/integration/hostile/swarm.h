// Thousands of connections that do next to nothing, from a process of their own.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

namespace watchword::testing {

struct SwarmPlan {
  uint16_t port = 0;
  size_t idle = 0;  // connected; every second one has had one answer
  size_t slow = 0;  // a third drips headers, a third a body, a third reads byte by byte
  std::string token;
};

// Lets this process and its children have that many descriptors; false when the system does not.
bool allow_descriptors(size_t count);

class Swarm {
 public:
  explicit Swarm(const SwarmPlan& plan);  // forks; this process must have one thread
  ~Swarm();
  Swarm(const Swarm&) = delete;
  Swarm& operator=(const Swarm&) = delete;

  // Waits until every connection stands once; how many did.
  size_t connected();

 private:
  pid_t process_ = -1;
  int told_ = -1, ending_ = -1;
};

// Resident memory of a process in bytes, and its open descriptors (0: not to be seen).
size_t resident_bytes(pid_t process);
size_t descriptors(pid_t process);

}  // namespace watchword::testing
