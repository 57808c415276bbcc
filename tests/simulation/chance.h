// Deterministic chance: the same numbers from the same seed with every compiler and library.
#pragma once
#include <cstdint>
#include <vector>

namespace watchword::simulation {

// splitmix64 (Steele, Lea, Flood 2014).
class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x1234567) {}
  uint64_t draw() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t bound) { return bound == 0 ? 0 : draw() % bound; }
  int64_t between(int64_t from, int64_t to) {  // both included
    return from + static_cast<int64_t>(below(static_cast<uint64_t>(to - from) + 1));
  }
  bool one_in(uint64_t many) { return below(many) == 0; }
  // Small numbers often, large ones seldom: among thousands a few are busy.
  uint64_t skewed(uint64_t bound) { return below(below(below(bound) + 1) + 1); }
  template <class T>
  const T& of(const std::vector<T>& many) {
    return many[below(many.size())];
  }
  Chance branch() { return Chance(draw()); }

 private:
  uint64_t state_;
};

}  // namespace watchword::simulation
