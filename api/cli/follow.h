// Following a public topic of the server, across lost connections.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <string>

#include "api/cli/remote.h"

namespace watchword::cli {

struct Follow {
  const Remote& remote;
  std::string topic;
  std::string from;   // place of the last event seen; "0": the beginning; empty: now
  bool once = false;  // only what is there
};
// Each event, whole, as the server sent it and parsed. False ends it.
using Each = std::function<bool(const std::string& line, const boost::json::object& event)>;
// Goes on behind the last event after a lost connection, for as long as the server can be found
// again within a minute. Gives the exit code.
int follow(const Follow& follow, const Terminal& terminal, const Each& each);

}  // namespace watchword::cli
