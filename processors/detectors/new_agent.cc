// A user-agent family new to this principal; versions do not count, so an update is no news.
#include "processors/detectors/detector.h"

namespace watchword::detectors {

uint32_t look_new_agent(const Seen& seen, const Baseline& usual, const Situation&) {
  return novelty(seen, usual, Feature::agent, seen.agent_hash);
}

Words explain_new_agent(const Seen& seen, const Baseline& usual) {
  const std::string family(family_of(seen.user_agent));
  const std::string top = name_text(usual.agent_name);
  return {top.empty() ? "software seen before" : "mostly " + top, family,
          "with " + family + ", software new to it"};
}

}  // namespace watchword::detectors
