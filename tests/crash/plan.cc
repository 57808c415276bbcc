#include <algorithm>
#include <random>

#include "events/base/crash_point.h"
#include "tests/crash/campaign.h"

namespace watchword::testing {
namespace {

constexpr size_t kCyclesOfAFolder = 25;

struct Range {
  std::string_view point;
  uint64_t most;  // passings to draw from
};
// Points that are passed often in a second of load. Others are crashed at when they are first
// passed.
constexpr Range kOften[] = {
    {"append_queued", 80},    {"append_written", 60},     {"append_synced", 60},
    {"turn_taken", 120},      {"turn_decided", 80},       {"frame_applied", 60},
    {"frame_answered", 60},   {"key_written", 6},         {"key_synced", 6},
    {"claim_queued", 3},      {"row_recovered", 3},       {"ring_written", 4},
    {"checkpoint_frozen", 2}, {"checkpoint_released", 2}, {"index_written", 2}};

uint64_t passing_of(std::string_view point, std::mt19937_64& random, uint32_t partitions) {
  uint64_t most = 1;
  for (const auto& range : kOften)
    if (range.point == point) most = range.most;
  if (point == "claim_queued" || point == "row_recovered") most = partitions + 1;
  return 1 + random() % most;
}

bool is_of_a_new_folder(std::string_view point) {
  return point == "control_initialised" || point == "ring_written";
}

// One of everything, in random order.
std::vector<Cycle> deck(std::mt19937_64& random) {
  std::vector<Cycle> cards;
  for (const auto point : kCrashPoints) {
    if (is_of_a_new_folder(point)) continue;
    cards.push_back({Fault::crash, std::string(point)});
    cards.push_back({Fault::stop, std::string(point)});
  }
  for (int i = 0; i < 6; ++i) cards.push_back({Fault::kill, ""});
  cards.push_back({Fault::terminate, ""});
  std::shuffle(cards.begin(), cards.end(), random);
  return cards;
}

// What a folder begins with, in turn.
Cycle opening(size_t number) {
  const std::string point = number % 2 == 0 ? "control_initialised" : "ring_written";
  return {number / 2 % 2 == 0 ? Fault::crash : Fault::stop, point};
}

}  // namespace

std::vector<FolderPlan> plan(uint64_t seed, size_t count) {
  std::mt19937_64 random(seed);
  std::vector<FolderPlan> folders;
  std::vector<Cycle> cards;
  for (size_t planned = 0; planned < count; ++planned) {
    if (folders.empty() || folders.back().cycles.size() == kCyclesOfAFolder) {
      // Only where one writer writes at a time is it certain which batch was not synced (tail_cut).
      folders.push_back({folders.size() % 2 == 0 ? 2u : 1u, {opening(folders.size())}});
      folders.back().cycles.back().passing =
          passing_of(folders.back().cycles.back().point, random, folders.back().partitions);
      continue;
    }
    const auto fits = [&](const Cycle& card) {
      return folders.back().partitions == 1 || card.point != "tail_cut";
    };
    auto card = std::find_if(cards.begin(), cards.end(), fits);
    if (card == cards.end()) {
      const auto more = deck(random);
      cards.insert(cards.end(), more.begin(), more.end());
      card = std::find_if(cards.begin(), cards.end(), fits);
    }
    folders.back().cycles.push_back(*card);
    cards.erase(card);
    auto& cycle = folders.back().cycles.back();
    cycle.passing = passing_of(cycle.point, random, folders.back().partitions);
  }
  return folders;
}

}  // namespace watchword::testing
