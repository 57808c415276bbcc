// Every target over the inputs that are kept of it: seeds, and whatever once broke it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

namespace fs = std::filesystem;

const fs::path kHere = fs::path(WATCHWORD_SOURCE) / "tests/fuzz";

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  if (fs::exists(folder))
    for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// The empty input, each file, and each file cut short at a few places.
void run_all(const Target& target, const std::vector<fs::path>& files) {
  target.run({});
  for (const auto& file : files) {
    const std::string input = content_of(file);
    for (const size_t part : {1, 2, 3, 4}) {
      try {
        target.run(std::string_view(input).substr(0, input.size() * part / 4));
      } catch (const std::exception& broken) {
        ADD_FAILURE() << file.string() << ", its first " << input.size() * part / 4
                      << " bytes: " << broken.what();
      }
    }
  }
}

class KeptInputs : public testing::TestWithParam<Target> {};

TEST_P(KeptInputs, StillHoldWhatIsRequiredOfThem) {
  const std::string name(GetParam().name);
  auto files = files_of(kHere / "corpus" / name);
  EXPECT_FALSE(files.empty()) << "a target without seeds: tests/fuzz/corpus/" << name;
  for (auto& found : files_of(kHere / "found" / name)) files.push_back(std::move(found));
  run_all(GetParam(), files);
}

INSTANTIATE_TEST_SUITE_P(Fuzz, KeptInputs, testing::ValuesIn(targets()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(KeptFolders, BelongToATarget) {
  for (const char* kind : {"corpus", "found"})
    for (const auto& folder : files_of(kHere / kind)) {
      const auto& all = targets();
      EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const Target& target) {
        return target.name == folder.filename().string();
      })) << folder.string();
    }
}

}  // namespace
}  // namespace watchword::fuzz
