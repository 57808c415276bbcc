#include "stores/journal/record.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "stores/journal/frame.h"

namespace watchword::journal {
namespace {

static_assert(std::endian::native == std::endian::little, "headers are copied as they are");

constexpr char kMagic[3] = {'W', 'J', '1'};
constexpr size_t kFirstBytes =
    kSectorBytes - kRecordHeaderBytes;  // of the frame, in the first sector
constexpr size_t kNextBytes = kSectorBytes - 1;

struct Layout {
  char mark;
  char magic[3];
  uint32_t length;
  uint64_t epoch;
  uint64_t seq;
  uint64_t synced;
  uint32_t frame_crc;
  uint32_t header_crc;  // of all before it
};
static_assert(sizeof(Layout) == kRecordHeaderBytes);

uint32_t header_crc(const Layout& layout) {
  return crc32c({reinterpret_cast<const char*>(&layout), offsetof(Layout, header_crc)});
}

bool has_zero_sector(const char* record, size_t bytes) {
  for (size_t at = kSectorBytes; at < bytes; at += kSectorBytes)
    if (record[at] == 0 && is_zero(record + at, kSectorBytes)) return true;
  return false;
}

// Gathers the frame; false if a mark is wrong or what follows the frame in the last sector is not
// zero.
bool gather(const char* record, size_t length, std::string& frame) {
  frame.resize(length);
  const size_t first = std::min(length, kFirstBytes);
  std::memcpy(frame.data(), record + kRecordHeaderBytes, first);
  size_t in_sector = kRecordHeaderBytes + first;
  for (size_t done = first; done < length;) {
    record += kSectorBytes;
    if (record[0] != kNextMark) return false;
    const size_t part = std::min(length - done, kNextBytes);
    std::memcpy(frame.data() + done, record + 1, part);
    done += part;
    in_sector = 1 + part;
  }
  return is_zero(record + in_sector, kSectorBytes - in_sector);
}

}  // namespace

// isa-l leaves both inversions of the standard to its caller, and takes the bytes as non-const
// without changing them.
uint32_t crc32c(std::string_view bytes) {
  auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  return ~crc32_iscsi(data, static_cast<int>(bytes.size()), 0xffffffffu);
}

size_t record_bytes(size_t frame_bytes) {
  if (frame_bytes <= kFirstBytes) return kSectorBytes;
  return (1 + (frame_bytes - kFirstBytes + kNextBytes - 1) / kNextBytes) * kSectorBytes;
}

void write_record(char* out, RecordHeader header, std::string_view frame) {
  Layout layout{kFirstMark,
                {kMagic[0], kMagic[1], kMagic[2]},
                static_cast<uint32_t>(frame.size()),
                header.epoch,
                header.seq,
                header.synced,
                crc32c(frame),
                0};
  layout.header_crc = header_crc(layout);
  std::memcpy(out, &layout, sizeof layout);
  const size_t first = std::min(frame.size(), kFirstBytes);
  std::memcpy(out + kRecordHeaderBytes, frame.data(), first);
  size_t in_sector = kRecordHeaderBytes + first;
  for (size_t done = first; done < frame.size();) {
    out += kSectorBytes;
    out[0] = kNextMark;
    const size_t part = std::min(frame.size() - done, kNextBytes);
    std::memcpy(out + 1, frame.data() + done, part);
    done += part;
    in_sector = 1 + part;
  }
  std::memset(out + in_sector, 0, kSectorBytes - in_sector);
}

HeaderState read_header(const char* sector, RecordHeader& header) {
  Layout layout;
  std::memcpy(&layout, sector, sizeof layout);
  if (layout.mark == 0) return is_zero(sector, kSectorBytes) ? HeaderState::zero : HeaderState::bad;
  if (layout.mark != kFirstMark || std::memcmp(layout.magic, kMagic, sizeof kMagic) != 0)
    return HeaderState::bad;
  if (layout.header_crc != header_crc(layout)) return HeaderState::bad;
  if (layout.length < kFrameHeaderBytes || layout.length > kMaxFrameBytes) return HeaderState::bad;
  header = {layout.length, layout.epoch, layout.seq, layout.synced, layout.frame_crc};
  return HeaderState::good;
}

FrameState read_frame(const char* record, const RecordHeader& header, std::string& frame) {
  if (has_zero_sector(record, record_bytes(header.length))) return FrameState::torn;
  if (!gather(record, header.length, frame)) return FrameState::bad;
  return crc32c(frame) == header.frame_crc ? FrameState::good : FrameState::bad;
}

// Equal to itself one byte on, and zero at its start: memcmp is the fastest way through a segment's
// free part.
bool is_zero(const char* bytes, size_t count) {
  return count == 0 || (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, count - 1) == 0);
}

}  // namespace watchword::journal
