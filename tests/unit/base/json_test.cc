#include "events/base/json.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <cstdint>
#include <limits>
#include <string>

namespace watchword {
namespace {

std::string refusal(std::string_view text, JsonLimits limits = {}) {
  const auto parsed = parse_json_strict(text, limits);
  if (parsed) return "accepted";
  return std::string(parsed.error().reason) + ": " + parsed.error().detail;
}

std::string nested(size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(Json, ReadsOneValueWithWhiteSpaceAroundIt) {
  const auto parsed = parse_json_strict(" {\"a\":[1,-2,1.5,true,null,\"x\\u00e9\"]} \n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(boost::json::serialize(*parsed), "{\"a\":[1,-2,1.5E0,true,null,\"x\u00e9\"]}");
}

TEST(Json, NamesADuplicateKeyAndTheByteOfItsSecondAppearance) {
  EXPECT_EQ(refusal("{\"x\":1,\"y\":2,\"x\":3}"),
            "json.duplicate_key: duplicate key \"x\" at byte 13");
}

TEST(Json, FindsADuplicateThatIsSpelledWithAnEscape) {
  EXPECT_EQ(refusal("{\"ab\":1,\"a\\u0062\":2}"),
            "json.duplicate_key: duplicate key \"ab\" at byte 8");
  EXPECT_EQ(refusal("{\"\\u0061\":1,\"\\u0061\":2}").substr(0, 18), "json.duplicate_key");
}

TEST(Json, FindsADuplicateAmongManyKeysAndInsideAnArray) {
  std::string text = "[{\"last\":0";
  for (int i = 0; i < 5000; ++i) text += ",\"k" + std::to_string(i) + "\":{\"in\":1}";
  const std::string expected = std::to_string(text.size() + 1);
  text += ",\"last\":1}]";
  EXPECT_EQ(refusal(text), "json.duplicate_key: duplicate key \"last\" at byte " + expected);
}

TEST(Json, AllowsTheSameKeyInDifferentObjects) {
  EXPECT_EQ(refusal("[{\"a\":{\"a\":1}},{\"a\":2}]"), "accepted");
}

TEST(Json, RefusesTextAfterTheValue) {
  EXPECT_EQ(refusal("{} x"), "json.trailing: text after the value at byte 3");
  EXPECT_EQ(refusal("1 2"), "json.trailing: text after the value at byte 2");
  EXPECT_EQ(refusal(std::string_view("{}\0", 3)), "json.trailing: text after the value at byte 2");
}

TEST(Json, RefusesTextThatEndsTooSoon) {
  for (const char* text : {"", "  ", "{", "[1,", "\"abc", "{\"a\"", "tru"})
    EXPECT_EQ(refusal(text).substr(0, 15), "json.incomplete") << text;
}

TEST(Json, RefusesWhatJsonDoesNotAllow) {
  for (const char* text : {"{'a':1}", "[1,]", "{\"a\":1,}", "// x\n1", "NaN", "01", "+1", "1.", ".5",
                           "\"\t\"", "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"", "\xef\xbb\xbf{}"})
    EXPECT_NE(refusal(text), "accepted") << text;
}

TEST(Json, RefusesInvalidUtf8AndSaysWhere) {
  EXPECT_EQ(refusal("{\"a\":\"b\xff\"}"), "json.utf8: invalid UTF-8 at byte 7");
  for (const char* text : {"\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
                           "\"\\n\xff\""})
    EXPECT_NE(refusal(text), "accepted");
  EXPECT_EQ(refusal("\"\xf0\x9f\x94\x91\""), "accepted");
}

TEST(Json, RefusesANulCharacterUnlessAllowed) {
  EXPECT_EQ(refusal("{\"a\":\"x\\u0000\"}").substr(0, 8), "json.nul");
  EXPECT_EQ(refusal("{\"a\\u0000\":1}").substr(0, 8), "json.nul");
  EXPECT_NE(refusal(std::string_view("\"\0\"", 3)), "accepted");
  EXPECT_EQ(refusal("\"\\u0000\"", {.allow_nul = true}), "accepted");
}

TEST(Json, AllowsThirtyTwoLevelsAndNoMore) {
  EXPECT_EQ(refusal(nested(32)), "accepted");
  EXPECT_EQ(refusal(nested(33)), "json.too_deep: more than 32 levels at byte 32");
  EXPECT_EQ(refusal(nested(100000)).substr(0, 13), "json.too_deep");
}

TEST(Json, RefusesMoreBytesThanTheLimit) {
  const auto parsed = parse_json_strict("[1,2]", {.max_bytes = 4});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Errc::too_large);
}

TEST(Json, KeepsWholeNumbersExactAndRefusesThoseThatDoNotFit) {
  EXPECT_EQ(parse_json_strict("9223372036854775807").value().as_int64(),
            std::numeric_limits<int64_t>::max());
  EXPECT_EQ(parse_json_strict("-9223372036854775808").value().as_int64(),
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(parse_json_strict("9223372036854775808").value().as_uint64(), uint64_t{1} << 63);
  EXPECT_EQ(refusal("[18446744073709551616]"),
            "json.number: number out of range \"18446744073709551616\" at byte 1");
  EXPECT_EQ(refusal("-9223372036854775809").substr(0, 11), "json.number");
  EXPECT_EQ(refusal("{\"a\":1e999}").substr(0, 11), "json.number");
  EXPECT_EQ(refusal("1e99999999999").substr(0, 11), "json.number");
}

TEST(Json, ShowsOnlyAShortPrintableFormOfAStrangersKey) {
  const std::string key(500, 'k');
  EXPECT_LT(refusal("{\"" + key + "\":1,\"" + key + "\":2}").size(), 150u);
  EXPECT_EQ(refusal("{\"\\n\":1,\"\\n\":2}").find('\n'), std::string::npos);
}

}  // namespace
}  // namespace watchword
