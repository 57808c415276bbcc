// A device hash new to this principal.
#include "processors/detectors/detector.h"

namespace watchword::detectors {

uint32_t look_new_device(const Seen& seen, const Baseline& usual, const Situation&) {
  return novelty(seen, usual, Feature::device, seen.device_hash);
}

Words explain_new_device(const Seen&, const Baseline& usual) {
  return {"one of " + std::to_string(describe(usual).devices) + " known devices", "another device",
          "on a device new to it"};
}

}  // namespace watchword::detectors
