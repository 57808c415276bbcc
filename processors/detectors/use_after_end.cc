// A token of ours presented after it was revoked, expired or used up. Once a token: a cached one
// looks the same as a stolen one.
#include "processors/detectors/detector.h"

namespace watchword::detectors {

uint32_t look_use_after_end(const Seen&, const Baseline&, const Situation& situation) {
  return situation.token_over && situation.first_misuse ? kMaxStrength : 0;
}

Words explain_use_after_end(const Seen& seen, const Baseline&) {
  return {"no use after its end", "use from " + prefix_text(seen.network),
          "with a token that was already revoked, expired or used up"};
}

}  // namespace watchword::detectors
