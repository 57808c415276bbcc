// What simulated clients send and get, before any of it meets the code that is tested.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace watchword::simulation {

using Headers = std::vector<std::pair<std::string, std::string>>;

// One request. The last five members are what the client knows about it and never sends.
struct Request {
  std::string verb = "GET";
  std::string path;   // as sent, without the query
  std::string query;  // already encoded, without '?'
  std::string content_type = "application/json";
  std::string body;
  std::string caller;  // bearer token; empty: none is sent
  std::string idempotency_key;
  std::string position;  // Watchword-Position to wait for
  Headers headers;       // beside those that the members above stand for
  std::string peer = "10.0.1.7";

  boost::json::array observations;  // of POST /events, whatever its encoding; null where it is broken
  bool spoiled = false;             // its shape is wrong: 400 and no effect
  bool odd = false;                 // hostile text in the right shape: 400 is right as well
  bool raced = false;               // others about the same subject are under way
  uint64_t number = 0;              // in the order of sending
};

struct Reply {
  int status = 0;
  std::string body;
  Headers headers;
  bool lost = false;  // the node went down before it answered

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
};

}  // namespace watchword::simulation
