// Fixed-size rows on disk: only the 8-byte words that are not zero, behind a bitmap of them. Most principals are quiet.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace watchword::rows {

static_assert(std::endian::native == std::endian::little, "rows are stored little-endian");

template <class Row>
void encode_pod(const Row& row, std::string& out) {
  static_assert(std::is_trivially_copyable_v<Row> && std::has_unique_object_representations_v<Row>);
  static_assert(sizeof(Row) % 8 == 0);
  constexpr size_t kWords = sizeof(Row) / 8, kBitmap = (kWords + 7) / 8;
  uint64_t words[kWords];
  std::memcpy(words, &row, sizeof row);
  const size_t start = out.size();
  out.resize(start + kBitmap + sizeof row);
  char* bitmap = out.data() + start;
  char* next = bitmap + kBitmap;
  std::memset(bitmap, 0, kBitmap);
  for (size_t i = 0; i < kWords; ++i) {
    if (words[i] == 0) continue;
    bitmap[i / 8] = static_cast<char>(bitmap[i / 8] | 1 << (i % 8));
    std::memcpy(next, &words[i], 8);
    next += 8;
  }
  out.resize(static_cast<size_t>(next - out.data()));
}

// False if `bytes` were not made by encode_pod of the same Row.
template <class Row>
bool decode_pod(std::string_view bytes, Row& row) {
  constexpr size_t kWords = sizeof(Row) / 8, kBitmap = (kWords + 7) / 8;
  if (bytes.size() < kBitmap) return false;
  uint64_t words[kWords] = {};
  size_t at = kBitmap;
  for (size_t i = 0; i < kWords; ++i) {
    if (!(bytes[i / 8] >> (i % 8) & 1)) continue;
    if (at + 8 > bytes.size()) return false;
    std::memcpy(&words[i], bytes.data() + at, 8);
    at += 8;
  }
  std::memcpy(&row, words, sizeof row);
  return at == bytes.size();
}

}  // namespace watchword::rows
