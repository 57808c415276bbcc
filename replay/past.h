// The rows of one principal as they stood at a position, made from the journal alone.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "events/base/ids.h"
#include "processors/detectors/scorer.h"
#include "processors/fold/state.h"
#include "processors/publisher/render.h"

namespace watchword::replay {

struct Past {
  Id principal;
  Position position;   // of the last frame that counts; seq 0: before the first
  int64_t now_ms = 0;  // what expiry is measured against
  detectors::Tuning tuning;  // says when a baseline counts as established
  std::unique_ptr<fold::State> rows;

  const v1::IdentityState* identity() const { return rows->find<v1::IdentityState>(principal); }
  const detectors::Baseline* baseline() const;  // null: nothing was ever seen of it
  // In the order of their ids. Without tokens that may be forgotten by now: when the sweep really takes such a row depends on
  // how much else was due, so the past must not show it.
  std::vector<const v1::JitTokenState*> jit_tokens() const;
  std::vector<const v1::ServiceTokenState*> service_tokens() const;
  std::vector<const v1::AlertState*> alerts() const;  // open and closed
};

// Folds one frame's entries that name `principal` and no others; then `rows` stand at that frame for this principal.
//
// Why this is enough: what is shown of a principal (identity, tokens, alerts, baseline, usage) changes only by entries that
// carry it as subject or principal, a token's events included (a use that another principal reports is not counted), and by
// the sweep. The sweep of a frame comes before its entries and goes by the frame's time alone, and times never go back; what
// the sweeps of frames in between would have done to these rows the next one here does before any entry looks at them, in
// the same (time, key) order. Only its limit of 1,000 rows a frame can make a whole fold later than this one; that shows
// neither in a status (status_of() goes by the time) nor in what is listed (see jit_tokens()). One mark of a token's row,
// misuse_alerted, may come from another principal's alert; it is never shown.
Result<> fold_named(fold::State& rows, const Id& principal, std::string_view frame);
// All that is due at `time_ms` goes.
void sweep_all(fold::State& rows, int64_t time_ms);

// {"subject", "at", "position", "identity", "jit_tokens", "service_tokens", "alerts" (open ones), "baseline"}; null for
// what did not exist. Shapes of the HTTP contract.
boost::json::object render(const Past& past, const publisher::Opener& open);
boost::json::object render_identity(const Past& past, const publisher::Opener& open);
boost::json::object render_token(const Past& past, const v1::JitTokenState& token);
boost::json::object render_token(const Past& past, const v1::ServiceTokenState& token);
boost::json::object render_baseline(const detectors::Baseline& baseline,
                                    const detectors::Tuning& tuning);

}  // namespace watchword::replay
