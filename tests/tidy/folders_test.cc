// README.md's map of folders is the tree; a folder with code says in its own README what lives there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/tidy/source.h"

namespace watchword::tidy {
namespace {

using testing::ElementsAre;

// Folders of the first two levels that hold a file, as "events/" and "events/base/".
std::set<std::string> real_folders() {
  std::set<std::string> found;
  for (const auto& file : tree()) {
    if (file.path.starts_with(".")) continue;
    const auto first = file.path.find('/');
    if (first == std::string::npos) continue;
    found.insert(file.path.substr(0, first + 1));
    const auto second = file.path.find('/', first + 1);
    if (second != std::string::npos) found.insert(file.path.substr(0, second + 1));
  }
  return found;
}

// First cells of table rows that are a folder in backquotes: "| `events/base/` | ... |".
std::set<std::string> mapped_folders(std::string_view readme) {
  std::set<std::string> found;
  for (auto line : lines_of(readme)) {
    line = trim(line);
    if (!line.starts_with("|")) continue;
    const auto cell = trim(line.substr(1, line.find('|', 1) - 1));
    if (cell.size() > 3 && cell.starts_with("`") && cell.ends_with("/`"))
      found.insert(std::string(cell.substr(1, cell.size() - 2)));
  }
  return found;
}

TEST(Folders, TheMapIsReadFromTheFirstColumn) {
  EXPECT_THAT(mapped_folders("| folder | what |\n|---|---|\n| `a/` | x |\n|`a/b/`| `c/` |\n| `d` | e |\n`f/`\n"),
              ElementsAre("a/", "a/b/"));
}

TEST(Folders, ReadmesMapNamesEveryFolderOfTheFirstTwoLevelsAndNoOther) {
  const auto* readme = find_file("README.md");
  ASSERT_NE(readme, nullptr) << "README.md is missing";
  const auto mapped = mapped_folders(readme->text);
  ASSERT_FALSE(mapped.empty()) << "README.md has no table with rows like | `events/base/` | what lives there |";
  for (const auto& folder : real_folders()) EXPECT_TRUE(mapped.contains(folder)) << folder << " is not in the map";
  for (const auto& folder : mapped) EXPECT_TRUE(real_folders().contains(folder)) << folder << " is in the map only";
}

TEST(Folders, TheTopLevelIsTheFixedOne) {
  const std::set<std::string> fixed{"CMakeLists.txt", "LICENSE", "README.md", "api", "deploy",  "events",
                                    "processors",     "replay",  "schemas",   "stores", "tests"};
  for (const auto& file : tree()) {
    const auto top = file.path.substr(0, file.path.find('/'));
    EXPECT_TRUE(top.starts_with(".") || fixed.contains(top)) << file.path;
  }
}

TEST(Folders, EveryFolderWithCodeHasAReadme) {
  std::set<std::string> folders{"tests", "deploy"};  // one for all tests
  for (const auto& file : tree())
    if ((file.is_code() || file.has_suffix(".proto")) && !file.path.starts_with("tests/"))
      folders.insert(file.folder());
  for (const auto& folder : folders) EXPECT_NE(find_file(folder + "/README.md"), nullptr) << folder;
}

}  // namespace
}  // namespace watchword::tidy
