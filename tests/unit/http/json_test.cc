#include "api/http/json.h"

#include <gtest/gtest.h>

#include "api/http/json_writer.h"

namespace watchword::http {
namespace {

JsonBody body_of(std::string_view text) {
  auto body = JsonBody::parse(text);
  if (!body) throw std::runtime_error(body.error().detail);
  return std::move(*body);
}

using Errors = std::vector<FieldError>;

TEST(Fields, GivesWhatIsThere) {
  auto body = body_of(
      R"({"name":"a","count":5,"on":true,"list":["x","y"],"inner":{"deep":1},"kind":"b","part":0.5})");
  auto root = body.fields();
  EXPECT_EQ(root.text("name"), "a");
  EXPECT_EQ(root.integer("count", 0, 10), 5);
  EXPECT_TRUE(root.boolean("on"));
  EXPECT_EQ(root.texts("list"), (std::vector<std::string>{"x", "y"}));
  auto inner = root.object("inner");
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->integer("deep", 0, 1), 1);
  inner->refuse_unknown();
  EXPECT_EQ(root.choice("kind", {"a", "b"}), "b");
  EXPECT_EQ(root.optional_decimal("part", 0, 1), 0.5);
  EXPECT_TRUE(body.done(root));
}

TEST(Fields, MistakesAreToldWithoutALongerAnswerThanTheQuestion) {
  std::string text = "{\"" + std::string(10'000, 'a') + "\":0";
  for (int i = 0; i < 1'000; ++i) text += ",\"k" + std::to_string(i) + "\":0";
  auto body = body_of(text + "}");
  auto root = body.fields();
  EXPECT_FALSE(body.done(root));
  EXPECT_EQ(body.errors().size(), 50u);
  for (const auto& error : body.errors()) EXPECT_LE(error.pointer.size(), 129u);
}

TEST(Fields, NullMeansAbsent) {
  auto body = body_of(R"({"name":null,"count":null,"on":null,"list":null,"inner":null})");
  auto root = body.fields();
  EXPECT_EQ(root.optional_text("name"), std::nullopt);
  EXPECT_EQ(root.optional_integer("count", 0, 1), std::nullopt);
  EXPECT_EQ(root.optional_boolean("on"), std::nullopt);
  EXPECT_EQ(root.optional_texts("list"), std::nullopt);
  EXPECT_FALSE(root.optional_object("inner"));
  EXPECT_TRUE(body.done(root));
}

TEST(Fields, AnEmptyBodyIsAnEmptyObject) {
  auto body = body_of("");
  auto root = body.fields();
  EXPECT_EQ(root.optional_text("reason"), std::nullopt);
  EXPECT_TRUE(body.done(root));
}

TEST(Fields, AllProblemsAreCollectedWithTheirPlaces) {
  auto body =
      body_of(R"({"name":1,"count":"5","on":0,"list":["x",2,""],"inner":[],"odd/~":1,"kind":"c"})");
  auto root = body.fields();
  root.text("name");
  root.text("missing");
  root.integer("count", 0, 10);
  root.boolean("on");
  root.texts("list");
  EXPECT_FALSE(root.object("inner"));
  root.choice("kind", {"a", "b"});
  EXPECT_FALSE(body.done(root));
  EXPECT_EQ(body.errors(), (Errors{{"/name", "must be a string"},
                                   {"/missing", "is required"},
                                   {"/count", "must be an integer from 0 to 10"},
                                   {"/on", "must be true or false"},
                                   {"/list/1", "must be a string"},
                                   {"/list/2", "must not be empty"},
                                   {"/inner", "must be an object"},
                                   {"/kind", "must be one of a, b"},
                                   {"/odd~1~0", "is not known here"}}));
}

TEST(Fields, LimitsHold) {
  auto body = body_of(
      R"({"long":"aaaa","big":11,"huge":9223372036854775808,"half":1.5,"lines":"a\nb","many":["a","b"]})");
  auto root = body.fields();
  root.text("long", {.max_bytes = 3});
  root.integer("big", 0, 10);
  root.integer("huge", 0, INT64_MAX);
  root.integer("half", 0, 10);
  root.text("lines");
  root.texts("many", {.max_items = 1});
  EXPECT_FALSE(body.done(root));
  EXPECT_EQ(body.errors().size(), 6u);
}

TEST(Fields, SeveralLinesAreAllowedWhereAskedFor) {
  auto body = body_of(R"({"note":"a\nb\tc"})");
  auto root = body.fields();
  EXPECT_EQ(root.text("note", {.multiline = true}), "a\nb\tc");
  EXPECT_TRUE(body.done(root));
}

TEST(Fields, ABodyThatIsNoObjectIsOneProblem) {
  auto body = body_of("[1]");
  auto root = body.fields();
  root.text("name");
  EXPECT_FALSE(body.done(root));
  EXPECT_EQ(body.errors(), (Errors{{"", "must be an object"}}));
}

TEST(JsonBody, WhatIsNoStrictJsonIsRefused) {
  EXPECT_EQ(JsonBody::parse(R"({"a":1,"a":2})").error().reason, "json.duplicate_key");
  EXPECT_EQ(JsonBody::parse(R"({"a":1} x)").error().reason, "json.trailing");
  EXPECT_EQ(JsonBody::parse(std::string(40, '[') + std::string(40, ']')).error().reason,
            "json.too_deep");
  EXPECT_EQ(JsonBody::parse(R"({"a":"aaaaaaaaaa"})", 10).error().code, Errc::too_large);
}

TEST(JsonWriter, PutsCommasAndColonsWhereTheyBelong) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("a", "x").member("b", 5).member("c", true).key("d").begin_array();
  json.number(1).null().begin_object().end_object().text("y").begin_array().end_array().end_array();
  json.key("e")
      .begin_object()
      .member("f", uint64_t{18446744073709551615u})
      .member("g", -1.5)
      .end_object();
  json.member("h", size_t{3}).end_object();
  EXPECT_EQ(
      out,
      R"({"a":"x","b":5,"c":true,"d":[1,null,{},"y",[]],"e":{"f":18446744073709551615,"g":-1.5},"h":3})");
}

TEST(JsonWriter, EscapesWhatMustBeAndRepairsWhatIsNoText) {
  const auto written = [](std::string_view text) {
    std::string out;
    append_json_string(text, out);
    return out;
  };
  EXPECT_EQ(written("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(written({"\b\f\n\r\t\0\x1f\x7f", 8}), R"("\b\f\n\r\t\u0000\u001f\u007f")");
  EXPECT_EQ(written("\xe2\x82\xac \xf0\x9f\x98\x80"), "\"\xe2\x82\xac \xf0\x9f\x98\x80\"");
  EXPECT_EQ(written("a\xff"
                    "b\xc0\xaf"),
            "\"a\xef\xbf\xbd"
            "b\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(written("\xed\xa0\x80").size(), 2u + 9);  // a surrogate
}

TEST(JsonWriter, WritesTimesAndWhatIsNoNumber) {
  std::string out;
  JsonWriter json(out);
  json.begin_array()
      .time(0)
      .time(1'754'653'338'123)
      .number(std::numeric_limits<double>::infinity())
      .number(0.1)
      .end_array();
  EXPECT_EQ(out, R"([null,"2025-08-08T11:42:18.123Z",null,0.1])");
}

}  // namespace
}  // namespace watchword::http
