#include <map>
#include <set>

#include "tests/unit/import/support.h"

namespace watchword::import {
namespace {

Options in_2021() { return {.year = 2021}; }

Output read_sshd(const std::vector<std::string>& lines, const Options& options = in_2021()) {
  return parse_lines(sshd_parser(options), lines);
}

TEST(Sshd, AnAcceptedLoginNamesUserKeyAddressAndSession) {
  const Output out = read_sshd(
      {"Mar  7 09:08:07 web1 sshd[77]: Accepted publickey for eve from 203.0.113.9 port 5122 ssh2: "
       "ED25519 SHA256:abcDEF"});
  ASSERT_EQ(out.seen.size(), 1u);
  const auto& seen = out.seen[0];
  EXPECT_EQ(text_at(seen, "subject"), "eve@web1");
  EXPECT_EQ(text_at(seen, "source"), "sshd:web1");
  EXPECT_EQ(text_at(seen, "time"), "2021-03-07T09:08:07.000Z");
  EXPECT_EQ(text_at(seen, "outcome"), "success");
  EXPECT_EQ(text_at(seen, "action"), "auth.login");
  EXPECT_EQ(text_at(seen, "source_ip"), "203.0.113.9");
  EXPECT_EQ(text_at(seen, "token_id"), "SHA256:abcDEF");
  EXPECT_EQ(text_at(seen, "session_id"), "web1/77/2021-03-07T09:08:07.000Z");
  EXPECT_EQ(attribute(seen, "method"), "publickey");
}

TEST(Sshd, OneAttemptIsOneObservationWhateverElseItLogs) {
  const Output out = read_sshd({
      "Mar  7 09:08:07 web1 sshd[78]: Invalid user oracle from 203.0.113.9",
      "Mar  7 09:08:07 web1 sshd[78]: input_userauth_request: invalid user oracle [preauth]",
      "Mar  7 09:08:07 web1 sshd[78]: Failed none for invalid user oracle from 203.0.113.9 port 40 "
      "ssh2",
      "Mar  7 09:08:08 web1 sshd[78]: pam_unix(sshd:auth): authentication failure; logname= "
      "rhost=203.0.113.9",
      "Mar  7 09:08:09 web1 sshd[78]: Failed password for invalid user oracle from 203.0.113.9 "
      "port 40 ssh2",
      "Mar  7 09:08:10 web1 sshd[78]: Connection closed by 203.0.113.9 port 40 [preauth]",
      "Mar  7 09:08:11 web1 CRON[9]: pam_unix(cron:session): session opened for user root by "
      "(uid=0)",
  });
  ASSERT_EQ(out.seen.size(), 1u);
  EXPECT_EQ(text_at(out.seen[0], "subject"), "oracle@web1");
  EXPECT_EQ(text_at(out.seen[0], "outcome"), "failure");
  EXPECT_EQ(attribute(out.seen[0], "invalid_user"), "true");
  EXPECT_TRUE(out.problems.empty());
}

TEST(Sshd, ARepeatedMessageStandsForItsNumber) {
  const Output out =
      read_sshd({"Mar  7 09:08:09 web1 sshd[78]: message repeated 5 times: [ Failed password for "
                 "root from 203.0.113.9 port 40 ssh2]"});
  ASSERT_EQ(out.seen.size(), 1u);
  EXPECT_EQ(out.seen[0].at("count").as_int64(), 5);
}

TEST(Sshd, ANumberBeyondWhatTheApiTakesIsItsMost) {
  const Output out =
      read_sshd({"Mar  7 09:08:09 web1 sshd[78]: message repeated 1155668643 times: [ Failed "
                 "password for root from 203.0.113.9 port 40 ssh2]"});
  ASSERT_EQ(out.seen.size(), 1u);
  EXPECT_EQ(out.seen[0].at("count").as_int64(), 1'000'000);
}

TEST(Sshd, AUserNameCannotForgeTheAddressNorBreakTheRecord) {
  const Output out = read_sshd({
      "Mar  7 09:08:09 web1 sshd[7]: Failed password for invalid user a from 10.0.0.1 port 22 ssh2 "
      "from 203.0.113.9 port 40 ssh2",
      "Mar  7 09:08:09 web1 sshd[7]: Failed password for invalid user  from 203.0.113.9 port 41 "
      "ssh2",
      "Mar  7 09:08:09 web1 sshd[7]: Failed password for invalid user \"x\\\xff\t y\" from "
      "203.0.113.9 port 42 ssh2",
  });
  ASSERT_EQ(out.seen.size(), 3u);
  EXPECT_EQ(text_at(out.seen[0], "source_ip"), "203.0.113.9");
  EXPECT_EQ(text_at(out.seen[0], "subject"), "a from 10.0.0.1 port 22 ssh2@web1");
  EXPECT_EQ(text_at(out.seen[1], "subject"), "@web1");
  EXPECT_EQ(text_at(out.seen[2], "subject"), "\"x\\\xef\xbf\xbd\t y\"@web1");
}

TEST(Sshd, AMappedAddressIsItsIpv4AndAHostNameIsKeptBeside) {
  const Output out = read_sshd(
      {"Mar  7 09:08:09 web1 sshd[7]: Failed password for a from ::ffff:203.0.113.9 port 40 ssh2",
       "Mar  7 09:08:09 web1 sshd[7]: Failed password for a from evil.example port 40 ssh2"});
  ASSERT_EQ(out.seen.size(), 2u);
  EXPECT_EQ(text_at(out.seen[0], "source_ip"), "203.0.113.9");
  EXPECT_EQ(text_at(out.seen[1], "source_ip"), "");
  EXPECT_EQ(attribute(out.seen[1], "source_address"), "evil.example");
}

std::string login(const std::string& when) {
  return when + " h sshd[1]: Accepted password for a from 10.0.0.1 port 1 ssh2";
}

TEST(Sshd, TheYearTurnsWithDecemberToJanuary) {
  const Output out =
      read_sshd({login("Dec 31 23:59:59"), login("Jan  1 00:00:01"), login("Feb  1 00:00:01")});
  ASSERT_EQ(out.seen.size(), 3u);
  EXPECT_EQ(text_at(out.seen[0], "time"), "2021-12-31T23:59:59.000Z");
  EXPECT_EQ(text_at(out.seen[1], "time"), "2022-01-01T00:00:01.000Z");
  EXPECT_EQ(text_at(out.seen[2], "time"), "2022-02-01T00:00:01.000Z");
}

TEST(Sshd, WithoutAYearTheFilesOwnTimeTells) {
  const Options written{.anchor_ms = *parse_rfc3339("2024-01-05T00:00:00Z")};
  const Output out = read_sshd(
      {login("Dec 31 23:59:59"), login("Jan  5 12:00:00"), login("Feb  1 00:00:00")}, written);
  ASSERT_EQ(out.seen.size(), 3u);
  EXPECT_EQ(text_at(out.seen[0], "time"), "2023-12-31T23:59:59.000Z");
  EXPECT_EQ(text_at(out.seen[1], "time"), "2024-01-05T12:00:00.000Z");
  EXPECT_EQ(text_at(out.seen[2], "time"), "2023-02-01T00:00:00.000Z");
}

TEST(Sshd, TheHostsClockMayBeAheadOfUtcAndRfc3339LinesSayItThemselves) {
  const Options options{.year = 2021, .utc_offset_ms = 2 * kHourMs};
  const Output out =
      read_sshd({login("Mar  7 09:00:00"), login("2021-03-07T09:00:00.5+02:00")}, options);
  ASSERT_EQ(out.seen.size(), 2u);
  EXPECT_EQ(text_at(out.seen[0], "time"), "2021-03-07T07:00:00.000Z");
  EXPECT_EQ(text_at(out.seen[1], "time"), "2021-03-07T07:00:00.500Z");
}

TEST(Sshd, EqualLinesOfOneSecondAreTwoAndKeepTheirIdsInTheNextRun) {
  const std::vector<std::string> lines{login("Mar  7 09:00:00"), login("Mar  7 09:00:00"),
                                       login("Mar  7 09:00:01")};
  const Output once = read_sshd(lines), again = read_sshd(lines);
  ASSERT_EQ(once.seen.size(), 3u);
  std::set<std::string> ids;
  for (const auto& seen : once.seen) ids.insert(text_at(seen, "id"));
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(once.text, again.text);
}

TEST(Sshd, ALineThatIsNoSyslogIsUnreadable) {
  const Output out = read_sshd({"hello", "Mar 32 09:00:00 h sshd[1]: x",
                                "Mar  7 29:00:00 h sshd[1]: x", "", "Mar  7 09:00:00 h"});
  EXPECT_EQ(out.problems.size(), 4u);
  EXPECT_TRUE(out.seen.empty());
}

TEST(Sshd, TheRealLogGivesItsLogins) {
  const std::string folder = real_data();
  if (folder.empty()) return;
  const Output out = parse_file(Format::sshd, folder + "/sshd/auth.log", {.year = 2017});
  std::map<std::string, size_t> counts;
  size_t repeated = 0;
  std::set<std::string> ids;
  for (const auto& seen : out.seen) {
    ++counts[text_at(seen, "outcome") + " " + attribute(seen, "method")];
    repeated += seen.contains("count");
    ids.insert(text_at(seen, "id"));
  }
  EXPECT_EQ(counts["success password"] + counts["success publickey"], 218u);
  EXPECT_EQ(counts["failure password"], 370u);
  EXPECT_EQ(counts["failure publickey"], 4u);
  EXPECT_EQ(repeated, 34u);
  EXPECT_EQ(ids.size(), out.seen.size());
  EXPECT_TRUE(out.problems.empty());
  EXPECT_EQ(text_at(out.seen.front(), "time"), "2017-03-27T13:08:09.000Z");
}

}  // namespace
}  // namespace watchword::import
