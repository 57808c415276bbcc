// A script where this principal used browsers until now.
#include "processors/detectors/detector.h"

namespace watchword::detectors {
namespace {

bool is_script(uint32_t agent_hash) { return (agent_hash & 1) != 0; }

}  // namespace

uint32_t look_scripted_client(const Seen& seen, const Baseline& usual, const Situation&) {
  if (!is_script(seen.agent_hash)) return 0;
  const uint32_t strength = novelty(seen, usual, Feature::agent, seen.agent_hash);
  if (strength == 0) return 0;
  uint64_t scripts = 0, browsers = 0;
  for (const auto& entry : usual.agents)
    (is_script(entry.hash) ? scripts : browsers) += entry.count;
  if (browsers == 0) return 0;
  // One script in a hundred uses still counts as "browsers until now", in proportion.
  return std::min(strength, surprise(scripts + kUse, scripts + browsers + 2 * kUse));
}

Words explain_scripted_client(const Seen& seen, const Baseline&) {
  const std::string family(family_of(seen.user_agent));
  return {"a browser", "the script or tool " + family, "by a script where a browser was usual"};
}

}  // namespace watchword::detectors
