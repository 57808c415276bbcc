// Real CloudTrail and sshd records through `watchword import` into a real node: expected rows and
// alerts out. The records stand outside of the project: WATCHWORD_DATA, by default ../shared/data.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "tests/support/node.h"

namespace watchword::testing {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::string_view kMarkedSecret = "EXAMPLE-SESSION-TOKEN";  // as the data's editors left it

std::string data_folder() {
  const char* given = std::getenv("WATCHWORD_DATA");
  const std::string folder = given != nullptr ? given : WATCHWORD_SOURCE "/../shared/data";
  return fs::exists(folder) ? folder : "";
}

class RealRecords : public ::testing::Test {
 protected:
  void SetUp() override {
    data_ = data_folder();
    if (data_.empty()) {
      std::puts("skipped: there are no real records here (WATCHWORD_DATA)");
      return;
    }
    ASSERT_TRUE(node_.start()) << node_.errors();
  }

  Finished import(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"import", "--json", "--quiet", "--rejects", node_.base() + "/rejected",
                                         "--url", node_.api_url(), "--token-file", node_.token_file()});
    return run_watchword(arguments);
  }

  // The summary that `--json` prints.
  static json::object summary(const Finished& finished) {
    json::error_code failed;
    auto value = json::parse(finished.out, failed);
    return !failed && value.is_object() ? value.as_object() : json::object{};
  }
  static int64_t number(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : -1;
  }

  std::vector<json::object> alerts() {
    std::vector<json::object> out;
    std::string cursor;
    do {
      const auto page = node_.admin().get("/api/v1/monitoring/alerts?limit=1000" +
                                          (cursor.empty() ? "" : "&cursor=" + cursor));
      EXPECT_EQ(page.status, 200) << page.reply.body;
      for (const auto& item : page.at("/items").as_array()) out.push_back(item.as_object());
      cursor = page.text("/next_cursor");
    } while (!cursor.empty());
    return out;
  }

  // Whether an alert's principal is this user, whose name the journal holds only sealed.
  bool about(const json::object& alert, std::string_view subject) {
    const std::string id(alert.at("identity_id").as_string());
    return node_.admin().get("/api/v1/identities/" + id).reply.body.find("\"" + std::string(subject) + "@") !=
           std::string::npos;
  }

  std::string streams() {
    std::string out;
    for (const char* topic : {"identity", "token", "session", "alert", "dead-letter"})
      out += node_.admin().get(std::string("/api/v1/streams/") + topic + "?from=start&follow=false").reply.body;
    return out;
  }

  void expect_in_no_file(std::string_view text) {
    for (const auto& entry : fs::recursive_directory_iterator(node_.base()))
      EXPECT_TRUE(!entry.is_regular_file() ||
                  read_whole_file(entry.path()).find(text) == std::string::npos)
          << entry.path();
  }
  void expect_nowhere(std::string_view text) {
    expect_in_no_file(text);
    EXPECT_EQ(node_.errors().find(text), std::string::npos);
    EXPECT_EQ(streams().find(text), std::string::npos);
  }

  void expect_no_response() {
    EXPECT_EQ(node_.admin().get("/api/v1/identities?status=suspended").count("/items"), 0u);
    for (const auto& alert : alerts()) EXPECT_TRUE(alert.at("responses").as_array().empty());
  }

  std::string data_;
  Node node_;
};

TEST_F(RealRecords, ATrailIsTakenWholeOnceAndLeavesNoSecret) {
  if (data_.empty()) return;
  const std::string trail = data_ + "/cloudtrail/invictus.jsonl.gz";
  const auto first = import({"--format", "cloudtrail", trail});
  ASSERT_EQ(first.exit_code, 0) << first.errors << first.out;
  const auto taken = summary(first);
  EXPECT_EQ(number(taken, "accepted"), 2672) << first.out;
  EXPECT_EQ(number(taken, "duplicates"), 0);
  const auto before = alerts();
  EXPECT_FALSE(before.empty());
  const auto second = import({"--format", "cloudtrail", trail});
  ASSERT_EQ(second.exit_code, 0) << second.errors;
  EXPECT_EQ(number(summary(second), "accepted"), 0) << second.out;
  EXPECT_EQ(number(summary(second), "duplicates"), 2672);
  EXPECT_EQ(alerts(), before);
  expect_no_response();
  expect_nowhere(kMarkedSecret);
  EXPECT_EQ(node_.stop(), 0);
  expect_in_no_file(kMarkedSecret);  // the last checkpoint too
  const auto verified = node_.verify();
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.errors;
}

TEST_F(RealRecords, TheTechniquesOfTheLabAreReadWithoutLoss) {
  if (data_.empty()) return;
  std::vector<std::string> arguments{"--format", "cloudtrail"};
  for (const auto& entry : fs::directory_iterator(data_ + "/cloudtrail/stratus"))
    if (entry.path().extension() == ".jsonl") arguments.push_back(entry.path());
  ASSERT_GT(arguments.size(), 2u);
  const auto imported = import(arguments);
  ASSERT_EQ(imported.exit_code, 0) << imported.errors << imported.out;
  EXPECT_EQ(number(summary(imported), "accepted") + number(summary(imported), "duplicates"), 210) << imported.out;
  expect_no_response();
}

TEST_F(RealRecords, TheAttackOnSshdRaisesAnAlertForTheUserWhoWasTriedAndHistorySuspendsNobody) {
  if (data_.empty()) return;
  const std::vector<std::string> command{"--format", "sshd", "--year", "2017", data_ + "/sshd/auth.log"};
  const auto first = import(command);
  ASSERT_EQ(first.exit_code, 0) << first.errors << first.out;
  EXPECT_EQ(number(summary(first), "accepted"), 592) << first.out;
  EXPECT_EQ(number(summary(first), "unreadable"), 0) << first.out;
  const auto before = alerts();
  EXPECT_TRUE(std::any_of(before.begin(), before.end(), [&](const auto& alert) {
    const std::string at(alert.at("first_at").as_string());
    return at >= "2017-03-30T15:54" && at < "2017-03-30T16:01:36" &&
           number(alert, "event_count") > 1 && about(alert, "elastic_user_0");
  }));
  const auto second = import(command);
  EXPECT_EQ(number(summary(second), "accepted"), 0) << second.out;
  EXPECT_EQ(number(summary(second), "duplicates"), number(summary(first), "accepted"));
  EXPECT_EQ(alerts(), before);
  expect_no_response();
  EXPECT_EQ(node_.stop(), 0);
  expect_in_no_file("elastic_user_0");
  const auto verified = node_.verify();
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.errors;
}

}  // namespace
}  // namespace watchword::testing
