#include "stores/views/index_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "events/base/crash_point.h"
#include "stores/journal/record.h"

namespace watchword::views {

struct IndexFile::Block {
  Mention first;
  uint32_t crc;
  uint32_t zero;
};

namespace {

struct Header {
  char magic[8];
  uint64_t first_seq, last_seq, mentions;
};
struct Footer {
  uint32_t crc, complement;
};
constexpr char kMagic[8] = {'w', 'w', 'i', 'n', 'd', 'e', 'x', '2'};
constexpr size_t kBlockMentions = 4'096;

size_t blocks_for(size_t mentions) { return (mentions + kBlockMentions - 1) / kBlockMentions; }

Error failed(std::string_view reason, const std::string& path) {
  return {Errc::io, reason, path + ": " + std::strerror(errno)};
}

bool write_all(int file, const void* data, size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t wrote = ::write(file, at, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    at += wrote;
    size -= static_cast<size_t>(wrote);
  }
  return true;
}

template <class T>
std::string_view bytes_of(const T* items, size_t count) {
  return {reinterpret_cast<const char*>(items), count * sizeof(T)};
}

// Of the header and the table, which say what all the rest must be.
uint32_t crc_of(const Header& header, std::string_view table) {
  return journal::crc32c(std::string(bytes_of(&header, 1)).append(table));
}

}  // namespace

Result<> IndexFile::write(const std::string& path, uint64_t first_seq, uint64_t last_seq,
                          const std::vector<Mention>& sorted) {
  Header header{{}, first_seq, last_seq, sorted.size()};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  std::vector<Block> table;
  for (size_t at = 0; at < sorted.size(); at += kBlockMentions) {
    const size_t count = std::min(kBlockMentions, sorted.size() - at);
    table.push_back({sorted[at], journal::crc32c(bytes_of(&sorted[at], count)), 0});
  }
  const uint32_t crc = crc_of(header, bytes_of(table.data(), table.size()));
  const Footer footer{crc, ~crc};
  const std::string draft = path + ".draft";
  const int file = ::open(draft.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return failed("index.create", draft);
  const bool written = write_all(file, &header, sizeof header) &&
                       write_all(file, sorted.data(), sorted.size() * sizeof(Mention)) &&
                       write_all(file, table.data(), table.size() * sizeof(Block)) &&
                       write_all(file, &footer, sizeof footer) && fsync(file) == 0;
  ::close(file);
  if (written) crash_point(CrashPoint::index_written);
  if (!written || rename(draft.c_str(), path.c_str()) != 0) return failed("index.write", draft);
  return {};
}

Result<std::shared_ptr<IndexFile>> IndexFile::open(const std::string& path) {
  const std::shared_ptr<IndexFile> made(new IndexFile);
  made->path_ = path;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return failed("index.open", path);
  struct stat about {};
  const bool sized = fstat(file, &about) == 0;
  made->bytes_ = sized ? static_cast<size_t>(about.st_size) : 0;
  const bool long_enough = made->bytes_ >= sizeof(Header) + sizeof(Footer);
  void* map =
      long_enough ? mmap(nullptr, made->bytes_, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
  ::close(file);
  if (sized && !long_enough) return made->damaged(0);
  if (map == MAP_FAILED) return failed("index.map", path);
  made->map_ = map;

  const auto* start = static_cast<const char*>(map);
  Header header;
  std::memcpy(&header, start, sizeof header);
  const size_t count = std::min<uint64_t>(header.mentions, made->bytes_ / sizeof(Mention));
  const size_t table_at = sizeof(Header) + count * sizeof(Mention);
  const size_t table_bytes = blocks_for(count) * sizeof(Block);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 ||
      made->bytes_ != table_at + table_bytes + sizeof(Footer))
    return made->damaged(0);
  Footer footer;
  std::memcpy(&footer, start + table_at + table_bytes, sizeof footer);
  const uint32_t crc = crc_of(header, {start + table_at, table_bytes});
  if (footer.crc != crc || footer.complement != ~crc) return made->damaged(0);
  made->first_seq_ = header.first_seq;
  made->last_seq_ = header.last_seq;
  made->mentions_ = {reinterpret_cast<const Mention*>(start + sizeof(Header)), count};
  made->blocks_ = {reinterpret_cast<const Block*>(start + table_at), blocks_for(count)};
  made->checked_ = std::make_unique<std::atomic<bool>[]>(made->blocks_.size());
  return made;
}

IndexFile::~IndexFile() {
  if (map_ != nullptr) munmap(map_, bytes_);
}

Error IndexFile::damaged(uint64_t at) const {
  return {Errc::corrupt, "index.damaged",
          path_ + " at byte " + std::to_string(at) + ": not what was written"};
}

Result<> IndexFile::check(size_t block) const {
  if (checked_[block]) return {};
  const size_t from = block * kBlockMentions;
  const size_t count = std::min(kBlockMentions, mentions_.size() - from);
  if (journal::crc32c(bytes_of(&mentions_[from], count)) != blocks_[block].crc)
    return damaged(sizeof(Header) + from * sizeof(Mention));
  checked_[block] = true;
  return {};
}

Result<> IndexFile::verify() const {
  for (size_t block = 0; block < blocks_.size(); ++block)
    if (auto checked = check(block); !checked) return checked;
  return {};
}

// The last one that begins at or below the mention, else the first.
size_t IndexFile::block_of(const Mention& mention) const {
  const auto above = std::upper_bound(
      blocks_.begin(), blocks_.end(), mention,
      [](const Mention& wanted, const Block& block) { return wanted < block.first; });
  return above == blocks_.begin() ? 0 : static_cast<size_t>(above - blocks_.begin()) - 1;
}

Result<size_t> IndexFile::first_not_below(const Mention& mention) const {
  if (blocks_.empty()) return size_t{0};
  const size_t block = block_of(mention);
  if (auto checked = check(block); !checked) return checked.error();
  const size_t from = block * kBlockMentions;
  const size_t to = std::min(from + kBlockMentions, mentions_.size());
  return static_cast<size_t>(std::lower_bound(mentions_.begin() + static_cast<std::ptrdiff_t>(from),
                                              mentions_.begin() + static_cast<std::ptrdiff_t>(to),
                                              mention) -
                             mentions_.begin());
}

Result<> IndexFile::frames_of(uint64_t principal, uint64_t from, uint64_t to, size_t limit,
                              std::vector<uint64_t>& found) const {
  const auto low = first_not_below({principal, from});
  if (!low) return low.error();
  const auto last = first_not_below({principal, to});
  if (!last) return last.error();
  size_t high = *last;
  if (high < mentions_.size()) {
    if (auto checked = check(high / kBlockMentions); !checked) return checked;
    if (mentions_[high] == Mention{principal, to}) ++high;
  }
  while (high > *low && found.size() < limit) {
    --high;
    if (auto checked = check(high / kBlockMentions); !checked) return checked;
    found.push_back(mentions_[high].seq);
  }
  return {};
}

}  // namespace watchword::views
