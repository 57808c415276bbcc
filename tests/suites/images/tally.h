// How many images a test makes, and of which kind.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace watchword::images {

// WATCHWORD_IMAGES for a long run; WATCHWORD_SEED to begin with another seed than 1.
inline uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Prints "images: <what>: <n> <kind>, ..." when it goes.
class Tally {
 public:
  explicit Tally(std::string what) : what_(std::move(what)) {}
  ~Tally() {
    std::printf("images: %s: %llu", what_.c_str(), static_cast<unsigned long long>(total_));
    for (const auto& [kind, count] : kinds_)
      std::printf(", %s %llu", kind.c_str(), static_cast<unsigned long long>(count));
    std::printf("\n");
  }
  Tally(const Tally&) = delete;
  void add(std::string_view kind) {
    ++total_;
    note(kind);
  }
  // Of what the kinds are told apart by besides.
  void note(std::string_view kind) { ++kinds_[std::string(kind)]; }
  uint64_t total() const { return total_; }
  uint64_t of(const std::string& kind) const {
    const auto found = kinds_.find(kind);
    return found == kinds_.end() ? 0 : found->second;
  }

 private:
  const std::string what_;
  uint64_t total_ = 0;
  std::map<std::string, uint64_t> kinds_;
};

}  // namespace watchword::images
