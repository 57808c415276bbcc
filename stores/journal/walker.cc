#include "stores/journal/walker.h"

#include <algorithm>

namespace watchword::journal {

void Walker::go(Place place) {
  place_ = place;
  window_bytes_ = 0;
}

Result<> Walker::open_file() {
  const std::string path = catalog_.path(place_.number);
  if (int opened = disk_.open(path, Access::read, file_); opened < 0)
    return disk_error("journal.segment.reopen", path, opened);
  open_number_ = place_.number;
  file_bytes_ = catalog_.segment(place_.number).bytes;
  window_bytes_ = 0;
  return {};
}

Result<> Walker::fill(size_t bytes) {
  const size_t wanted =
      std::min<uint64_t>(std::max(ahead_bytes_, bytes), file_bytes_ - place_.offset);
  if (capacity_ < wanted) {
    window_ = std::make_unique_for_overwrite<char[]>(wanted);
    capacity_ = wanted;
  }
  window_offset_ = place_.offset;
  window_bytes_ = 0;
  const ssize_t got = read_all(*file_, window_.get(), wanted, place_.offset);
  if (got < 0) return disk_error("journal.segment.read", catalog_.describe(place_), got);
  window_bytes_ = static_cast<size_t>(got);
  if (window_bytes_ < wanted)
    return Error{Errc::corrupt, "journal.segment.truncated", catalog_.describe(place_)};
  return {};
}

// The next `bytes` bytes; null if the file has fewer.
Result<const char*> Walker::view(size_t bytes) {
  if (open_number_ != place_.number)
    if (auto opened = open_file(); !opened) return opened.error();
  if (place_.offset + bytes > file_bytes_) return nullptr;
  const bool inside =
      place_.offset >= window_offset_ && place_.offset + bytes <= window_offset_ + window_bytes_;
  if (!inside)
    if (auto filled = fill(bytes); !filled) return filled.error();
  return window_.get() + (place_.offset - window_offset_);
}

Result<Found> Walker::look(bool header_only) {
  auto sector = view(kSectorBytes);
  if (!sector) return sector.error();
  if (*sector == nullptr) return Found::end;
  const HeaderState state = read_header(*sector, header_);
  if (state != HeaderState::good) return state == HeaderState::zero ? Found::zero : Found::bad;
  if (header_only) return Found::record;
  const auto record = view(record_bytes(header_.length));
  if (!record) return record.error();
  if (*record == nullptr) return Found::bad;  // no record reaches over the end of its file
  switch (read_frame(*record, header_, frame_)) {
    case FrameState::good:
      return Found::record;
    case FrameState::torn:
      return Found::torn;
    case FrameState::bad:
      break;
  }
  return Found::bad;
}

// The first sector of a file always begins a record.
bool Walker::at_next_sector() const {
  return place_.offset != 0 && window_[place_.offset - window_offset_] == kNextMark;
}

Result<bool> Walker::begins_next_segment(uint64_t seq) {
  if (place_.number >= catalog_.last()) return false;
  Walker ahead(disk_, catalog_, {place_.number + 1, 0}, kSectorBytes);
  const auto found = ahead.look(true);
  if (!found) return found.error();
  return *found == Found::record && ahead.header().seq == seq;
}

Result<Found> Walker::look_for(uint64_t seq, bool header_only) {
  auto found = look(header_only);
  if (!found || (*found != Found::zero && *found != Found::end)) return found;
  const auto rolled = begins_next_segment(seq);
  if (!rolled) return rolled.error();
  if (!*rolled && (*found == Found::zero || place_.number >= catalog_.last())) return found;
  const auto litter = skip_zeros();
  if (!litter) return litter.error();
  if (*litter) return Found::bad;
  go({place_.number + 1, 0});
  return look(header_only);
}

Result<bool> Walker::skip_zeros() {
  for (;;) {
    const auto sector = view(kSectorBytes);
    if (!sector) return sector.error();
    if (*sector == nullptr) return false;
    const size_t ahead = window_bytes_ - (place_.offset - window_offset_);
    if (is_zero(*sector, ahead)) {
      place_.offset += ahead;
    } else if (is_zero(*sector, kSectorBytes)) {
      skip_sector();
    } else {
      return true;
    }
  }
}

}  // namespace watchword::journal
