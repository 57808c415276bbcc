#include "stores/journal/catalog.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "stores/journal/record.h"

namespace watchword::journal {
namespace {

constexpr uint64_t kApartBytes = 256 * 1024;
constexpr std::string_view kSuffix = ".segment";

// 0: not the name of a segment.
uint32_t number_of(std::string_view name) {
  if (name.size() != 10 + kSuffix.size() || !name.ends_with(kSuffix)) return 0;
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + 10, number);
  return error == std::errc() && end == name.data() + 10 ? number : 0;
}

Result<uint64_t> probe_first_seq(Disk& disk, const std::string& path) {
  std::unique_ptr<File> file;
  if (int opened = disk.open(path, Access::read, file); opened < 0)
    return disk_error("journal.segment.open", path, opened);
  char sector[kSectorBytes];
  const ssize_t got = read_all(*file, sector, sizeof sector, 0);
  if (got < 0) return disk_error("journal.segment.probe", path, got);
  RecordHeader header;
  const bool good = got == sizeof sector && read_header(sector, header) == HeaderState::good;
  return good ? header.seq : 0;
}

}  // namespace

std::string segment_name(uint32_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "%010u.segment", number);
  return name;
}

Result<std::unique_ptr<Catalog>> Catalog::open(Disk& disk, std::string directory) {
  std::vector<Listed> files;
  if (int listed = disk.list(directory, files); listed < 0)
    return disk_error("journal.segment.list", directory, listed);
  std::erase_if(files, [](const Listed& file) { return number_of(file.name) == 0; });
  std::sort(files.begin(), files.end(), [](auto& a, auto& b) { return a.name < b.name; });
  auto catalog = std::make_unique<Catalog>(std::move(directory));
  for (const Listed& file : files) {
    const uint32_t number = number_of(file.name);
    const uint32_t expected = catalog->last() + 1;
    if (number != expected)
      return Error{Errc::corrupt, "journal.segment.missing", catalog->path(expected)};
    if (file.bytes == 0 || file.bytes % kSectorBytes != 0)
      return Error{Errc::corrupt, "journal.segment.length",
                   catalog->describe({number, file.bytes}) + ": not whole sectors"};
    const auto first_seq = probe_first_seq(disk, catalog->path(number));
    if (!first_seq) return first_seq.error();
    catalog->add({number, file.bytes, *first_seq});
  }
  return catalog;
}

std::string Catalog::path(uint32_t number) const { return directory_ + "/" + segment_name(number); }

std::string Catalog::describe(Place place) const {
  return path(place.number) + " at byte " + std::to_string(place.offset);
}

uint32_t Catalog::last() const {
  const std::lock_guard lock(mutex_);
  return static_cast<uint32_t>(entries_.size());
}

Segment Catalog::segment(uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return entries_.at(number - 1).segment;
}

uint64_t Catalog::bytes_before(uint32_t number) const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (uint32_t i = 0; i + 1 < number && i < entries_.size(); ++i)
    bytes += entries_[i].segment.bytes;
  return bytes;
}

void Catalog::add(Segment segment) {
  const std::lock_guard lock(mutex_);
  WATCHWORD_CHECK(segment.number == entries_.size() + 1);
  entries_.push_back({segment, {}});
}

void Catalog::forget_after(uint32_t number) {
  const std::lock_guard lock(mutex_);
  entries_.resize(number);
}

void Catalog::ends_at(Place end) {
  const std::lock_guard lock(mutex_);
  for (auto& [segment, marks] : entries_) {
    if (segment.number < end.number || (segment.number == end.number && end.offset > 0)) continue;
    segment.first_seq = 0;
    marks.clear();
  }
}

void Catalog::note(uint64_t seq, Place place) {
  const std::lock_guard lock(mutex_);
  auto& [segment, marks] = entries_.at(place.number - 1);
  if (segment.first_seq == 0 && place.offset == 0) segment.first_seq = seq;
  const auto sectors = static_cast<uint32_t>(place.offset / kSectorBytes);
  const auto after =
      std::upper_bound(marks.begin(), marks.end(), sectors,
                       [](uint32_t at, const Mark& mark) { return at < mark.sectors; });
  const uint32_t before = after == marks.begin() ? 0 : std::prev(after)->sectors;
  if (sectors - before < kApartBytes / kSectorBytes) return;
  marks.insert(after, {static_cast<uint32_t>(seq - segment.first_seq), sectors});
}

Place Catalog::find(uint64_t seq) const {
  const std::lock_guard lock(mutex_);
  // Only the last ones can be without a record.
  const auto behind =
      std::partition_point(entries_.begin(), entries_.end(), [seq](const Entry& entry) {
        return entry.segment.first_seq != 0 && entry.segment.first_seq <= seq;
      });
  if (behind == entries_.begin()) return {};
  const auto& [segment, marks] = *std::prev(behind);
  const auto after = std::partition_point(marks.begin(), marks.end(), [&](const Mark& mark) {
    return segment.first_seq + mark.seqs <= seq;
  });
  if (after == marks.begin()) return {segment.number, 0};
  return {segment.number, std::prev(after)->sectors * uint64_t{kSectorBytes}};
}

}  // namespace watchword::journal
