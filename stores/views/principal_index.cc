#include "stores/views/principal_index.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <protozero/pbf_reader.hpp>
#include <span>

#include "events/base/crash_point.h"
#include "stores/journal/frame.h"

namespace watchword::views {
namespace {

struct Mention {
  uint64_t principal;
  uint64_t seq;
  auto operator<=>(const Mention&) const = default;
};
struct FileHeader {
  char magic[8];
  uint64_t first_seq, last_seq, mentions;
};
constexpr char kMagic[8] = {'w', 'w', 'i', 'n', 'd', 'e', 'x', '1'};

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

}  // namespace

// A file mapped whole: a header, then its mentions in order.
struct PrincipalIndex::Range {
  uint64_t first_seq = 0, last_seq = 0;
  void* map = MAP_FAILED;
  size_t bytes = 0;
  std::span<const Mention> mentions;
  ~Range() {
    if (map != MAP_FAILED) munmap(map, bytes);
  }
};

PrincipalIndex::PrincipalIndex(std::string directory, size_t mentions_per_file)
    : directory_(std::move(directory)), mentions_per_file_(mentions_per_file) {}
PrincipalIndex::~PrincipalIndex() = default;

Result<std::unique_ptr<PrincipalIndex>> PrincipalIndex::open(const std::string& directory,
                                                             size_t mentions_per_file) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Error{Errc::io, "index.directory", directory + ": " + error.message()};
  std::unique_ptr<PrincipalIndex> index(new PrincipalIndex(directory, mentions_per_file));
  auto loaded = index->load(Broken::remove);
  if (!loaded) return loaded.error();
  return index;
}

Result<std::unique_ptr<PrincipalIndex>> PrincipalIndex::open_read_only(
    const std::string& directory) {
  std::unique_ptr<PrincipalIndex> index(new PrincipalIndex(directory, 0));
  auto loaded = index->load(Broken::leave);
  if (!loaded) return loaded.error();
  return index;
}

Result<> PrincipalIndex::load(Broken broken) {
  std::error_code error;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error))
    if (entry.path().extension() == ".idx") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return failed("index.open", path);
    struct stat about {};
    auto range = std::make_shared<Range>();
    FileHeader header{};
    if (fstat(file, &about) == 0 && about.st_size >= static_cast<off_t>(sizeof header)) {
      range->bytes = static_cast<size_t>(about.st_size);
      range->map = mmap(nullptr, range->bytes, PROT_READ, MAP_SHARED, file, 0);
    }
    ::close(file);
    if (range->map != MAP_FAILED) std::memcpy(&header, range->map, sizeof header);
    // Derived data: whatever is not whole is made again from the journal, with all that follows it.
    const uint64_t expected = ranges_.empty() ? 1 : ranges_.back()->last_seq + 1;
    const bool whole = std::memcmp(header.magic, kMagic, 8) == 0 && header.first_seq == expected &&
                       range->bytes == sizeof header + header.mentions * sizeof(Mention);
    if (!whole) {
      if (broken == Broken::remove) std::filesystem::remove(path, error);
      continue;
    }
    range->first_seq = header.first_seq;
    range->last_seq = header.last_seq;
    range->mentions = {reinterpret_cast<const Mention*>(static_cast<char*>(range->map) + sizeof header),
                       header.mentions};
    ranges_.push_back(std::move(range));
  }
  return {};
}

void PrincipalIndex::add(uint64_t seq, std::vector<uint64_t> principals) {
  std::sort(principals.begin(), principals.end());
  principals.erase(std::unique(principals.begin(), principals.end()), principals.end());
  principals.shrink_to_fit();
  std::lock_guard lock(mutex_);
  const uint64_t last = !tail_.empty() ? tail_.back().first
                        : !ranges_.empty() ? ranges_.back()->last_seq
                                           : 0;
  if (seq <= last) return;
  tail_mentions_ += principals.size() + 1;
  tail_.emplace_back(seq, std::move(principals));
}

uint64_t PrincipalIndex::indexed_to() const {
  std::lock_guard lock(mutex_);
  return ranges_.empty() ? 0 : ranges_.back()->last_seq;
}

bool PrincipalIndex::range_is_full() const {
  std::lock_guard lock(mutex_);
  return !closing_ && tail_mentions_ >= mentions_per_file_;
}

// One at a time: each range begins where the last one ended.
Result<> PrincipalIndex::close_full_range() {
  {
    std::lock_guard lock(mutex_);
    if (closing_ || tail_mentions_ < mentions_per_file_) return {};
    closing_ = true;
  }
  auto written = write_range();
  std::lock_guard lock(mutex_);
  closing_ = false;
  return written;
}

Result<> PrincipalIndex::write_range() {
  std::vector<Mention> mentions;
  FileHeader header{};
  std::memcpy(header.magic, kMagic, 8);
  {
    std::lock_guard lock(mutex_);
    header.first_seq = ranges_.empty() ? 1 : ranges_.back()->last_seq + 1;
    header.last_seq = tail_.back().first;
    for (const auto& [seq, principals] : tail_)
      for (const uint64_t principal : principals) mentions.push_back({principal, seq});
  }
  std::sort(mentions.begin(), mentions.end());
  header.mentions = mentions.size();
  char name[48];
  std::snprintf(name, sizeof name, "/%020llu.idx", static_cast<unsigned long long>(header.first_seq));
  const std::string path = directory_ + name, draft = path + ".draft";
  const int file = ::open(draft.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) return failed("index.create", draft);
  const bool written = write_all(file, &header, sizeof header) &&
                       write_all(file, mentions.data(), mentions.size() * sizeof(Mention)) &&
                       fsync(file) == 0;
  ::close(file);
  if (written) crash_point(CrashPoint::index_written);
  if (!written || rename(draft.c_str(), path.c_str()) != 0) return failed("index.write", draft);

  auto range = std::make_shared<Range>();
  const int again = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (again < 0) return failed("index.open", path);
  range->bytes = sizeof header + mentions.size() * sizeof(Mention);
  range->map = mmap(nullptr, range->bytes, PROT_READ, MAP_SHARED, again, 0);
  ::close(again);
  if (range->map == MAP_FAILED) return failed("index.map", path);
  range->first_seq = header.first_seq;
  range->last_seq = header.last_seq;
  range->mentions = {reinterpret_cast<const Mention*>(static_cast<char*>(range->map) + sizeof header),
                     mentions.size()};
  std::lock_guard lock(mutex_);
  const auto kept = std::find_if(tail_.begin(), tail_.end(),
                                 [&](const auto& frame) { return frame.first > header.last_seq; });
  tail_.erase(tail_.begin(), kept);
  tail_mentions_ = 0;
  for (const auto& [seq, principals] : tail_) tail_mentions_ += principals.size() + 1;
  ranges_.push_back(std::move(range));
  return {};
}

Result<std::vector<uint64_t>> PrincipalIndex::frames_of(const Id& principal, uint64_t from,
                                                        uint64_t to, size_t limit) const {
  const uint64_t wanted = IdHash{}(principal);
  std::vector<uint64_t> found;
  std::vector<std::shared_ptr<Range>> ranges;
  {
    std::lock_guard lock(mutex_);
    ranges = ranges_;
    for (auto frame = tail_.rbegin(); frame != tail_.rend() && found.size() < limit; ++frame)
      if (frame->first >= from && frame->first <= to &&
          std::binary_search(frame->second.begin(), frame->second.end(), wanted))
        found.push_back(frame->first);
  }
  for (auto range = ranges.rbegin(); range != ranges.rend() && found.size() < limit; ++range) {
    const auto& mentions = (*range)->mentions;
    const auto low = std::lower_bound(mentions.begin(), mentions.end(), Mention{wanted, from});
    auto high = std::upper_bound(low, mentions.end(), Mention{wanted, to});
    while (high != low && found.size() < limit) found.push_back((--high)->seq);
  }
  return found;
}

uint64_t PrincipalIndex::disk_bytes() const {
  std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& range : ranges_) bytes += range->bytes;
  return bytes;
}

Result<std::vector<uint64_t>> principals_of(std::string_view frame) {
  const auto view = journal::FrameView::open(frame);
  if (!view) return view.error();
  std::vector<uint64_t> out;
  const auto read = view->each(
      [&](uint32_t, const v1::Event& event) -> Result<> {
        if (!event.envelope().subject().empty())
          out.push_back(IdHash{}(Id::from_view(event.envelope().subject())));
        return {};
      },
      [&](uint32_t, const journal::Judged& judged) -> Result<> {
        protozero::pbf_reader fields(judged.observation.data(), judged.observation.size());
        if (fields.next(v1::Observation::kPrincipalFieldNumber)) {
          const auto raw = fields.get_view();
          out.push_back(IdHash{}(Id::from_view({raw.data(), raw.size()})));
        }
        return {};
      });
  if (!read) return read.error();
  return out;
}

}  // namespace watchword::views
