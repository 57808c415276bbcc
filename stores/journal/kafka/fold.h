// Which records of the topic are frames that count, and where they stand.
#pragma once
#include <functional>
#include <map>
#include <optional>

#include "stores/journal/follower.h"
#include "stores/journal/kafka/reader.h"

namespace watchword::journal::kafka {

// A frame of the current epoch that does not count because one before it is missing.
struct Hole {
  uint64_t expected_seq = 0, found_seq = 0;
  int64_t offset = 0;
};

// Takes records in the order of their offsets. One thread.
class Fold {
 public:
  // Right behind `from`.
  Fold(uint32_t partition, const KafkaPlace& from);

  // The frame if it counts; nullopt for what does not: frames that are fenced, and records that are
  // no frames of this partition, which are ignored. Errors: corrupt ("journal.kafka.version": a
  // frame that a newer Watchword wrote, detail empty).
  Result<std::optional<Stored>> take(int64_t offset, std::string_view bytes);
  const KafkaPlace& last() const { return last_; }
  // The first one since the last claim that counts.
  const std::optional<Hole>& hole() const { return hole_; }
  // Records that are no frames of this partition.
  uint64_t foreign() const { return foreign_; }
  int64_t last_foreign() const { return last_foreign_; }

 private:
  void look_for_hole(int64_t offset, std::string_view bytes);
  const uint32_t partition_;
  Follower follower_;
  KafkaPlace last_;
  std::optional<Hole> hole_;
  uint64_t foreign_ = 0;
  int64_t last_foreign_ = -1;
};

// Whether to go on.
using Follow = std::function<Result<bool>(const Stored& stored, const KafkaPlace& place)>;

// Reads all records behind fold.last() and below `end`, and follows those that count. Where fold
// does not begin at the first frame, the frame at fold.last() must stand in the topic as it is
// remembered. Errors: those of Reader and Fold, and of `follow`; corrupt
// ("journal.kafka.truncated").
Result<> follow_records(Reader& reader, Fold& fold, int64_t end, const Follow& follow);

// Where some of the frames stand, so that a read need not begin at the first. At most an entry for
// each 256 KiB or 64 frames: 72 bytes each. One thread.
class Places {
 public:
  void note(const KafkaPlace& place);
  // The last one known below `seq`; of no frame, when there is none.
  KafkaPlace before(uint64_t seq) const;

 private:
  std::map<uint64_t, KafkaPlace> places_;
};

}  // namespace watchword::journal::kafka
