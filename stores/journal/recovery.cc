#include "stores/journal/recovery.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "events/base/crash_point.h"
#include "stores/journal/follower.h"
#include "stores/journal/walker.h"

namespace watchword::journal {
namespace {

// One batch is at most 4 MiB, and only the last one can be torn.
constexpr uint64_t kVerifiedBytes = 8 * 1024 * 1024;

Error corrupt_at(const Catalog& catalog, std::string_view reason, Place place,
                 std::string_view what) {
  return {Errc::corrupt, reason, catalog.describe(place) + ": " + std::string(what)};
}

// What is not zero from `from` to the end of the file.
struct Litter {
  uint64_t begin = 0, end = 0;
  bool empty() const { return begin == end; }
};

class Recovery {
 public:
  Recovery(Disk& disk, Catalog& catalog, uint32_t partition, Repair repair, int patience_ms)
      : disk_(disk),
        catalog_(catalog),
        partition_(partition),
        repair_(repair),
        patience_ms_(patience_ms) {}

  Result<Recovered> run() {
    if (catalog_.last() == 0) return Recovered{};
    auto start = first_to_verify();
    if (!start) return start.error();
    Walker walker(disk_, catalog_, {*start, 0});
    const uint64_t first_seq = *start == 1 ? 1 : catalog_.segment(*start).first_seq;
    Follower follower = Follower::from(partition_, first_seq);
    if (auto walked = walk(walker, follower); !walked) return walked.error();
    Recovered recovered{follower.last(), walker.place(), 0};
    catalog_.ends_at(recovered.end);
    for (const Litter& litter : litter_) recovered.torn_bytes += litter.end - litter.begin;
    if (repair_ == Repair::none) return recovered;
    if (auto cut = cut_and_sync(*start, recovered.end.number); !cut) return cut.error();
    return recovered;
  }

 private:
  Result<uint32_t> first_to_verify() const {
    uint32_t last = catalog_.last();
    while (last > 1 && catalog_.segment(last).first_seq == 0) --last;
    const uint64_t behind = catalog_.bytes_before(last);
    uint32_t start = last;
    while (start > 1 && (behind - catalog_.bytes_before(start) < kVerifiedBytes ||
                         catalog_.segment(start).first_seq == 0))
      --start;
    for (uint32_t number = 1; number < start; ++number)
      if (catalog_.segment(number).first_seq == 0)
        return corrupt_at(catalog_, "journal.segment.first", {number, 0}, "no record header");
    return start;
  }

  // Leaves the walker at the end.
  Result<> walk(Walker& walker, Follower& follower) {
    for (;;) {
      const uint64_t seq = follower.last().seq + 1;
      const Place from = walker.place();
      const auto found = walker.look_for(seq);
      if (!found) return found.error();
      if (*found == Found::record) {
        if (auto taken = take(walker, follower); !taken) return taken;
        continue;
      }
      auto judged = judge(walker.place(), *found, seq);
      if (judged) return {};
      if (repair_ == Repair::cut || judged.error().code != Errc::corrupt) return judged;
      if (auto changed = second_look(walker, from, *found, seq); !changed || !*changed)
        return changed ? judged : changed.error();
    }
  }

  // Whether the record at the place, or what is said of it, is another one after a while. Looks from
  // where the first look did, not from where that one ended: behind a gap no record counts.
  Result<bool> second_look(Walker& walker, Place from, Found before, uint64_t seq) {
    std::this_thread::sleep_for(std::chrono::milliseconds(patience_ms_));
    walker.go(from);
    const auto again = walker.look_for(seq);
    if (!again) return again.error();
    walker.go(from);
    return *again != before;
  }

  Result<> take(Walker& walker, Follower& follower) {
    const Place place = walker.place();
    auto stored = follower.take(walker.frame());
    if (!stored) return corrupt_at(catalog_, stored.error().reason, place, stored.error().detail);
    if (!*stored)
      return corrupt_at(catalog_, "journal.segment.uncounted", place, follower.why_not());
    if ((*stored)->epoch != walker.header().epoch || (*stored)->seq != walker.header().seq)
      return corrupt_at(catalog_, "journal.segment.mismatch", place, "record and frame differ");
    catalog_.note((*stored)->seq, place);
    walker.skip_record();
    return {};
  }

  // `place` holds no good record `seq`: is it the end?
  Result<> judge(Place place, Found found, uint64_t seq) {
    litter_.clear();
    if (found == Found::bad)
      return corrupt_at(catalog_, "journal.segment.record", place, "neither a record nor free");
    Place from = place;
    if (found == Found::torn || found == Found::zero) from.offset += kSectorBytes;
    for (; from.number <= catalog_.last(); from = {from.number + 1, 0}) {
      if (auto scanned = scan_behind(from, place, seq); !scanned) return scanned;
    }
    if (found == Found::torn) litter_.front().begin = place.offset;
    if (found == Found::torn && litter_.front().end == 0)
      litter_.front().end = place.offset + kSectorBytes;
    return {};
  }

  // Looks through what stands behind the end, in one file: a lost batch may have left some of its
  // sectors there.
  Result<> scan_behind(Place from, Place place, uint64_t seq) {
    Litter litter;
    Walker walker(disk_, catalog_, from);
    for (;;) {
      const auto more = walker.skip_zeros();
      if (!more) return more.error();
      if (!*more) break;
      const auto found = walker.look(true);
      if (!found) return found.error();
      if (*found == Found::record && walker.header().synced >= seq)
        return corrupt_at(catalog_, "journal.segment.lost", place,
                          "record " + std::to_string(seq) + " was durable and is gone");
      if (*found == Found::bad && !walker.at_next_sector())
        return corrupt_at(catalog_, "journal.segment.litter", walker.place(),
                          "neither a record nor free");
      if (litter.empty()) litter.begin = walker.place().offset;
      walker.skip_sector();
      litter.end = walker.place().offset;
    }
    litter_.push_back(litter);
    return {};
  }

  // All that stays must be durable before a claim says so: after a kill it may be in the page cache
  // only.
  Result<> cut_and_sync(uint32_t start, uint32_t end) {
    for (uint32_t number = start; number <= catalog_.last(); ++number) {
      const std::string path = catalog_.path(number);
      std::unique_ptr<File> file;
      int done = disk_.open(path, Access::write, file);
      if (done == 0 && number >= end) done = zero(*file, litter_[number - end]);
      if (number >= end && !litter_[number - end].empty()) crash_point(CrashPoint::tail_cut);
      if (done == 0) done = sync_all(*file);
      if (done < 0) return disk_error("journal.segment.cut", path, done);
    }
    return drop_free_segments(end + 1);
  }

  static int zero(File& file, const Litter& litter) {
    const std::string zeros(std::min<uint64_t>(litter.end - litter.begin, 1024 * 1024), '\0');
    for (uint64_t at = litter.begin; at < litter.end; at += zeros.size()) {
      const size_t part = std::min<uint64_t>(zeros.size(), litter.end - at);
      if (int written = write_all(file, zeros.data(), part, at); written < 0) return written;
    }
    return 0;
  }

  Result<> drop_free_segments(uint32_t kept) {
    for (uint32_t number = catalog_.last(); number > kept; --number)
      if (int removed = disk_.remove(catalog_.path(number)); removed < 0)
        return disk_error("journal.segment.remove", catalog_.path(number), removed);
    if (catalog_.last() > kept) catalog_.forget_after(kept);
    return {};
  }

  Disk& disk_;
  Catalog& catalog_;
  const uint32_t partition_;
  const Repair repair_;
  const int patience_ms_;
  std::vector<Litter> litter_;  // of the end's segment and of each one after it
};

}  // namespace

Result<Recovered> recover(Disk& disk, Catalog& catalog, uint32_t partition, Repair repair,
                          int patience_ms) {
  return Recovery(disk, catalog, partition, repair, patience_ms).run();
}

}  // namespace watchword::journal
