// The only truth: frames of one partition, in order, durable before anyone hears of them. Nothing
// above this interface knows which journal it has. stores/journal/README.md has the bytes and the
// recovery rules.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "events/base/ids.h"
#include "events/base/result.h"

namespace watchword::journal {

inline constexpr size_t kMaxFrameBytes = 256 * 1024;
using Hash = std::array<uint8_t, 32>;

// A frame that counts, as it stands in the journal. `bytes` live as long as the call that handed it
// out.
struct Stored {
  uint64_t epoch = 0;
  uint64_t seq = 0;
  int64_t time_ms = 0;
  bool is_claim = false;
  Hash hash{};             // h(n) = SHA-256(h(n-1) || bytes)
  std::string_view bytes;  // schemas/frame.proto, Frame
};

// Where the journal ends.
struct Tail {
  uint64_t epoch = 0;
  uint64_t seq = 0;  // 0: empty
  int64_t time_ms = 0;
  Hash hash{};
};

// What the disk has room for. A task asks before each turn.
enum class Space : uint8_t {
  normal,        // an append of up to kMaxFrameBytes made now is certain to find room
  reserve_only,  // only the reserve is left: admit nothing but what revokes
  none,          // an append would most likely be answered with "journal.disk_full"
};

using Appended = std::function<void(Result<uint64_t> seq)>;
using Visit = std::function<Result<>(const Stored&)>;

// One partition's journal. `claim` first, then `append` from one thread; `read` and `tail` from
// any.
class Journal {
 public:
  virtual ~Journal() = default;

  // Takes the partition over: appends Claim(epoch + 1, node, incarnation) at `time_ms`, durably.
  // Gives the tail after it. Blocking; at start and after a failed append only, never from within
  // `appended`. Draws on the reserve when the disk is full. Errors: unavailable
  // ("journal.disk_full"), io, and conflict when another claim came first.
  virtual Result<Tail> claim(std::string_view node, const std::array<uint8_t, 16>& incarnation,
                             int64_t time_ms) = 0;

  // Appends one frame, built by FrameBuilder with seq = last + 1 of this epoch; the journal fills
  // in `previous` and `synced`. Never blocks. `appended` is called once, in the order of the calls,
  // on the journal's own thread: with the seq when the frame is durable, else with an error, after
  // which every later append of this term fails too. Two errors leave the term alive, and the
  // frame's seq unused:
  // - unavailable, "journal.disk_full": no room was found before anything was written. What was
  // queued behind it (higher
  //   seqs) is answered the same way, in order; then go on with seq = tail().seq + 1. Never happens
  //   to a frame appended while space() was `normal`.
  // - conflict, "journal.append.stale_epoch": a frame of an earlier term than the one claimed last
  // through this object.
  virtual void append(std::string frame, Appended appended) = 0;

  // Visits the frames that count from `from_seq` on (1 is the first) to the durable end, in order,
  // every one verified (CRC, chain, epoch, seq). The durable end is the one at the time of the
  // call. Stops at the first error of `visit`. Errors: corrupt (names file and offset), io. The
  // first frame's `previous` is taken on trust when from_seq is above 1.
  virtual Result<> read(uint64_t from_seq, const Visit& visit) const = 0;

  // One frame by its seq; not verified against its predecessor's hash, but against its own
  // checksums. Errors: not_found above the durable end, corrupt, io.
  virtual Result<std::string> frame(uint64_t seq) const = 0;

  virtual Tail tail() const = 0;

  // Ask on the thread that appends; answers at once. Returns to `normal` by itself when there is
  // room again.
  virtual Space space() const { return Space::normal; }
  virtual uint64_t size_bytes() const = 0;
};

}  // namespace watchword::journal
