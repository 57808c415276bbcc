// Lists, cursors, positions, history and streams over real HTTP.
#include <set>
#include <sstream>
#include <thread>

#include <boost/json/parse.hpp>

#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

class Reading : public SharedNode {
 protected:
  // Every id that the list holds, page by page.
  std::vector<std::string> all_ids(const std::string& list, const std::string& pointer, int limit) {
    std::vector<std::string> ids;
    std::string cursor;
    const std::string joined = list.find('?') == list.npos ? "?" : "&";
    do {
      const auto page = admin_.get(list + joined + "limit=" + std::to_string(limit) +
                                   (cursor.empty() ? "" : "&cursor=" + cursor));
      EXPECT_EQ(page.status, 200) << page.reply.body;
      EXPECT_LE(page.count("/items"), static_cast<size_t>(limit));
      for (size_t i = 0; i < page.count("/items"); ++i)
        ids.push_back(page.text("/items/" + std::to_string(i) + pointer));
      cursor = page.text("/next_cursor");
    } while (!cursor.empty() && ids.size() < 10'000);
    return ids;
  }

  // The records of a topic as they are now; `headers` may ask for SSE or a place to go on.
  std::string stream(const std::string& topic, const std::string& from,
                     std::vector<std::string> headers = {}) {
    const auto answer = admin_.get(
        "/api/v1/streams/" + topic + "?follow=false" + (from.empty() ? "" : "&from=" + from),
        std::move(headers));
    EXPECT_EQ(answer.status, 200) << answer.reply.body;
    return answer.reply.body;
  }

  static std::vector<boost::json::object> lines(const std::string& text) {
    std::vector<boost::json::object> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
      if (!line.empty()) out.push_back(boost::json::parse(line).as_object());
    return out;
  }

  // A revoked token that is presented again: one alert of that principal.
  std::string alert_of(const std::string& identity) {
    const auto issued = admin_.issue(identity);
    admin_.remove("/api/v1/tokens/" + issued.text("/token_id"));
    const std::string list = "/api/v1/monitoring/alerts?identity_id=" + identity;
    EXPECT_TRUE(wait_until([&] {
      admin_.introspect(issued.text("/access_token"), "client_ip=192.0.2.77");
      return admin_.get(list).count("/items") > 0;
    }));
    return admin_.get(list).text("/items/0/id");
  }
};

TEST_F(Reading, PagesTogetherHoldEveryIdentityOnce) {
  std::set<std::string> made;
  for (int i = 0; i < 23; ++i) made.insert(admin_.register_service("page-" + std::to_string(i)));
  for (const int limit : {1, 5, 1000}) {
    const auto listed = all_ids("/api/v1/identities", "/identity_id", limit);
    const std::set<std::string> distinct(listed.begin(), listed.end());
    EXPECT_EQ(distinct.size(), listed.size());
    for (const auto& id : made) EXPECT_TRUE(distinct.contains(id));
  }
}

TEST_F(Reading, FiltersNarrowAndAreEchoed) {
  const auto made = admin_.post("/api/v1/identities", R"({"identity_type":{"type":"Human",
      "username":"carol","email":"carol@example.com"},"allowed_scopes":["a:read"]})");
  ASSERT_EQ(made.status, 201) << made.reply.body;
  const std::string id = made.text("/identity_id");
  EXPECT_EQ(all_ids("/api/v1/identities?type=Human", "/identity_id", 10),
            std::vector<std::string>{id});
  EXPECT_EQ(admin_.get("/api/v1/identities?type=Human").text("/filter"), "type=Human");
  admin_.post("/api/v1/identities/" + id + "/suspend");
  EXPECT_EQ(all_ids("/api/v1/identities?status=suspended&type=Human", "/identity_id", 10),
            std::vector<std::string>{id});
  EXPECT_TRUE(all_ids("/api/v1/identities?owner_team=nobody", "/identity_id", 10).empty());
}

TEST_F(Reading, ACursorIsGoodForItsOwnListOnly) {
  for (int i = 0; i < 3; ++i) admin_.register_service("cursor-" + std::to_string(i));
  const std::string cursor = admin_.get("/api/v1/identities?limit=1").text("/next_cursor");
  ASSERT_FALSE(cursor.empty());
  EXPECT_EQ(admin_.get("/api/v1/identities?limit=1&cursor=" + cursor).status, 200);
  EXPECT_EQ(admin_.get("/api/v1/identities?type=Human&cursor=" + cursor).status, 400);
  EXPECT_EQ(admin_.get("/api/v1/auth/tokens?cursor=" + cursor).status, 400);
  EXPECT_EQ(admin_.get("/api/v1/identities?cursor=AAAA").status, 400);
  std::string changed = cursor;
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  EXPECT_EQ(admin_.get("/api/v1/identities?cursor=" + changed).status, 400);
  for (const char* query : {"limit=0", "limit=1001", "limit=x", "limit=-1", "nonsense=1"})
    EXPECT_EQ(admin_.get(std::string("/api/v1/identities?") + query).status, 400) << query;
}

TEST_F(Reading, ACursorIntoTheJournalIsGoodForItsOwnHistoryOnly) {
  const auto one = admin_.register_service("history-one"), two = admin_.register_service("history-two");
  for (const auto& id : {one, two})
    ASSERT_EQ(admin_.post("/api/v1/identities/" + id + "/suspend", "").status, 200);
  const std::string mine = "/api/v1/identities/" + one + "/timeline?limit=1";
  const std::string cursor = admin_.get(mine).text("/next_cursor");
  ASSERT_FALSE(cursor.empty());
  const auto next = admin_.get(mine + "&cursor=" + cursor);
  EXPECT_EQ(next.status, 200);
  EXPECT_EQ(next.text("/items/0/type"), "identity.registered");
  EXPECT_EQ(admin_.get("/api/v1/identities/" + two + "/timeline?limit=1&cursor=" + cursor).status, 400);
  EXPECT_EQ(admin_.get("/api/v1/audit/events?limit=1&cursor=" + cursor).status, 400);
  EXPECT_EQ(admin_.get("/api/v1/audit/events?order=sideways").status, 400);
  EXPECT_EQ(admin_.get("/api/v1/identities/01a1fe5c-0000-8000-8000-000000000000/timeline").status, 404);
}

TEST_F(Reading, AReadThatNamesAChangesPositionSeesIt) {
  for (int i = 0; i < 20; ++i) {
    const auto made = admin_.post(
        "/api/v1/identities",
        R"({"identity_type":{"type":"ServiceAccount","service_name":"seen","environment":"t","owner_team":"t"}})");
    ASSERT_EQ(made.status, 201) << made.reply.body;
    const std::string position = made.header("Watchword-Position");
    ASSERT_FALSE(position.empty());
    const auto read = node().admin().get("/api/v1/identities/" + made.text("/identity_id"),
                                         {"Watchword-Position: " + position});
    EXPECT_EQ(read.status, 200);
  }
  const auto far = admin_.get("/api/v1/identities", {"Watchword-Position: 0:99999999"});
  EXPECT_EQ(far.status, 503);
  EXPECT_FALSE(far.header("Retry-After").empty());
  EXPECT_EQ(admin_.get("/api/v1/identities", {"Watchword-Position: nonsense"}).status, 400);
}

TEST_F(Reading, AUseAfterRevocationIsOneAlertWithItsReasonsAndCanBeTriaged) {
  const std::string identity = admin_.register_service("revoked-use");
  const std::string at = "/api/v1/monitoring/alerts/" + alert_of(identity);
  const auto alert = admin_.get(at);
  EXPECT_EQ(alert.status, 200);
  EXPECT_EQ(alert.text("/status"), "open");
  EXPECT_EQ(alert.text("/identity_id"), identity);
  EXPECT_GE(alert.count("/signals"), 1u);
  EXPECT_FALSE(alert.text("/signals/0/attack_id").empty()) << alert.reply.body;
  EXPECT_EQ(admin_.get("/api/v1/identities/" + identity).text("/status"), "active");

  EXPECT_EQ(admin_.patch(at, R"({"status":"closed"})").status, 400);  // closing needs a verdict
  const auto taken = admin_.patch(at, R"({"status":"acknowledged","assignee":"kim","note":"looking"})");
  EXPECT_EQ(taken.status, 200) << taken.reply.body;
  EXPECT_EQ(taken.text("/assignee"), "kim");
  const auto closed = admin_.patch(at, R"({"status":"closed","verdict":"false_positive"})");
  EXPECT_EQ(closed.text("/status"), "closed");
  EXPECT_EQ(closed.text("/verdict"), "false_positive");
  EXPECT_EQ(admin_.get("/api/v1/monitoring/alerts?status=closed&identity_id=" + identity).count("/items"), 1u);
  EXPECT_EQ(admin_.get("/api/v1/monitoring/alerts?status=open&identity_id=" + identity).count("/items"), 0u);
}

TEST_F(Reading, TheStateAtAnEarlierPositionOrTimeIsAnsweredFromHistory) {
  const auto made = admin_.post(
      "/api/v1/identities",
      R"({"identity_type":{"type":"ServiceAccount","service_name":"past","environment":"t","owner_team":"t"},
      "allowed_scopes":["a:read"]})");
  const std::string at = "/api/v1/identities/" + made.text("/identity_id");
  const std::string before = made.header("Watchword-Position");
  const auto issued = admin_.issue(made.text("/identity_id"));
  const std::string issued_at = issued.header("Watchword-Position");
  const auto suspended = admin_.post(at + "/suspend", R"({"reason":"later"})");
  const std::string after = suspended.header("Watchword-Position");
  EXPECT_EQ(admin_.get(at + "?at=" + before).text("/status"), "active");
  EXPECT_EQ(admin_.get(at + "?at=" + after).text("/status"), "suspended");
  const std::string token = "/api/v1/tokens/" + issued.text("/token_id");
  EXPECT_EQ(admin_.get(token + "?at=" + issued_at).text("/status"), "active");
  EXPECT_EQ(admin_.get(token + "?at=" + after).text("/status"), "revoked");
  EXPECT_EQ(admin_.get(token + "?at=" + before).status, 404);
  EXPECT_EQ(admin_.get(at + "?at=2001-01-01T00:00:00Z").status, 404);
  EXPECT_EQ(admin_.get(at + "?at=yesterday").status, 400);
}

TEST_F(Reading, TheTimelineTellsNewestFirstWhatHappened) {
  const std::string id = admin_.register_service("timeline");
  admin_.issue(id);
  admin_.post("/api/v1/identities/" + id + "/suspend", R"({"reason":"told"})");
  const auto line = admin_.get("/api/v1/identities/" + id + "/timeline");
  ASSERT_EQ(line.status, 200) << line.reply.body;
  ASSERT_GE(line.count("/items"), 3u) << line.reply.body;
  EXPECT_NE(line.reply.body.find("told"), std::string::npos);
  const auto first = line.reply.body.find("suspended"), second = line.reply.body.find("registered");
  EXPECT_LT(first, second) << line.reply.body;
}

TEST_F(Reading, EveryAdministrativeActIsInTheAudit) {
  const std::string id = admin_.register_service("audited");
  admin_.post("/api/v1/identities/" + id + "/suspend", R"({"reason":"audit"})",
              {"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"});
  const auto acts = admin_.get("/api/v1/audit/events?target=" + id);
  ASSERT_EQ(acts.status, 200) << acts.reply.body;
  ASSERT_EQ(acts.count("/items"), 2u) << acts.reply.body;
  EXPECT_NE(acts.reply.body.find("4bf92f3577b34da6a3ce929d0e0e4736"), std::string::npos);
  const std::string me = admin_.get("/api/v1/auth/me").text("/identity_id");
  EXPECT_EQ(acts.text("/items/0/actor"), me) << acts.reply.body;
}

TEST_F(Reading, AStreamGoesOnBehindAnyRecordWithNothingMissingAndNothingTwice) {
  for (int i = 0; i < 15; ++i) {
    const auto issued = admin_.issue(admin_.register_service("stream"), R"("max_usage":1)");
    // The last use and the exhaustion are two records of one frame.
    if (i % 5 == 0) {
      EXPECT_TRUE(admin_.is_active(issued.text("/access_token")));
    }
  }
  const auto whole = lines(stream("token", "start"));
  ASSERT_GE(whole.size(), 15u);
  std::set<std::string> distinct;
  for (const auto& record : whole) distinct.insert(std::string(record.at("id").as_string()));
  EXPECT_EQ(distinct.size(), whole.size());
  for (size_t behind = 0; behind < whole.size(); ++behind) {
    const auto rest = lines(stream("token", std::string(whole[behind].at("id").as_string())));
    ASSERT_EQ(rest.size(), whole.size() - behind - 1);
    for (size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(rest[i], whole[behind + 1 + i]);
  }
  EXPECT_EQ(admin_.get("/api/v1/streams/token?from=nonsense&follow=false").status, 400);
  EXPECT_EQ(admin_.get("/api/v1/streams/nonsense?follow=false").status, 404);
}

TEST_F(Reading, ServerSentEventsResumeByLastEventId) {
  for (int i = 0; i < 5; ++i) admin_.issue(admin_.register_service("sse"));
  const std::string accept = "Accept: text/event-stream";
  const std::string whole = stream("token", "start", {accept});
  std::vector<std::pair<std::string, std::string>> events;  // id, data
  std::istringstream in(whole);
  std::string id;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("id: ")) id = line.substr(4);
    if (line.starts_with("data: ")) events.emplace_back(id, line.substr(6));
  }
  ASSERT_GE(events.size(), 5u);
  for (size_t behind = 0; behind < events.size(); ++behind) {
    const std::string rest = stream("token", "", {accept, "Last-Event-ID: " + events[behind].first});
    size_t count = 0;
    std::istringstream again(rest);
    for (std::string line; std::getline(again, line);)
      if (line.starts_with("data: ")) {
        ASSERT_LT(behind + 1 + count, events.size());
        EXPECT_EQ(line.substr(6), events[behind + 1 + count++].second);
      }
    EXPECT_EQ(behind + 1 + count, events.size());
  }
}

TEST_F(Reading, AFollowerSeesAChangeThatHappensWhileItListens) {
  HttpClient follower(HttpClient::options_for(node().api_url()));
  ASSERT_TRUE(follower.send_raw("GET /api/v1/streams/identity?from=end HTTP/1.1\r\nHost: x\r\n"
                                "Authorization: Bearer " + node().admin_token() + "\r\n\r\n"));
  std::string seen = follower.read_some();
  EXPECT_NE(seen.find("200"), std::string::npos);
  const std::string id = admin_.register_service("followed");
  EXPECT_TRUE(wait_until([&] {
    seen += follower.read_some();
    return seen.find(id) != seen.npos;
  })) << seen;
}

TEST_F(Reading, TheMetricsHaveTheNamesOfTheContract) {
  admin_.issue(admin_.register_service("measured"));
  auto operations = node().operations();
  EXPECT_EQ(operations.get("/livez").status, 200);
  EXPECT_EQ(operations.get("/readyz").status, 200);
  const std::string text = operations.get("/metrics").reply.body;
  for (const char* name :
       {"jit_tokens_issued_total", "jit_token_lifetime_seconds", "behavioral_anomalies_detected_total",
        "tokens_revoked_total", "service_account_auth_failures_total",
        "service_account_new_ip_access_total", "service_account_new_ip_access ",
        "identity_auth_validation_attempt_total", "identity_ratelimit_attempts_total",
        "identity_ratelimit_exceeded_total", "watchword_"})
    EXPECT_NE(text.find(name), std::string::npos) << name;
  EXPECT_EQ(node().as("").get("/metrics").status, 404);
}

TEST_F(Reading, StatusTellsPartitionsAndTheDisk) {
  const auto status = admin_.get("/api/v1/system/status");
  ASSERT_EQ(status.status, 200);
  EXPECT_EQ(status.text("/status"), "ok");
  EXPECT_GE(status.count("/partitions"), 1u);
  EXPECT_GT(status.number("/disk/free_bytes"), 0);
  EXPECT_EQ(node().as("").get("/api/v1/system/health").text("/status"), "ok");
}

}  // namespace
}  // namespace watchword::testing
