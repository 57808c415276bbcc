// nginx and HAProxy as Debian ships them, in front of a node, each on a port of its own.
#pragma once
#include <sys/types.h>

#include <string>

#include "tests/support/node.h"

namespace watchword::testing {

enum class ProxyKind : uint8_t {
  nginx,             // reads a body before it asks the node
  nginx_unbuffered,  // passes a body on as it comes
  haproxy,
  haproxy_lenient,  // option accept-invalid-http-request
};

// Passes everything to the node over connections that it keeps, but refuses what lies under
// /api/v1/tokens/ by itself. Ended by its process id.
class Proxy {
 public:
  Proxy(ProxyKind kind, const std::string& node_url);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  bool start();  // true when it answers
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Requests that it sent to the node so far, by its own log. It writes a line after the answer.
  size_t passed_on() const;
  std::string log() const;

 private:
  std::string configuration() const;

  TemporaryFolder folder_;
  ProxyKind kind_;
  std::string node_;
  uint16_t port_ = 0;
  pid_t process_ = -1;
};

}  // namespace watchword::testing
