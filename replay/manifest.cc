#include "replay/manifest.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "stores/journal/record.h"

namespace watchword::replay {
namespace {

constexpr size_t kBlockBytes = 32 * 1024;
constexpr size_t kHeaderBytes = 7;  // masked CRC32C, length, type
constexpr uint32_t kMaskDelta = 0xa282ead8u;
constexpr uint8_t kLastType = 4;  // full, first, middle, last

uint32_t masked(uint32_t crc) { return (crc >> 15 | crc << 17) + kMaskDelta; }

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Errc::corrupt, "replay.manifest", path + " cannot be read"};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Bytes of the record at the start of `rest`, of which `in_block` are in its block; 0: damaged.
size_t record_at(std::string_view rest, size_t in_block) {
  if (rest.size() < kHeaderBytes) return 0;
  uint32_t crc;
  uint16_t length;
  std::memcpy(&crc, rest.data(), 4);
  std::memcpy(&length, rest.data() + 4, 2);
  const auto type = static_cast<uint8_t>(rest[6]);
  const size_t bytes = kHeaderBytes + length;
  if (type == 0 || type > kLastType || bytes > std::min(rest.size(), in_block)) return 0;
  return masked(journal::crc32c(rest.substr(6, size_t{1} + length))) == crc ? bytes : 0;
}

}  // namespace

Result<> check_manifest(const std::string& rows_directory) {
  if (!std::filesystem::exists(rows_directory)) return {};
  const auto current = read_file(rows_directory + "/CURRENT");
  if (!current) return current.error();
  const std::string path = rows_directory + "/" + current->substr(0, current->find('\n'));
  const auto bytes = read_file(path);
  if (!bytes) return bytes.error();
  for (size_t at = 0; at < bytes->size();) {
    const size_t in_block = kBlockBytes - at % kBlockBytes;
    const std::string_view rest = std::string_view(*bytes).substr(at);
    const bool is_trailer = in_block < kHeaderBytes;
    const size_t taken = is_trailer ? std::min(in_block, rest.size()) : record_at(rest, in_block);
    if (taken == 0 || (is_trailer && !journal::is_zero(rest.data(), taken)))
      return Error{Errc::corrupt, "replay.manifest",
                   path + " at byte " + std::to_string(at) + ": a damaged record"};
    at += taken;
  }
  return {};
}

}  // namespace watchword::replay
