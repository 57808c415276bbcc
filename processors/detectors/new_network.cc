// A /24 or /48 from which this principal was not used before.
#include "processors/detectors/detector.h"

namespace watchword::detectors {

uint32_t look_new_network(const Seen& seen, const Baseline& usual, const Situation&) {
  return novelty(seen, usual, Feature::network, seen.network_hash);
}

Words explain_new_network(const Seen& seen, const Baseline& usual) {
  const std::string prefix = prefix_text(seen.network);
  return {usual_networks(usual, 3), prefix, "from " + prefix + ", a network new to it"};
}

}  // namespace watchword::detectors
