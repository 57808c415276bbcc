// The bytes of one record in a segment file. stores/journal/README.md has the grammar. Pure; any
// thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "stores/journal/journal.h"

namespace watchword::journal {

inline constexpr size_t kSectorBytes = 512;       // what a disk writes whole or not at all
inline constexpr size_t kRecordHeaderBytes = 40;  // the mark included
inline constexpr char kFirstMark = '\xa5';        // first byte of a record's first sector
inline constexpr char kNextMark = '\x3c';         // of every other one of its sectors

struct RecordHeader {
  uint32_t length = 0;  // of the frame
  uint64_t epoch = 0;
  uint64_t seq = 0;
  uint64_t synced = 0;
  uint32_t frame_crc = 0;  // CRC32C
};

// CRC32C (Castagnoli, RFC 3720 appendix B.4).
uint32_t crc32c(std::string_view bytes);

// What a record with a frame of this length takes: whole sectors.
size_t record_bytes(size_t frame_bytes);
inline constexpr size_t kMaxRecordBytes = 514 * kSectorBytes;  // record_bytes(kMaxFrameBytes)

// Writes record_bytes(frame.size()) bytes to `out`; fills in the header's length and CRC by itself.
void write_record(char* out, RecordHeader header, std::string_view frame);

enum class HeaderState : uint8_t { good, zero, bad };
// `sector`: kSectorBytes. zero: the whole sector is.
HeaderState read_header(const char* sector, RecordHeader& header);

enum class FrameState : uint8_t {
  good,
  torn,  // at least one sector is all zero
  bad,
};
// `record`: record_bytes(header.length) bytes, whose header is good.
FrameState read_frame(const char* record, const RecordHeader& header, std::string& frame);

bool is_zero(const char* bytes, size_t count);

}  // namespace watchword::journal
