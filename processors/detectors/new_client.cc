// An OAuth client id that this principal did not use before.
#include "processors/detectors/detector.h"

namespace watchword::detectors {

uint32_t look_new_client(const Seen& seen, const Baseline& usual, const Situation&) {
  return novelty(seen, usual, Feature::client, seen.client_hash);
}

Words explain_new_client(const Seen& seen, const Baseline& usual) {
  return {"one of " + std::to_string(describe(usual).clients) + " known clients",
          std::string(seen.client_id),
          "through client " + std::string(seen.client_id) + ", new to it"};
}

}  // namespace watchword::detectors
