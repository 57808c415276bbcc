// Turns for work that otherwise has a thread of its own, so that a simulation decides when it happens.
#pragma once
#include <functional>

namespace watchword::journal {

class Stepper {
 public:
  virtual ~Stepper() = default;
  // `step` does one piece of the owner's work and answers false when there is none. It is called from one thread, until
  // remove(owner), never from within another step of the same owner.
  virtual void add(const void* owner, std::function<bool()> step) = 0;
  virtual void remove(const void* owner) = 0;
};

}  // namespace watchword::journal
