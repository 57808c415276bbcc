// Bytes as they are told, over a connection of their own, and all that comes back.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/node.h"

namespace watchword::testing {

struct Heard {
  std::vector<HttpReply> replies;
  std::string bytes;             // everything, undecoded
  bool closed = false;           // the server ended the connection
  std::string statuses() const;  // "400 200", for messages
};

// Sends `bytes`, then reads whatever comes until the server closes or is silent for `patience_ms`.
Heard say(const std::string& url, std::string_view bytes, int patience_ms = 5'000);
// The same, but ends as soon as `replies` whole answers are here.
Heard say_for(const std::string& url, std::string_view bytes, size_t replies);

// What an attacker who never stops may cost: the answer's head must be lines of `name: value`, its
// body UTF-8, and JSON where it says so. Empty when all of that holds, else what does not.
std::string flaw_of(const HttpReply& reply);

// The value of an unlabelled metric of the node; -1 when there is none.
double metric(const Node& node, std::string_view name);
// Requests that reached a route.
uint64_t requests_seen(const Node& node);

// "127.0.0.1" and the port of "http://127.0.0.1:8080".
uint16_t port_of(std::string_view url);

}  // namespace watchword::testing
