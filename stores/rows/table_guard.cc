#include "stores/rows/table_guard.h"

#include <rocksdb/env.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace watchword::rows {
namespace {

constexpr size_t kFooterBytes = 53, kHandlesAt = 1, kMagicAt = 45, kMaxBlockBytes = 1u << 20;
constexpr uint64_t kMagic = 0x88e241b785f4cff7ull;
constexpr uint32_t kHashIndexBit = 1u << 31;
constexpr std::string_view kProperties = "rocksdb.properties";

std::optional<uint64_t> take_varint(std::string_view& from) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(from.front());
    from.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

struct Handle {
  uint64_t offset = 0, bytes = 0;
};
std::optional<Handle> take_handle(std::string_view from) {
  const auto offset = take_varint(from);
  const auto bytes = offset ? take_varint(from) : std::nullopt;
  if (!bytes) return std::nullopt;
  return Handle{*offset, *bytes};
}

class Table {
 public:
  Table(rocksdb::RandomAccessFile& file, uint64_t bytes) : file_(file), bytes_(bytes) {}

  // Where the number of restarts stands with the bit in it; nullopt: nowhere, or not a whole table.
  std::optional<uint64_t> damaged_at() const {
    if (bytes_ < kFooterBytes) return std::nullopt;
    const std::string footer = read({bytes_ - kFooterBytes, kFooterBytes});
    uint64_t magic = 0;
    if (footer.size() == kFooterBytes) std::memcpy(&magic, footer.data() + kMagicAt, sizeof magic);
    if (magic != kMagic) return std::nullopt;
    const auto index = take_handle(std::string_view(footer).substr(kHandlesAt));
    const auto properties = index ? properties_in(read(*index)) : std::nullopt;
    if (!properties || properties->bytes < 4) return std::nullopt;
    const uint64_t at = properties->offset + properties->bytes - 4;
    const std::string restarts = read({at, 4});
    uint32_t number = 0;
    if (restarts.size() == 4) std::memcpy(&number, restarts.data(), 4);
    if ((number & kHashIndexBit) == 0) return std::nullopt;
    return at;
  }

 private:
  std::string read(Handle handle) const {
    if (handle.bytes > kMaxBlockBytes || handle.offset > bytes_) return "";
    std::string scratch(handle.bytes, '\0');
    rocksdb::Slice got;
    if (!file_.Read(handle.offset, handle.bytes, &got, scratch.data()).ok()) return "";
    return got.ToString();
  }

  // Entries with whole keys: lengths of what is shared with the key before (0), of the rest and of
  // the value, then both.
  static std::optional<Handle> properties_in(std::string_view block) {
    while (!block.empty()) {
      const auto shared = take_varint(block), key = take_varint(block), value = take_varint(block);
      if (!shared || !key || !value || *shared != 0) return std::nullopt;
      if (*key > block.size() || *value > block.size() - *key) return std::nullopt;
      if (block.substr(0, *key) == kProperties) return take_handle(block.substr(*key, *value));
      block.remove_prefix(*key + *value);
    }
    return std::nullopt;
  }

  rocksdb::RandomAccessFile& file_;
  const uint64_t bytes_;
};

}  // namespace

Result<> check_properties(rocksdb::Env& env, const std::string& directory) {
  std::vector<std::string> names;
  if (!env.GetChildren(directory, &names).ok()) return {};
  for (const std::string& name : names) {
    if (!name.ends_with(".sst")) continue;
    const std::string path = directory + "/" + name;
    uint64_t bytes = 0;
    std::unique_ptr<rocksdb::RandomAccessFile> file;
    if (!env.GetFileSize(path, &bytes).ok()) continue;
    if (!env.NewRandomAccessFile(path, &file, rocksdb::EnvOptions()).ok()) continue;
    if (const auto at = Table(*file, bytes).damaged_at())
      return Error{
          Errc::corrupt, "rows.corrupt",
          path + " at byte " + std::to_string(*at) + ": the properties are not what was written"};
  }
  return {};
}

}  // namespace watchword::rows
