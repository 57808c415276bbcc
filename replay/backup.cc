#include "replay/backup.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "events/base/json.h"
#include "replay/copy.h"
#include "replay/folder.h"

namespace watchword::replay {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view kLabel = "/backup.json";

Result<> make_empty(const std::string& directory) {
  std::error_code error;
  if (fs::exists(directory, error) && !fs::is_empty(directory, error))
    return Error{Errc::conflict, "backup.not_empty", directory + " is there and not empty"};
  return make_folder(directory);
}

// Segments stand in journal/<number>/.
std::string segments_of(const std::string& directory, uint32_t number) {
  return part_directory(directory, number) + "/journal/" + std::to_string(number);
}

// What the journal can read now may still be in the page cache only; it is synced first, then copied up to that end.
Result<> copy_journal(const std::string& directory, const std::string& target, uint32_t number,
                      Copied& out) {
  const auto journal = open_journal(directory, number);
  if (!journal) return journal.error();
  const std::string to = segments_of(target, number);
  if (auto made = make_folder(to); !made) return made;
  uint64_t left = (*journal)->size_bytes();
  for (const auto& path : files_in(segments_of(directory, number), ".segment")) {
    if (left == 0) break;
    if (auto synced = sync_file(path); !synced) return synced;
    const auto copied = copy_front(path, to + "/" + fs::path(path).filename().string(), left);
    if (!copied) return copied.error();
    left -= *copied;
    out.bytes += *copied;
  }
  out.positions.push_back({number, (*journal)->tail().seq});
  return sync_folder(to);
}

Result<> copy_rows(const std::string& directory, const std::string& target, uint32_t number,
                   Copied& out) {
  const std::string from = part_directory(directory, number) + "/rows";
  if (!fs::exists(from)) return {};
  const auto copied = copy_folder(from, part_directory(target, number) + "/rows");
  if (!copied) return copied.error();
  out.bytes += *copied;
  return {};
}

Result<> write_label(const std::string& directory, const Copied& copied) {
  json::array positions;
  for (const auto& position : copied.positions)
    positions.push_back(json::object{{"part", part_name(position.partition)},
                                     {"partition", position.partition},
                                     {"seq", position.seq}});
  const json::object label{{"watchword_backup", 1},
                           {"positions", std::move(positions)},
                           {"bytes", copied.bytes},
                           {"was_running", copied.was_running},
                           {"with_rows", copied.with_rows}};
  return write_file(directory + std::string(kLabel), json::serialize(label) + "\n");
}

Result<Copied> read_label(const std::string& directory) {
  const Error incomplete{Errc::not_found, "backup.incomplete",
                         directory + " is not a finished backup: there is no sound backup.json"};
  std::ifstream file(directory + std::string(kLabel), std::ios::binary);
  if (!file) return incomplete;
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto value = parse_json_strict(text);
  if (!value) return incomplete;
  Copied copied;
  try {
    copied.bytes = value->at("bytes").to_number<uint64_t>();
    copied.was_running = value->at("was_running").as_bool();
    copied.with_rows = value->at("with_rows").as_bool();
    for (const auto& position : value->at("positions").as_array())
      copied.positions.push_back({position.at("partition").to_number<uint32_t>(),
                                  position.at("seq").to_number<uint64_t>()});
  } catch (const std::exception&) {
    return incomplete;
  }
  return copied;
}

}  // namespace

Result<Copied> backup(const std::string& directory, const std::string& target) {
  const auto partitions = partitions_of(directory);
  if (!partitions) return partitions.error();
  auto lock = FolderLock::try_take(directory);
  if (!lock) return lock.error();
  if (auto made = make_empty(target); !made) return made.error();
  Copied out;
  out.was_running = !lock->held();
  out.with_rows = lock->held();
  std::vector<uint32_t> numbers{kControl};
  for (uint32_t number = 0; number < *partitions; ++number) numbers.push_back(number);
  // Rows before journals: they are never ahead. Keys after journals: a frame's keys are older than the frame.
  if (out.with_rows)
    for (const uint32_t number : numbers)
      if (auto copied = copy_rows(directory, target, number, out); !copied) return copied.error();
  for (const uint32_t number : numbers)
    if (auto copied = copy_journal(directory, target, number, out); !copied) return copied.error();
  if (fs::exists(directory + "/keys")) {
    const auto copied = copy_folder(directory + "/keys", target + "/keys");
    if (!copied) return copied.error();
    out.bytes += *copied;
  }
  if (auto written = write_label(target, out); !written) return written.error();
  return out;
}

Result<Copied> restore(const std::string& source, const std::string& directory) {
  auto label = read_label(source);
  if (!label) return label.error();
  if (auto made = make_empty(directory); !made) return made.error();
  for (const auto& entry : fs::directory_iterator(source)) {
    if (!entry.is_directory()) continue;
    const auto copied = copy_folder(entry.path(), directory + "/" + entry.path().filename().string());
    if (!copied) return copied.error();
  }
  if (auto synced = sync_folder(directory); !synced) return synced.error();
  return label;
}

}  // namespace watchword::replay
