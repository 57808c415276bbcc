// The same thing by many at once, each from a connection of its own.
#pragma once
#include <barrier>
#include <functional>
#include <thread>
#include <vector>

#include "tests/support/node.h"

namespace watchword::testing {

// All `callers` are connected before the first of them does `act(caller, number)`; answers by
// number.
template <class Act>
auto at_once(const Node& node, const std::string& token, size_t callers, Act act) {
  std::vector<decltype(act(std::declval<Caller&>(), size_t{0}))> out(callers);
  std::barrier together(static_cast<std::ptrdiff_t>(callers));
  std::vector<std::thread> threads;
  for (size_t number = 0; number < callers; ++number)
    threads.emplace_back([&, number] {
      Caller caller = node.as(token);
      caller.get("/api/v1/system/health");
      together.arrive_and_wait();
      out[number] = act(caller, number);
    });
  for (auto& thread : threads) thread.join();
  return out;
}

inline size_t count_of(const std::vector<Answer>& answers, int status) {
  size_t count = 0;
  for (const auto& answer : answers) count += answer.status == status;
  return count;
}

}  // namespace watchword::testing
