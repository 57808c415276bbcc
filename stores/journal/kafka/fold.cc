#include "stores/journal/kafka/fold.h"

#include <algorithm>
#include <iterator>

#include "stores/journal/frame.h"

namespace watchword::journal::kafka {
namespace {

constexpr uint64_t kPlaceBytes = 256 * 1024;
constexpr uint64_t kPlaceFrames = 64;

Follower follower_behind(uint32_t partition, const KafkaPlace& from) {
  return from.offset < 0 ? Follower(partition) : Follower(partition, from.tail);
}

// The fields that every version of a frame begins with.
bool may_be_ours(std::string_view bytes, uint32_t partition) {
  const std::string own = claim_frame(partition, 0, 0, 0, v1::Claim());
  constexpr size_t kPartitionField = 5, kBytes = 5;
  return bytes.size() > kFrameHeaderBytes && bytes[0] == own[0] &&
         bytes.substr(kPartitionField, kBytes) ==
             std::string_view(own).substr(kPartitionField, kBytes);
}

Error truncated(const Client& client, const KafkaPlace& place, std::string_view found) {
  return {
      Errc::corrupt, "journal.kafka.truncated",
      client.place(place.offset) + " must hold frame " + std::to_string(place.tail.seq) + ", but " +
          std::string(found) +
          ": the topic was truncated or made anew, and acknowledged frames may be lost; restore "
          "it, or see 'Losses' in stores/journal/kafka/README.md"};
}

Result<> check_first(Reader& reader, const KafkaPlace& from) {
  const auto record = reader.next(from.offset + 1);
  if (!record) {
    if (record.error().reason != "journal.kafka.end") return record.error();
    return truncated(reader.client(), from, record.error().detail);
  }
  if (!*record || (*record)->offset != from.offset)
    return truncated(reader.client(), from, "there is no record");
  if (chain(from.previous, (*record)->bytes) != from.tail.hash)
    return truncated(reader.client(), from, "another record stands there");
  return {};
}

}  // namespace

Fold::Fold(uint32_t partition, const KafkaPlace& from)
    : partition_(partition), follower_(follower_behind(partition, from)), last_(from) {}

Result<std::optional<Stored>> Fold::take(int64_t offset, std::string_view bytes) {
  const Hash previous = follower_.last().hash;
  auto stored = follower_.take(bytes);
  if (!stored) {
    if (stored.error().reason == "journal.frame.version" && may_be_ours(bytes, partition_))
      return Error{Errc::corrupt, "journal.kafka.version", ""};
    ++foreign_;
    last_foreign_ = offset;
    return std::optional<Stored>();
  }
  if (!*stored) {
    look_for_hole(offset, bytes);
    return stored;
  }
  last_ = {follower_.last(), previous, offset, last_.bytes + bytes.size()};
  if ((*stored)->is_claim) hole_.reset();
  return stored;
}

// Of the current epoch, only a repeated frame may be ignored: its seq is not above the last.
void Fold::look_for_hole(int64_t offset, std::string_view bytes) {
  const auto view = FrameView::open(bytes);
  if (hole_ || !view || view->is_claim()) return;
  const Header& header = view->header();
  if (header.epoch == last_.tail.epoch && header.seq > last_.tail.seq)
    hole_ = Hole{last_.tail.seq + 1, header.seq, offset};
}

Result<> follow_records(Reader& reader, Fold& fold, int64_t end, const Follow& follow) {
  const KafkaPlace from = fold.last();
  if (end <= 0 && from.offset < 0) return {};
  if (auto started = reader.start(std::max<int64_t>(from.offset, 0)); !started) return started;
  if (from.offset >= 0) {
    if (auto there = check_first(reader, from); !there) return there;
  }
  for (;;) {
    const auto record = reader.next(end);
    if (!record) return record.error();
    if (!*record) return {};
    const auto stored = fold.take((*record)->offset, (*record)->bytes);
    if (!stored)
      return Error{stored.error().code, stored.error().reason,
                   reader.client().place((*record)->offset) +
                       " holds a frame of a newer version; update this Watchword"};
    if (!*stored) continue;
    const auto going_on = follow(**stored, fold.last());
    if (!going_on) return going_on.error();
    if (!*going_on) return {};
  }
}

void Places::note(const KafkaPlace& place) {
  const auto next = places_.upper_bound(place.tail.seq);
  if (next != places_.begin()) {
    const KafkaPlace& near = std::prev(next)->second;
    if (place.tail.seq < near.tail.seq + kPlaceFrames && place.bytes < near.bytes + kPlaceBytes)
      return;
  }
  places_.emplace_hint(next, place.tail.seq, place);
}

KafkaPlace Places::before(uint64_t seq) const {
  const auto next = places_.lower_bound(seq);
  return next == places_.begin() ? KafkaPlace() : std::prev(next)->second;
}

}  // namespace watchword::journal::kafka
