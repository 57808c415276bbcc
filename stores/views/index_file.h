// One complete range of the principal index in a file: sorted mentions in blocks, each with a
// checksum, so that a query reads only what it needs and never believes a changed byte.
#pragma once
#include <atomic>
#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "events/base/result.h"

namespace watchword::views {

// A frame names a principal.
struct Mention {
  uint64_t principal;
  uint64_t seq;
  auto operator<=>(const Mention&) const = default;
};

// Mapped whole; immutable. Thread-safe. Numbers are little-endian:
//   header: "wwindex2", first_seq, last_seq, mentions (8 bytes each) · mentions, 16 bytes each ·
//   for each block of 4,096 mentions: its first one, CRC32C, 4 bytes zero · CRC32C of header and
//   this table, its complement
class IndexFile {
 public:
  // `sorted`: every mention of the frames first_seq to last_seq. Written under another name,
  // synced, then named. Errors: io.
  static Result<> write(const std::string& path, uint64_t first_seq, uint64_t last_seq,
                        const std::vector<Mention>& sorted);
  // Checks header and table, not the blocks. Errors: io, corrupt "index.damaged".
  static Result<std::shared_ptr<IndexFile>> open(const std::string& path);
  ~IndexFile();
  IndexFile(const IndexFile&) = delete;

  uint64_t first_seq() const { return first_seq_; }
  uint64_t last_seq() const { return last_seq_; }
  uint64_t bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

  // Adds seqs that name the principal in [from, to], newest first, until `found` has `limit`.
  // Checks each block before its first use. Errors: corrupt "index.damaged", names the file and the
  // block's first byte.
  Result<> frames_of(uint64_t principal, uint64_t from, uint64_t to, size_t limit,
                     std::vector<uint64_t>& found) const;
  // Every block. Reads them all. Errors as above.
  Result<> verify() const;

 private:
  struct Block;
  IndexFile() = default;
  Result<> check(size_t block) const;
  size_t block_of(const Mention& mention) const;
  Result<size_t> first_not_below(const Mention& mention) const;
  Error damaged(uint64_t at) const;

  std::string path_;
  uint64_t first_seq_ = 0, last_seq_ = 0;
  void* map_ = nullptr;
  size_t bytes_ = 0;
  std::span<const Mention> mentions_;
  std::span<const Block> blocks_;
  std::unique_ptr<std::atomic<bool>[]> checked_;
};

}  // namespace watchword::views
