#include "tests/crash/tear.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "stores/journal/record.h"
#include "tests/support/node.h"

namespace watchword::testing {
namespace {

using journal::kSectorBytes;

struct Placed {
  std::string file;
  size_t offset = 0;
  journal::RecordHeader header;
};

std::vector<Placed> records_in(const std::string& path) {
  std::vector<Placed> found;
  const std::string bytes = read_whole_file(path);
  for (size_t at = 0; at + kSectorBytes <= bytes.size();) {
    journal::RecordHeader header;
    if (journal::read_header(bytes.data() + at, header) != journal::HeaderState::good) break;
    found.push_back({path, at, header});
    at += journal::record_bytes(header.length);
  }
  return found;
}

std::vector<Placed> all_records(const std::string& directory) {
  std::vector<std::string> files;
  for (const auto& file : std::filesystem::directory_iterator(directory))
    if (file.path().extension() == ".segment") files.push_back(file.path());
  std::sort(files.begin(), files.end());
  std::vector<Placed> all;
  for (const auto& file : files) {
    const auto found = records_in(file);
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

void zero_sector(const std::string& path, size_t offset) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(std::string(kSectorBytes, '\0').data(), kSectorBytes);
}

}  // namespace

size_t tear_last_batch(const std::string& directory, std::mt19937_64& random) {
  const auto all = all_records(directory);
  if (all.empty()) return 0;
  std::vector<std::pair<std::string, size_t>> sectors;
  for (const auto& record : all) {
    if (record.header.seq <= all.back().header.synced) continue;
    for (size_t at = 0; at < journal::record_bytes(record.header.length); at += kSectorBytes)
      sectors.emplace_back(record.file, record.offset + at);
  }
  if (sectors.size() < 2) return 0;
  std::shuffle(sectors.begin(), sectors.end(), random);
  sectors.resize(1 + random() % (sectors.size() - 1));
  for (const auto& [file, offset] : sectors) zero_sector(file, offset);
  return sectors.size();
}

}  // namespace watchword::testing
