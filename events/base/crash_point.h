// The named places where a crash is worth a test. In production nothing listens, and a point costs one read of a pointer that
// never changes; the simulation and the test build of the program set the hook before the first thread starts.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace watchword {

enum class CrashPoint : uint8_t {
  claim_queued,         // a claim stands in the queue, nothing of it on disk
  append_queued,        // a frame was handed to the journal
  append_written,       // in the page cache, not synced
  append_synced,        // durable, nobody was told
  segment_rolled,       // the next segment is in use, empty
  segment_prepared,     // filled and synced, under its working name
  segment_renamed,      // under its own name, the directory not synced
  tail_cut,             // recovery has zeroed a torn tail, not synced
  turn_taken,           // commands and observations left their queues
  turn_decided,         // rows kept in place have changed, nothing was appended
  frame_applied,        // rows changed, nobody was answered
  frame_answered,       // callers were told
  checkpoint_frozen,    // rows are frozen, none encoded
  checkpoint_encoded,   // all encoded, nothing written
  checkpoint_written,   // in RocksDB's memory, not flushed
  checkpoint_flushed,   // durable, the task was not told
  checkpoint_released,  // the task knows, its digest is not logged
  control_initialised,  // the control partition has its first frame, the others nothing
  key_written,          // a principal's key is in the page cache, not synced
  key_synced,           // durable, not used yet
  ring_written,         // a signing key is in its file, not in place yet
  index_written,        // a range of the principal index is written, not in place yet
  row_recovered,        // rows stand at the journal's end, no claim yet
};

inline constexpr std::array<std::string_view, 23> kCrashPoints{
    "claim_queued",       "append_queued",       "append_written",     "append_synced",
    "segment_rolled",     "segment_prepared",    "segment_renamed",    "tail_cut",
    "turn_taken",         "turn_decided",        "frame_applied",      "frame_answered",
    "checkpoint_frozen",  "checkpoint_encoded",  "checkpoint_written", "checkpoint_flushed",
    "checkpoint_released", "control_initialised", "key_written",        "key_synced",
    "ring_written",       "index_written",       "row_recovered"};
static_assert(kCrashPoints.size() == static_cast<size_t>(CrashPoint::row_recovered) + 1);

// Called on whatever thread reaches the point; may end the process or, in a simulation, take an image of the disk.
using CrashHook = void (*)(CrashPoint point);
inline CrashHook crash_hook = nullptr;

inline void crash_point(CrashPoint point) {
  if (crash_hook != nullptr) [[unlikely]]
    crash_hook(point);
}

}  // namespace watchword
