// The bytes of a vault file. All of it stands in pieces of 128 bytes, little-endian, so that a piece never spans two
// sectors: a crash leaves a piece whole, absent, or zero from some byte on, and then its last byte is not the mark.
//
//   header   "WWVAULT1", HMAC-SHA-256(wrap key, "watchword vault"), zeros, checksum, mark
//   record   Record below; number n stands at byte 128 * (n + 1)
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "events/crypto/secret.h"

namespace watchword::keys {

inline constexpr size_t kPieceBytes = 128;
inline constexpr uint8_t kMark = 0xa5;

enum class Kind : uint32_t {
  key = 1,    // a principal's key, wrapped
  erase = 2,  // the key in record `target` is gone
  blank = 3,  // where an erased key stood
};

// A principal's key, AES-256-GCM under the wrap key; additional data: the principal's id.
struct WrappedKey {
  std::array<uint8_t, 12> nonce{};
  std::array<uint8_t, 48> sealed{};
};

struct Record {
  Kind kind = Kind::blank;
  uint32_t zero = 0;
  uint64_t number = 0;
  uint64_t synced = 0;  // records below this number were durable when this one was written
  uint64_t target = 0;
  Id principal;
  WrappedKey key;
  uint32_t also_zero = 0;
  std::array<uint8_t, 15> checksum{};  // the first bytes of SHA-256 of all that stands before
  uint8_t mark = kMark;
};
static_assert(sizeof(Record) == kPieceBytes);

std::string header_bytes(const crypto::Key256& wrap);
// Errors: corrupt when it is no vault's header, denied when it is another wrap key's.
Result<> check_header(std::string_view bytes, const crypto::Key256& wrap);

std::string record_bytes(Record record);

enum class Reading : uint8_t { whole, torn, bad };
// `bytes`: 128, or fewer at the end of the file. Whole: checksum and number are right.
Reading read_record(std::string_view bytes, uint64_t number, Record& record);

inline uint64_t offset_of(uint64_t number) { return kPieceBytes * (number + 1); }

}  // namespace watchword::keys
