// Many cycles of load, crash, restart and check, planned from a seed.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace watchword::testing {

enum class Fault : uint8_t { crash, stop, kill, terminate };

struct Cycle {
  Fault fault{};
  std::string point;  // of a crash or a stop
  uint64_t passing = 1;
};

// The cycles of one folder. The first of a folder that is made anew may end while it is made.
struct FolderPlan {
  uint32_t partitions = 2;
  std::vector<Cycle> cycles;
};

// Cycles `from` to `from + count` of the seed's endless run: every point is crashed at and stopped
// at before any is a second time, as far as `count` allows.
std::vector<FolderPlan> plan(uint64_t seed, size_t count);

struct CampaignOptions {
  uint64_t seed = 1;
  size_t cycles = 100;
  int64_t minutes = 0;  // 0: no limit
  bool progress = false;
};

struct Summary {
  size_t cycles = 0, folders = 0;
  uint64_t answered = 0, unanswered = 0;
  double seconds = 0;
  std::map<std::string, size_t> crashes, stops;  // by point, reached
  size_t kills = 0, terminations = 0, not_reached = 0, torn_sectors = 0;
  std::vector<std::string> never_reached;  // neither by a crash nor by a stop
  std::string findings;                    // empty: all agreed

  std::string text() const;
};

Summary run_campaign(const CampaignOptions& options);

}  // namespace watchword::testing
