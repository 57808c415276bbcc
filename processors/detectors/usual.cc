// What a baseline knows, in words.
#include <algorithm>
#include <array>
#include <cstring>

#include "processors/detectors/baseline.h"

namespace watchword::detectors {
namespace {

std::string text_of(const std::array<uint8_t, 6>& prefix) {
  if (prefix[0] == 0 && prefix[1] == 0) return {};
  std::array<char, 16> bytes{};
  const bool is_ipv4 = prefix[0] == 0 && prefix[1] == 4;
  if (is_ipv4)
    std::memcpy(bytes.data(), prefix.data() + 2, 3);
  else
    std::memcpy(bytes.data(), prefix.data(), prefix.size());
  return prefix_text({bytes.data(), is_ipv4 ? 4u : 16u});
}

template <class Entries>
uint32_t distinct(const Entries& entries) {
  return static_cast<uint32_t>(std::count_if(entries.begin(), entries.end(),
                                             [](const Entry& entry) { return entry.hash != 0; }));
}

std::vector<Habit> networks_of(const Baseline& usual) {
  struct Used {
    uint32_t count;
    size_t slot;
  };
  std::vector<Used> used;
  uint64_t sum = 0;
  for (size_t i = 0; i < usual.networks.size(); ++i) {
    const Entry& entry = usual.networks[i];
    if (entry.hash == 0) continue;
    used.push_back({uses_of(usual, Feature::network, entry.hash, usual.day), i});
    sum += used.back().count;
  }
  std::stable_sort(used.begin(), used.end(), [](auto& a, auto& b) { return a.count > b.count; });
  std::vector<Habit> habits;
  for (const auto& [count, slot] : used)
    habits.push_back({text_of(usual.prefixes[slot]),
                      static_cast<uint32_t>(sum == 0 ? 0 : (uint64_t{count} * 100 + sum / 2) / sum),
                      usual.networks[slot].day * kDayMs});
  return habits;
}

}  // namespace

std::string name_text(const Name& name) {
  return {name.text.data(), strnlen(name.text.data(), name.text.size())};
}

Usual describe(const Baseline& usual) {
  Usual out;
  out.established = usual.established_ms != 0;
  out.first_seen_ms = usual.first_seen_ms;
  out.last_seen_ms = usual.clock_ms;
  out.last_success_ms = usual.last_success_ms;
  out.successes = usual.successes;
  out.failures = usual.failures;
  out.active_days = usual.active_days;
  out.active_hours = usual.active_hours;
  out.resets = usual.resets;
  out.per_minute = usual_count(usual.rates[0]);
  out.per_hour = usual_count(usual.rates[1]);
  out.per_day = usual_count(usual.rates[2]);
  out.networks = networks_of(usual);
  out.top_agent = name_text(usual.agent_name);
  out.top_endpoint = name_text(usual.endpoint_name);
  out.agents = distinct(usual.agents);
  out.clients = distinct(usual.clients);
  out.devices = distinct(usual.devices);
  out.endpoints = distinct(usual.endpoints);
  out.hours_of_week.assign(usual.hours.begin(), usual.hours.end());
  return out;
}

std::string usual_networks(const Baseline& usual, size_t most) {
  std::string out;
  size_t named = 0;
  for (const auto& habit : networks_of(usual)) {
    if (habit.value.empty() || named++ == most) continue;
    if (named > most) break;
    out += (out.empty() ? "" : ", ") + habit.value + " (" + std::to_string(habit.share_percent) +
           " % of uses)";
  }
  return out.empty() ? "networks used once so far" : out;
}

}  // namespace watchword::detectors
