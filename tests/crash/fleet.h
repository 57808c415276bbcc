// Clients of one node, and what they were told: asked while something happens to it, compared with
// it afterwards.
#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "tests/crash/check.h"
#include "tests/crash/load.h"
#include "tests/crash/victim.h"

namespace watchword::testing {

class Fleet {
 public:
  static constexpr size_t kClients = 6;

  // `name` is unique among all that ask one folder.
  Fleet(Victim& victim, std::string name, uint64_t seed);

  // All clients ask while `happens` runs, until it returns or the node no longer answers.
  void ask_while(const std::function<void()>& happens, Emphasis emphasis = Emphasis::mixed);
  // `everything`: not only what changed since the last check.
  void check(bool everything);
  // SIGTERM, and `replay verify` on what it leaves.
  void stop_and_verify();

  Findings& findings() { return findings_; }
  bool good() const { return findings_.none(); }
  uint64_t answered() const;
  uint64_t unanswered() const;

 private:
  void share_token();

  Victim& victim_;
  const std::string name_;
  std::mt19937_64 random_;
  Findings findings_;
  std::array<Record, kClients> records_;
  std::array<Looked, kClients> looked_;
  std::unique_ptr<SharedToken> shared_;
  int rounds_ = 0;
};

}  // namespace watchword::testing
