// How facts change rows: the only place. Deterministic: no clock, no setting, no look-up; the same frames give the same rows
// bit for bit. Authorisation rows change when a frame is durable; rows kept in place (baseline, usage) when it is decided.
#pragma once
#include <cstdint>

#include "processors/detectors/observation.h"
#include "processors/detectors/scorer.h"
#include "processors/fold/ahead.h"
#include "processors/fold/state.h"
#include "schemas/frame.pb.h"
#include "stores/journal/frame.h"

namespace watchword::fold {

inline constexpr size_t kSweepRows = 1'000;

// Authorisation rows. Rows: State, or Ahead for what is not durable yet. `seq`: of the frame.
template <class Rows>
void fold_event(Rows& rows, const v1::Event& event, uint64_t seq);

// Rows kept in place, by an event and by an observation. A token that is unknown or forgotten at `frame_time_ms` keeps no
// usage. `token` is the row as of this entry.
void fold_in_place(State& state, const v1::Event& event);
void fold_in_place(State& state, const detectors::Seen& seen, detectors::Learning learning,
                   const v1::JitTokenState* token, int64_t frame_time_ms);

// What is due at the frame's time goes: at most kSweepRows, in (due, key) order. Each once a frame, before its entries.
void sweep(State& state, int64_t frame_time_ms);
void sweep_in_place(State& state, int64_t frame_time_ms);

// A whole durable frame: what replay and a restart do.
Result<> fold_frame(State& state, const journal::Stored& stored);

}  // namespace watchword::fold
