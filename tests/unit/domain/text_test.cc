#include "events/domain/text.h"

#include <gtest/gtest.h>

namespace watchword::domain {
namespace {

TEST(PrintableText, IsCountedInCharacters) {
  EXPECT_EQ(printable_length(""), 0u);
  EXPECT_EQ(printable_length("a b~"), 4u);
  EXPECT_EQ(printable_length("ü€😀"), 3u);
  EXPECT_EQ(printable_length("\xef\xbf\xbd"), 1u);      // U+FFFD
  EXPECT_EQ(printable_length("\xf3\xa0\x80\x80"), std::nullopt);  // U+E0000, invisible
}

TEST(PrintableText, IsWellFormedUtf8) {
  for (const std::string_view broken :
       {"\x80", "\xbf", "\xc3", "a\xc3", "\xc3(", "\xe2\x82", "\xe2(\xa1", "\xf0\x9f\x98", "\xfe",
        "\xff", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_EQ(printable_length(broken), std::nullopt);
  }
}

TEST(PrintableText, HasNoOverlongSurrogateOrOutsideCharacters) {
  for (const std::string_view broken :
       {"\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbd",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_EQ(printable_length(broken), std::nullopt);
  }
  EXPECT_EQ(printable_length("\xe0\xa0\x80"), 1u);      // U+0800, the least of three bytes
  EXPECT_EQ(printable_length("\xf0\x90\x80\x80"), 1u);  // U+10000, the least of four
  EXPECT_EQ(printable_length("\xed\x9f\xbf"), 1u);      // U+D7FF
  EXPECT_EQ(printable_length("\xf4\x8f\xbf\xbd"), 1u);  // U+10FFFD
}

TEST(PrintableText, HidesNothing) {
  for (const std::string_view hidden :
       {"\x01", "\x1f", "\x7f", "\u0080", "\u009f", "\u00ad", "\u200b", "\u200f", "\u2028", "\u202e",
        "\u2060", "\u2066", "\ufeff", "\uffff", "\u034f", "\u115f", "\u180b", "\u2800", "\u3164",
        "\uffa0", "\U0001d173"}) {
    EXPECT_EQ(printable_length(hidden), std::nullopt);
    EXPECT_EQ(printable_length(hidden, Lines::many), std::nullopt);
  }
  EXPECT_EQ(printable_length(std::string_view("a\0b", 3)), std::nullopt);
}

TEST(PrintableText, HasLinesOnlyWhereTheyAreFine) {
  EXPECT_EQ(printable_length("a\n\tb"), std::nullopt);
  EXPECT_EQ(printable_length("a\n\tb", Lines::many), 4u);
  EXPECT_EQ(printable_length("a\rb", Lines::many), std::nullopt);
}

TEST(Name, IsOneTo128CharactersWithoutSpaceAtItsEnds) {
  EXPECT_TRUE(is_name("a"));
  EXPECT_TRUE(is_name("two words"));
  EXPECT_TRUE(is_name(std::string(128, 'x')));
  for (const std::string& text : {std::string(), std::string(129, 'x'), std::string(" a"),
                                  std::string("a "), std::string("a\nb")}) {
    EXPECT_FALSE(is_name(text)) << text;
  }
}

TEST(Name, HasNoCharacterThatLooksLikeASpaceOrLikeNothing) {
  for (const std::string text :
       {"a\u00a0b", "a\u2003b", "a\u3000", "\u202fa", "a\ufe0f", "a\u200b", "a\u3164"}) {
    EXPECT_FALSE(is_name(text)) << text;
  }
  EXPECT_EQ(printable_length("\u2764\ufe0f, he said"), 11u);  // prose may
}

}  // namespace
}  // namespace watchword::domain
