// What happened, and what was true, read from one partition's journal by its principal index: timelines, risk, the audit
// trail, and rows as of a time. The same for a running node's API and for the command line. Every call may read much from
// the disk: on a worker, never on a partition's loop. Const members from any thread.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/ids.h"
#include "replay/past.h"
#include "schemas/frame.pb.h"
#include "stores/journal/frame.h"
#include "stores/journal/journal.h"
#include "stores/views/principal_index.h"

namespace watchword::replay {

// The place of an entry. As the start of a page: what stands before it (newest
// first) or behind it (oldest first).
struct Cursor {
  uint32_t partition = 0;
  uint64_t seq = 0;
  uint32_t index = 0;
  std::string text() const;  // "<partition>:<seq>:<index>"
  static std::optional<Cursor> parse(std::string_view text);
  bool operator==(const Cursor&) const = default;
};

struct Page {
  std::vector<boost::json::object> items;
  std::optional<Cursor> next;  // nullopt: that is all. A page may be empty and have a next: its bound of work was reached.
};

// The time of a read into the past; nothing set: now, at the durable end.
struct When {
  std::optional<int64_t> time_ms;  // the last frame dated at or before it; expiry is measured against it
  std::optional<uint64_t> seq;     // right after this frame, at its time
};

// How a past is made: from the frames that name the principal, or from all of them (slow; both give the same).
enum class Reading : uint8_t { named_frames, every_frame };

struct TimelineQuery {
  std::optional<Cursor> before;
  size_t limit = 50;
  std::vector<std::string> types;  // "observation", "identity", "jit_token.issued", ...; none: all
};

// Events with an actor. What is left empty does not filter.
struct AuditQuery {
  std::optional<Cursor> from;  // where the page before ended
  bool oldest_first = false;
  size_t limit = 50;
  std::optional<Id> actor, target, token;
  std::string action;   // type of the event or its first part; of administrative acts also their own action
  std::string outcome;  // "success" but for administrative acts, which tell theirs
  std::optional<int64_t> from_ms, to_ms;  // half-open
};

class History {
 public:
  static constexpr size_t kMaxFramesRead = 2'000;  // a page

  // Journal and index must outlive it. The index names every durable frame, or all up to those of this moment.
  History(uint32_t partition, const journal::Journal& journal, const views::PrincipalIndex& index,
          const detectors::Tuning& tuning = {})
      : partition_(partition), journal_(journal), index_(index), tuning_(tuning) {}

  // Newest first; each as publisher::render gives it. Errors: invalid "history.cursor" (another partition's), and those of
  // the journal.
  Result<Page> timeline(const Id& principal, const TimelineQuery& query) const;
  // Newest first: {id, time, type, risk, signals}, of observations with any risk and of alerts raised and joined.
  Result<Page> risk(const Id& principal, const std::optional<Cursor>& before, size_t limit) const;
  Result<Page> administrative(const AuditQuery& query) const;

  // The last frame dated at or before `time_ms`; 0: none. About 20 frames read.
  Result<uint64_t> seq_at(int64_t time_ms) const;
  // Errors: invalid "history.position" (above the durable end), those of the journal.
  Result<Past> past_of(const Id& principal, const When& when,
                       Reading reading = Reading::named_frames) const;
  // Errors: not_found "history.identity_unknown", "history.token_unknown"; those of past_of.
  Result<boost::json::object> identity_at(const Id& identity, const When& when,
                                          const publisher::Opener& open) const;
  Result<boost::json::object> token_at(const Id& token, const When& when) const;
  // Whose the id is: of a principal itself, or of a token or an alert. Looks from the id's own time on. nullopt: unknown.
  Result<std::optional<Id>> principal_of(const Id& id) const;

 private:
  struct Found {  // an entry; views live as long as the frame
    uint32_t index = 0;
    const v1::Event* event = nullptr;
    const journal::Judged* judged = nullptr;
  };
  // nullopt: not wanted.
  using Show = std::function<std::optional<boost::json::object>(const Found&, const Position&)>;

  Result<int64_t> frame_ms(uint64_t seq) const;
  Result<Page> walk(const Id& principal, const std::optional<Cursor>& before, size_t limit,
                    const Show& show) const;
  Result<std::vector<std::pair<uint32_t, boost::json::object>>> show_frame(
      const Id& principal, uint64_t seq, uint32_t below, const Show& show) const;
  Result<> fold_named_frames(Past& past) const;
  Result<> fold_every_frame(Past& past) const;
  Result<bool> names(const Id& principal) const;

  const uint32_t partition_;
  const journal::Journal& journal_;
  const views::PrincipalIndex& index_;
  const detectors::Tuning tuning_;
};

// Adds what the index does not know yet, up to the journal's end; for an index that nobody else adds to.
Result<> catch_up(const journal::Journal& journal, views::PrincipalIndex& index);

}  // namespace watchword::replay
