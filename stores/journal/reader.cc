#include "stores/journal/reader.h"

#include <algorithm>

#include "stores/journal/follower.h"
#include "stores/journal/walker.h"

namespace watchword::journal {
namespace {

constexpr size_t kOneFrameBytes = 64 * 1024;  // read at once on the way to a single frame

Error corrupt_at(const Catalog& catalog, std::string_view reason, Place place,
                 std::string_view what) {
  return {Errc::corrupt, reason, catalog.describe(place) + ": " + std::string(what)};
}

// Finds the record `seq`, which is durable: anything else is corruption.
Result<> go_to(Walker& walker, const Catalog& catalog, uint64_t seq, bool header_only) {
  const auto found = walker.look_for(seq, header_only);
  if (!found) return found.error();
  if (*found != Found::record)
    return corrupt_at(catalog, "journal.read.record", walker.place(),
                      "record " + std::to_string(seq) + " is damaged");
  if (walker.header().seq != seq)
    return corrupt_at(
        catalog, "journal.read.seq", walker.place(),
        "record " + std::to_string(walker.header().seq) + " instead of " + std::to_string(seq));
  return {};
}

// Hops from header to header, from the nearest known place.
Result<> hop_to(Walker& walker, Catalog& catalog, uint64_t seq) {
  auto header_at = [&](uint64_t at) { return go_to(walker, catalog, at, true); };
  const auto first = walker.look(true);
  if (!first) return first.error();
  uint64_t at = *first == Found::record ? walker.header().seq : 1;
  for (; at < seq; ++at) {
    if (auto there = header_at(at); !there) return there;
    catalog.note(at, walker.place());
    walker.skip_record();
  }
  return {};
}

}  // namespace

Result<> read_segments(Disk& disk, Catalog& catalog, uint32_t partition, uint64_t from_seq,
                       const Tail& tail, const Visit& visit) {
  const uint64_t first = std::max<uint64_t>(from_seq, 1);
  if (first > tail.seq) return {};
  Walker walker(disk, catalog, catalog.find(first));
  if (auto there = hop_to(walker, catalog, first); !there) return there;
  Follower follower = Follower::from(partition, first);
  for (uint64_t seq = first; seq <= tail.seq; ++seq) {
    if (auto there = go_to(walker, catalog, seq, false); !there) return there;
    const Place place = walker.place();
    auto stored = follower.take(walker.frame());
    if (!stored) return corrupt_at(catalog, stored.error().reason, place, stored.error().detail);
    if (!*stored) return corrupt_at(catalog, "journal.read.uncounted", place, follower.why_not());
    if ((*stored)->epoch != walker.header().epoch)
      return corrupt_at(catalog, "journal.read.epoch", place, "record and frame differ");
    if (seq == tail.seq && (*stored)->hash != tail.hash)
      return corrupt_at(catalog, "journal.read.hash", place, "not the hash that was written");
    catalog.note(seq, place);
    if (auto visited = visit(**stored); !visited) return visited;
    walker.skip_record();
  }
  return {};
}

Result<std::string> read_one(Disk& disk, Catalog& catalog, uint64_t seq, const Tail& tail) {
  if (seq == 0 || seq > tail.seq)
    return Error{Errc::not_found, "journal.frame.not_found", std::to_string(seq)};
  Walker walker(disk, catalog, catalog.find(seq), kOneFrameBytes);
  if (auto there = hop_to(walker, catalog, seq); !there) return there.error();
  if (auto there = go_to(walker, catalog, seq, false); !there) return there.error();
  return walker.frame();
}

}  // namespace watchword::journal
