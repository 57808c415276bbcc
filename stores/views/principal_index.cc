#include "stores/views/principal_index.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <protozero/pbf_reader.hpp>

#include "stores/journal/frame.h"

namespace watchword::views {

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
    auto file = IndexFile::open(path);
    if (!file && file.error().code != Errc::corrupt) return file.error();
    // Derived data: whatever is not whole is made again from the journal, with all that follows it.
    const uint64_t expected = ranges_.empty() ? 1 : ranges_.back()->last_seq() + 1;
    if (file && (*file)->first_seq() == expected)
      ranges_.push_back(std::move(*file));
    else if (broken == Broken::remove)
      std::filesystem::remove(path, error);
  }
  return {};
}

Result<> PrincipalIndex::verify(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() != ".idx") continue;
    const auto file = IndexFile::open(entry.path());
    if (!file) return file.error();
    if (auto checked = (*file)->verify(); !checked) return checked;
  }
  return {};
}

void PrincipalIndex::add(uint64_t seq, std::vector<uint64_t> principals) {
  std::sort(principals.begin(), principals.end());
  principals.erase(std::unique(principals.begin(), principals.end()), principals.end());
  principals.shrink_to_fit();
  std::lock_guard lock(mutex_);
  const uint64_t last = !tail_.empty() ? tail_.back().first
                        : !ranges_.empty() ? ranges_.back()->last_seq()
                                           : 0;
  if (seq <= last) return;
  tail_mentions_ += principals.size() + 1;
  tail_.emplace_back(seq, std::move(principals));
}

uint64_t PrincipalIndex::indexed_to() const {
  std::lock_guard lock(mutex_);
  return ranges_.empty() ? 0 : ranges_.back()->last_seq();
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
  uint64_t first_seq = 1, last_seq = 0;
  {
    std::lock_guard lock(mutex_);
    if (!ranges_.empty()) first_seq = ranges_.back()->last_seq() + 1;
    last_seq = tail_.back().first;
    for (const auto& [seq, principals] : tail_)
      for (const uint64_t principal : principals) mentions.push_back({principal, seq});
  }
  std::sort(mentions.begin(), mentions.end());
  char name[48];
  std::snprintf(name, sizeof name, "/%020llu.idx", static_cast<unsigned long long>(first_seq));
  const std::string path = directory_ + name;
  if (auto written = IndexFile::write(path, first_seq, last_seq, mentions); !written) return written;
  auto file = IndexFile::open(path);
  if (!file) return file.error();
  std::lock_guard lock(mutex_);
  const auto kept = std::find_if(tail_.begin(), tail_.end(),
                                 [&](const auto& frame) { return frame.first > last_seq; });
  tail_.erase(tail_.begin(), kept);
  tail_mentions_ = 0;
  for (const auto& [seq, principals] : tail_) tail_mentions_ += principals.size() + 1;
  ranges_.push_back(std::move(*file));
  return {};
}

Result<std::vector<uint64_t>> PrincipalIndex::frames_of(const Id& principal, uint64_t from,
                                                        uint64_t to, size_t limit) const {
  const uint64_t wanted = IdHash{}(principal);
  std::vector<uint64_t> found;
  std::vector<std::shared_ptr<IndexFile>> ranges;
  {
    std::lock_guard lock(mutex_);
    ranges = ranges_;
    for (auto frame = tail_.rbegin(); frame != tail_.rend() && found.size() < limit; ++frame)
      if (frame->first >= from && frame->first <= to &&
          std::binary_search(frame->second.begin(), frame->second.end(), wanted))
        found.push_back(frame->first);
  }
  for (auto range = ranges.rbegin(); range != ranges.rend() && found.size() < limit; ++range) {
    auto read = (*range)->frames_of(wanted, from, to, limit, found);
    if (!read) {
      if (mentions_per_file_ != 0) forget((*range)->path());
      return read.error();
    }
  }
  return found;
}

// The next start makes it again from the journal.
void PrincipalIndex::forget(const std::string& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
}

uint64_t PrincipalIndex::disk_bytes() const {
  std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& range : ranges_) bytes += range->bytes();
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
