#include "replay/folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

#include "stores/journal/frame.h"
#include "stores/journal/segment.h"

namespace watchword::replay {
namespace {

// Ends a read early; never leaves this file.
constexpr std::string_view kEnough = "replay.enough";

}  // namespace

std::string part_name(uint32_t number) {
  return number == kControl ? "control" : "p" + std::to_string(number);
}

std::string part_directory(const std::string& directory, uint32_t number) {
  return directory + "/" + part_name(number);
}

Result<std::unique_ptr<journal::Journal>> open_journal(const std::string& directory,
                                                       uint32_t number) {
  return journal::open_segments_read_only(part_directory(directory, number) + "/journal", number);
}

Result<uint32_t> partitions_of(const std::string& directory) {
  if (!std::filesystem::is_directory(directory))
    return Error{Errc::not_found, "replay.no_folder", directory + " is not a folder"};
  auto journal = open_journal(directory, kControl);
  if (!journal) return journal.error();
  uint32_t partitions = 0;
  const auto read = read_while(**journal, 1, [&](const journal::Stored& stored) -> Result<bool> {
    const auto view = journal::FrameView::open(stored.bytes);
    if (!view) return view.error();
    const auto each = view->each(
        [&](uint32_t, const v1::Event& event) -> Result<> {
          if (event.control().has_initialised())
            partitions = event.control().initialised().partitions();
          return {};
        },
        [](uint32_t, const journal::Judged&) -> Result<> { return {}; });
    if (!each) return each.error();
    return partitions == 0;
  });
  if (!read) return read.error();
  if (partitions == 0)
    return Error{Errc::corrupt, "replay.not_initialised",
                 directory + "/control: no frame says how many partitions there are"};
  return partitions;
}

std::vector<uint32_t> part_folders(const std::string& directory) {
  std::vector<uint32_t> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    uint32_t number = 0;
    if (name.size() < 2 || name[0] != 'p') continue;
    const auto [end, failed] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (failed == std::errc() && end == name.data() + name.size()) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<> read_while(const journal::Journal& journal, uint64_t from,
                    const std::function<Result<bool>(const journal::Stored&)>& visit) {
  auto read = journal.read(from, [&](const journal::Stored& stored) -> Result<> {
    const auto more = visit(stored);
    if (!more) return more.error();
    if (!*more) return Error{Errc::internal, kEnough, ""};
    return {};
  });
  if (!read && read.error().reason == kEnough) return {};
  return read;
}

Result<> read_range(const journal::Journal& journal, uint64_t from, uint64_t to,
                    const journal::Visit& visit) {
  if (from > to) return {};
  return read_while(journal, from, [&](const journal::Stored& stored) -> Result<bool> {
    if (auto visited = visit(stored); !visited) return visited.error();
    return stored.seq < to;
  });
}

Result<FolderLock> FolderLock::try_take(const std::string& directory) {
  const std::string path = directory + "/lock";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return FolderLock(-1, true);  // a folder that no node ever held
  if (file < 0) return Error{Errc::io, "replay.lock", path + ": " + std::strerror(errno)};
  return FolderLock(file, ::flock(file, LOCK_EX | LOCK_NB) == 0);
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : file_(std::exchange(other.file_, -1)), held_(other.held_) {}
FolderLock::~FolderLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace watchword::replay
