#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "api/cli/table.h"
#include "api/cli/terminal.h"
#include "api/cli/time_text.h"
#include "events/base/time.h"

namespace watchword::cli {
namespace {

constexpr int64_t kNowMs = 1'795'262'400'000;

TEST(Duration, IsReadInTheUnitsThatPeopleType) {
  EXPECT_EQ(parse_duration_s("90").value(), 90);
  EXPECT_EQ(parse_duration_s("90s").value(), 90);
  EXPECT_EQ(parse_duration_s("15m").value(), 900);
  EXPECT_EQ(parse_duration_s("1h30m").value(), 5'400);
  EXPECT_EQ(parse_duration_s("7d").value(), 604'800);
}

TEST(Duration, IsRefusedWhenItIsNotOne) {
  for (const char* text : {"", "0", "0s", "-5m", "5x", "m", "1h30", "1.5h", "5 m", "99999999999d"})
    EXPECT_FALSE(parse_duration_s(text)) << text;
}

TEST(Time, IsReadInEachOfItsForms) {
  EXPECT_EQ(parse_time_ms("now", kNowMs).value(), kNowMs);
  EXPECT_EQ(parse_time_ms("15m ago", kNowMs).value(), kNowMs - 900'000);
  EXPECT_EQ(parse_time_ms("1795262400", 0).value(), kNowMs);
  EXPECT_EQ(parse_time_ms("2026-11-21T13:00:00+01:00", 0).value(),
            parse_rfc3339("2026-11-21T12:00:00Z").value());
}

TEST(Time, IsRefusedWhenItIsNotOne) {
  for (const char* text :
       {"", "ago", "yesterday", "-1", "m ago", "2026-11-21", "2026-02-30T00:00:00Z"})
    EXPECT_FALSE(parse_time_ms(text, kNowMs)) << text;
}

TEST(Table, MakesEachColumnAsWideAsItsWidestCell) {
  Table table({"ID", "NAME"});
  table.add({"1", "a"});
  table.add({"1000", "é"});
  EXPECT_EQ(table.text(), "ID    NAME\n1     a\n1000  é\n");
}

TEST(Table, TakesValuesFromInsideObjects) {
  constexpr Column columns[] = {
      {"TYPE", "type.name"}, {"SCOPES", "scopes"}, {"RISK", "risk"}, {"GONE", "gone"}};
  const auto items =
      boost::json::parse(R"([{"type":{"name":"x"},"scopes":["a","b"],"risk":0.25}])");
  EXPECT_EQ(table_of(items.as_array(), columns),
            "TYPE  SCOPES  RISK  GONE\nx     a,b     0.25  -\n");
}

TEST(Table, WritesNumbersAsPeopleDo) {
  EXPECT_EQ(cell_of(boost::json::parse("0.0")), "0");
  EXPECT_EQ(cell_of(boost::json::parse("1447.543793")), "1447.5438");
  EXPECT_EQ(cell_of(boost::json::parse("12")), "12");
  EXPECT_EQ(cell_of(boost::json::parse("null")), "-");
  EXPECT_EQ(cell_of(boost::json::parse(R"([{"a":1}])")), R"([{"a":1}])");
}

TEST(Table, ShowsOneObjectAsALineAMember) {
  const auto object = boost::json::parse(R"({"id":"1","type":{"name":"x"},"none":{}})");
  EXPECT_EQ(fields_of(object.as_object()), "id         1\ntype.name  x\nnone       {}\n");
}

TEST(TextFromElsewhere, CannotSteerATerminal) {
  EXPECT_EQ(printable("a\x1b[31mb\r\nc\x7f"), "a [31mb  c ");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "31mb"),
            "a 31mb");  // CSI as one C1 character
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b\xe2\x81\xa6"),
            "a b ");  // right to left, isolate
  EXPECT_EQ(printable("Zürich – 東京"), "Zürich – 東京");
}

TEST(Progress, ShowsRateAndTimeLeftWhenTheEndIsKnown) {
  EXPECT_EQ(
      progress_text({.noun = "events", .count = 12'400, .done = 25, .total = 100, .seconds = 10}),
      "[======                  ] 25 %  12,400 events  1,240/s  ETA 0:30");
  EXPECT_EQ(progress_text({.noun = "events", .count = 10, .seconds = 1}), "10 events  10/s");
}

}  // namespace
}  // namespace watchword::cli
