#include "api/http/form.h"

#include <gtest/gtest.h>

namespace watchword::http {
namespace {

std::string reason_of(std::string_view text) {
  Form form;
  const auto read = form.read(text);
  return read ? "" : std::string(read.error().reason);
}

TEST(Form, PairsAreDecoded) {
  Form form;
  ASSERT_TRUE(form.read("token=abc&hint=access+token&note=%e2%82%ac%2B&empty=&bare"));
  EXPECT_EQ(form.get("token"), "abc");
  EXPECT_EQ(form.get("hint"), "access token");
  EXPECT_EQ(form.get("note"), "\xe2\x82\xac+");
  EXPECT_EQ(form.find("empty"), "");
  EXPECT_EQ(form.find("bare"), "");
  EXPECT_EQ(form.find("other"), std::nullopt);
}

TEST(Form, ReadingAgainForgetsWhatWasThere) {
  Form form;
  ASSERT_TRUE(form.read("a=1&b=%41"));
  ASSERT_TRUE(form.read("c=%42"));
  EXPECT_EQ(form.find("a"), std::nullopt);
  EXPECT_EQ(form.get("c"), "B");
  ASSERT_TRUE(form.read(""));
  EXPECT_TRUE(form.fields().empty());
}

TEST(Form, WhatCannotBeReadInOneWayIsRefused) {
  EXPECT_EQ(reason_of("a=%4"), "http.form.malformed");
  EXPECT_EQ(reason_of("a=%zz"), "http.form.malformed");
  EXPECT_EQ(reason_of("a=%00"), "http.form.malformed");
  EXPECT_EQ(reason_of("a=%0a"), "http.form.malformed");
  EXPECT_EQ(reason_of("a=%ff"), "http.form.malformed");
  EXPECT_EQ(reason_of("a=%c0%af"), "http.form.malformed");
  EXPECT_EQ(reason_of("=1"), "http.form.malformed");
  EXPECT_EQ(reason_of("a=1&&b=2"), "http.form.malformed");
  EXPECT_EQ(reason_of("a=1&a=1"), "http.form.repeated");
  EXPECT_EQ(reason_of("a=1&%61=2"), "http.form.repeated");
  std::string many;
  for (int i = 0; i < 65; ++i) many += "&p" + std::to_string(i) + "=1";
  EXPECT_EQ(reason_of(many.substr(1)), "http.form.too_many");
}

TEST(Form, UnknownFieldsAreNamed) {
  Form form;
  ASSERT_TRUE(form.read("limit=1&curser=2"));
  constexpr std::string_view kAllowed[] = {"limit", "cursor"};
  const auto only = form.only(kAllowed);
  EXPECT_EQ(only.error().reason, "http.form.unknown_field");
  EXPECT_EQ(only.error().detail, "curser");
}

}  // namespace
}  // namespace watchword::http
