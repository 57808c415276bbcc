// An endpoint, ids taken out, that this principal did not call before.
#include "processors/detectors/detector.h"

namespace watchword::detectors {

uint32_t look_new_endpoint(const Seen& seen, const Baseline& usual, const Situation&) {
  return novelty(seen, usual, Feature::endpoint, seen.endpoint_hash);
}

Words explain_new_endpoint(const Seen& seen, const Baseline& usual) {
  const std::string endpoint = normalised_endpoint(seen.endpoint);
  const std::string top = name_text(usual.endpoint_name);
  const std::string known = std::to_string(describe(usual).endpoints) + " known endpoints";
  return {top.empty() ? known : known + ", mostly " + top, endpoint,
          "to reach " + endpoint + ", which it never did before"};
}

}  // namespace watchword::detectors
