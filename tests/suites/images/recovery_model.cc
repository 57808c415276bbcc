#include "tests/suites/images/recovery_model.h"

#include "stores/journal/record.h"

namespace watchword::images {
namespace {

using journal::HeaderState;
using journal::kSectorBytes;
using journal::RecordHeader;

class Model {
 public:
  explicit Model(const std::vector<std::string>& segments) : segments_(segments) {}

  Expected run() {
    while (!ended_) step();
    return out_;
  }

 private:
  void refuse(std::string why) {
    ended_ = true;
    out_ = {false, 0, std::move(why)};
  }

  void step() {
    if (file_ >= segments_.size()) return finish(0);
    if (at_ == segments_[file_].size()) return at_end_of_file();
    RecordHeader header;
    switch (journal::read_header(segments_[file_].data() + at_, header)) {
      case HeaderState::bad:
        return refuse("a sector that is no record");
      case HeaderState::zero:
        return next_begins_with(seq_) ? roll() : finish(kSectorBytes);
      case HeaderState::good:
        return take(header);
    }
  }

  void at_end_of_file() {
    if (file_ + 1 == segments_.size()) return finish(0);
    ++file_;
    at_ = 0;
  }

  void take(const RecordHeader& header) {
    const size_t bytes = journal::record_bytes(header.length);
    if (at_ + bytes > segments_[file_].size()) return refuse("a record over the end of its file");
    for (size_t next = kSectorBytes; next < bytes; next += kSectorBytes)
      if (is_zero(file_, at_ + next)) return finish(kSectorBytes);
    std::string frame;
    if (read_frame(segments_[file_].data() + at_, header, frame) != journal::FrameState::good)
      return refuse("a damaged record");
    if (header.seq != seq_) return refuse("not the record that follows");
    ++seq_;
    at_ += bytes;
  }

  void roll() {
    for (; at_ < segments_[file_].size(); at_ += kSectorBytes)
      if (!is_zero(file_, at_)) return refuse("litter in front of the next segment");
    ++file_;
    at_ = 0;
  }

  // A torn tail iff no later record vouches for this one; else all behind it may be a lost batch's.
  void finish(size_t judged) {
    for (size_t from = at_ + judged; file_ < segments_.size(); ++file_, from = 0)
      for (size_t at = from; at < segments_[file_].size(); at += kSectorBytes) {
        RecordHeader header;
        const char* sector = segments_[file_].data() + at;
        const auto state = journal::read_header(sector, header);
        if (state == HeaderState::good && header.synced >= seq_)
          return refuse("a durable record is gone");
        if (state == HeaderState::bad && (at == 0 || sector[0] != journal::kNextMark))
          return refuse("litter behind the end");
      }
    ended_ = true;
    out_ = {true, seq_ - 1, ""};
  }

  bool next_begins_with(uint64_t seq) const {
    RecordHeader header;
    return file_ + 1 < segments_.size() &&
           journal::read_header(segments_[file_ + 1].data(), header) == HeaderState::good &&
           header.seq == seq;
  }
  bool is_zero(size_t file, size_t at) const {
    return journal::is_zero(segments_[file].data() + at, kSectorBytes);
  }

  const std::vector<std::string>& segments_;
  size_t file_ = 0, at_ = 0;
  uint64_t seq_ = 1;
  bool ended_ = false;
  Expected out_;
};

}  // namespace

Expected expected_of(const std::vector<std::string>& segments) { return Model(segments).run(); }

}  // namespace watchword::images
