// What is too long to read in one go.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/tidy/source.h"

namespace watchword::tidy {
namespace {

size_t most_lines(const File& file) {
  if (file.has_suffix(".cc")) return 600;
  if (file.has_suffix(".h")) return 300;
  if (file.path == "stores/journal/README.md") return 120;  // it is the frame format's document too
  if (file.name() == "README.md" && !file.folder().empty()) return 60;
  return SIZE_MAX;
}

std::vector<Function> all_functions() {
  std::vector<Function> all;
  for (const auto& file : tree()) {
    if (!file.is_code() || file.path.starts_with("tests/")) continue;
    for (auto& function : functions_of(file.text)) all.push_back(std::move(function));
  }
  return all;
}

TEST(Lengths, NoFunctionIsOver70Lines) {
  for (const auto& file : tree()) {
    if (!file.is_code()) continue;
    for (const auto& function : functions_of(file.text))
      EXPECT_LE(function.lines, 70u) << file.path << ":" << function.line << " " << function.head;
  }
}

TEST(Lengths, TheMedianFunctionIsBelow10Lines) {
  auto all = all_functions();
  ASSERT_GT(all.size(), 10u) << "the scanner found next to nothing";
  const auto middle = all.begin() + static_cast<ptrdiff_t>(all.size() / 2);
  std::nth_element(all.begin(), middle, all.end(), [](const auto& a, const auto& b) { return a.lines < b.lines; });
  EXPECT_LT(middle->lines, 10u);
}

TEST(Lengths, NoFileIsOverItsLimit) {
  for (const auto& file : tree())
    EXPECT_LE(lines_of(file.text).size(), most_lines(file)) << file.path;
}

}  // namespace
}  // namespace watchword::tidy
