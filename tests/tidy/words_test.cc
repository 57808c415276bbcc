// Words that say that something is unfinished, left out or tied to one machine.
#include <gtest/gtest.h>

#include <cctype>

#include "tests/tidy/source.h"

namespace watchword::tidy {
namespace {

// Each is written in two halves, so that this file does not hold it.
struct Word {
  std::string text;
  std::string why;
  bool whole = true;           // not within a longer word
  std::string_view below = ""; // only in this folder
};
const std::vector<Word> kForbidden{
    {"TO" "DO", "finish it or file it"},
    {"FIX" "ME", "finish it or file it"},
    {"X" "XX", "finish it or file it"},
    {"not " "implemented", "no stubs"},
    {"GTEST_" "SKIP", "a test passes or fails", false},
    {"DIS" "ABLED_", "a test passes or fails", false, "tests/"},
    {"sleep_" "for", "time does not decide a test", false, "tests/"},
    {"sleep_" "until", "time does not decide a test", false, "tests/"},
    {"us" "leep(", "time does not decide a test", false, "tests/"},
    {"/ho" "me/", "a path of one machine", false},
    {"/ro" "ot/", "a path of one machine", false},
    {"/wo" "rk/", "a path of one machine", false},
    {"/Us" "ers/", "a path of one machine", false},
    {"\"reso" "lved\": \"http", "a lock file names no registry", false},
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// A sleep may slow a client down; it may not decide. `// paces` on the line says that it does the former.
bool is_excused(std::string_view line, const Word& word) {
  return word.why == "time does not decide a test" && line.find("// paces") != std::string_view::npos;
}

bool holds(std::string_view line, const Word& word) {
  if (is_excused(line, word)) return false;
  for (auto at = line.find(word.text); at != std::string_view::npos; at = line.find(word.text, at + 1)) {
    const auto end = at + word.text.size();
    if (!word.whole) return true;
    if ((at == 0 || !is_word(line[at - 1])) && (end == line.size() || !is_word(line[end]))) return true;
  }
  return false;
}

bool is_text(const File& file) { return file.text.find('\0') == std::string::npos; }

TEST(Words, AWholeWordIsNotFoundWithinALongerOne) {
  const Word word{"TO" "DO", ""};
  EXPECT_TRUE(holds("// TO" "DO: later", word));
  EXPECT_TRUE(holds("TO" "DO", word));
  EXPECT_FALSE(holds("TO" "DOS and KTO" "DO", word));
  EXPECT_TRUE(holds("KTO" "DO TO" "DO", word));
  EXPECT_TRUE(holds("TEST(A, DIS" "ABLED_B)", {"DIS" "ABLED_", "", false}));
}

TEST(Words, ASleepIsExcusedWhereItOnlyPaces) {
  const Word word{"sleep_" "for", "time does not decide a test", false};
  EXPECT_TRUE(holds("std::this_thread::sleep_" "for(ten_ms);", word));
  EXPECT_FALSE(holds("std::this_thread::sleep_" "for(ten_ms);  // paces the slow client", word));
  EXPECT_TRUE(holds("TO" "DO // paces", {"TO" "DO", "finish it or file it"}));
}

TEST(Words, NoneIsInTheTree) {
  for (const auto& file : tree()) {
    if (!is_text(file)) continue;
    size_t number = 0;
    for (auto line : lines_of(file.text)) {
      ++number;
      for (const auto& word : kForbidden)
        EXPECT_FALSE(file.path.starts_with(word.below) && holds(line, word))
            << file.path << ":" << number << " has '" << word.text << "': " << word.why;
    }
  }
}

}  // namespace
}  // namespace watchword::tidy
