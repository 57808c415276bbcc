// Whatever a stranger writes comes back as text or not at all: no header line, no second answer, no
// broken JSON, no event in a stream is made of it.
#include <sstream>

#include "tests/integration/hostile/raw.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

using Texts = std::vector<std::string>;

// As a percent-encoded text, and raw where a header may hold it.
const Texts kEncoded{"%0d%0aX-Evil:%20yes",
                     "%0aX-Evil:%20yes",
                     "%0dX-Evil:%20yes",
                     "%0d%0a%0d%0aHTTP/1.1%20200%20OK",
                     "%00",
                     "%c4%8d%c4%8aX-Evil:yes",
                     "%e5%98%8a%e5%98%8dX-Evil:yes",
                     "%E2%80%A8X-Evil",
                     "%ff%fe",
                     "%1b%5b2J",
                     "%22%7d%0d%0a",
                     "%5c%22",
                     "%3cscript%3e",
                     "%7f",
                     "%C2%85X-Evil"};
const Texts kRaw{"a\tb",
                 "\xff\xfe",
                 "\xc4\x8d\xc4\x8aX-Evil: yes",
                 "a\"b",
                 "a\\b",
                 "a\xc3",
                 "<script>",
                 "%0d%0aX-Evil: yes",
                 "\xe2\x80\xa8X-Evil",
                 "a;b,c=d",
                 "\xed\xa0\x80"};

class Injection : public SharedNode {
 protected:
  // Exactly one clean answer, then the end.
  void expect_clean(const std::string& request, const std::string& what) {
    const auto heard = say(node().api_url(), request);
    ASSERT_EQ(heard.replies.size(), 1u) << what << ": " << heard.bytes;
    EXPECT_EQ(flaw_of(heard.replies[0]), "") << what << ": " << heard.bytes;
    EXPECT_EQ(heard.replies[0].count("X-Evil"), 0u) << what;
    EXPECT_EQ(heard.bytes.find("\nX-Evil"), std::string::npos) << what;
    EXPECT_EQ(heard.bytes.find("\rX-Evil"), std::string::npos) << what;
    EXPECT_LT(heard.replies[0].status, 500) << what;
  }
  std::string request(const std::string& line, const std::string& headers = "",
                      const std::string& body = "") {
    return line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " +
           node().admin_token() + "\r\n" + headers +
           (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") +
           "\r\n" + body;
  }
};

TEST_F(Injection, PathsAndQueriesComeBackAsText) {
  for (const std::string& text : kEncoded) {
    for (const std::string& line : Texts{
             "GET /api/v1/tokens/" + text, "DELETE /api/v1/tokens/" + text,
             "GET /api/v1/identities/" + text + "/timeline", "GET /nowhere/" + text,
             "GET /api/v1/streams/" + text, "GET /authz/forward/" + text,
             "GET /api/v1/identities?owner_team=" + text, "GET /api/v1/identities?cursor=" + text,
             "GET /api/v1/identities?" + text + "=1", "GET /api/v1/identities?limit=" + text,
             "GET /api/v1/monitoring/alerts?status=" + text,
             "GET /api/v1/audit/events?actor=" + text,
             "GET /api/v1/streams/token?follow=false&from=" + text,
             "GET /authz/forward/x?scope=" + text, "GET /authz/forward/x?aud=" + text,
             "GET /api/v1/tokens/x?at=" + text, "POST /api/v1/events?mode=" + text,
             "POST /api/v1/identities/01a1fe33-2cb9-8d1d-a277-88a1df6de65b/suspend?reason=" + text})
      expect_clean(request(line), line);
  }
}

TEST_F(Injection, AQueryThatCannotBeReadIsNotTakenForNone) {
  for (const std::string& query : Texts{"%0d", "%ff", "a%00", "owner_team=%0a", "limit=1&limit=2",
                                        "=x", "owner_team=%c0%80"}) {
    for (const char* path :
         {"/api/v1/identities", "/api/v1/tokens/01a1fe33-2cb9-8d1d-a277-88a1df6de65b",
          "/api/v1/audit/events", "/api/v1/streams/token", "/api/v1/monitoring/alerts",
          "/api/v1/auth/tokens"})
      EXPECT_EQ(admin_.get(std::string(path) + "?follow=false&" + query).status, 400)
          << path << "?" << query;
    const int asked = admin_.get("/authz/forward/x?" + query).status;
    EXPECT_TRUE(asked == 403 || (asked == 400 && query == "a%00")) << query << ": " << asked;
  }
}

TEST_F(Injection, HeadersComeBackAsTextOrNotAtAll) {
  for (const std::string& text : kRaw) {
    for (const char* name :
         {"X-Request-Id", "CF-Ray", "traceparent", "Idempotency-Key", "Watchword-Position",
          "Origin", "X-Forwarded-For", "X-Forwarded-Uri", "X-Forwarded-Method", "User-Agent",
          "Last-Event-ID", "Cookie", "Accept", "Content-Type", "Referer",
          "Access-Control-Request-Headers"}) {
      const std::string header = std::string(name) + ": " + text + "\r\n";
      expect_clean(request("GET /nowhere", header), header);
      expect_clean(request("GET /api/v1/identities?limit=1", header), header);
      expect_clean(request("POST /api/v1/identities", header, "{}"), header);
      expect_clean(request("OPTIONS /api/v1/identities", header), header);
      expect_clean(request("GET /authz/forward/x", header), header);
    }
  }
}

TEST_F(Injection, ARequestIdIsTakenOnlyWhenItIsOne) {
  const auto id_of = [&](const std::string& header) {
    return admin_.get("/nowhere", {header}).text("/request_id");
  };
  EXPECT_EQ(id_of("CF-Ray: 8a1b2c3d4e5f-FRA"), "8a1b2c3d4e5f-FRA");
  EXPECT_EQ(id_of("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            "0af7651916cd43dd8448eb211c80319c");
  for (const std::string& header :
       Texts{"CF-Ray: a b", "CF-Ray: a\"b", "CF-Ray: \xc3\xa9", "CF-Ray: " + std::string(65, 'a'),
             "CF-Ray: <b>", "traceparent: 00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
             "traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01",
             "traceparent: ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
             "traceparent: 00-\"af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
             "X-Request-Id: mine"}) {
    const std::string id = id_of(header);
    EXPECT_EQ(id.size(), 32u) << header << ": " << id;
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), id.npos) << header << ": " << id;
  }
}

// What a gateway passes on of a stranger's request is recorded, and told again as JSON.
TEST_F(Injection, AStrangersBytesInAGatewaysHeadersLeaveEveryViewReadable) {
  const std::string id = admin_.register_service("gateway");
  const auto issued = admin_.issue(id);
  for (const std::string& text : kRaw) {
    const auto heard = say(
        node().api_url(),
        "GET /authz/forward/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer " +
            issued.text("/access_token") + "\r\nUser-Agent: " + text + "\r\nX-Forwarded-Uri: /" +
            text + "\r\n\r\n");
    ASSERT_EQ(heard.replies.size(), 1u);
    EXPECT_EQ(heard.replies[0].status, 200) << text;
  }
  const std::string timeline = "/api/v1/identities/" + id + "/timeline?limit=500";
  ASSERT_TRUE(wait_until([&] {
    const auto seen = admin_.get(timeline).reply.body;
    return seen.find("<script>") != seen.npos;
  }));
  ASSERT_TRUE(wait_until([&] { return admin_.get(timeline).count("/items") >= kRaw.size(); }));
  for (const std::string& view : Texts{
           timeline, "/api/v1/identities/" + id + "/metrics", "/api/v1/identities/" + id + "/risk",
           "/api/v1/tokens/usage/" + issued.text("/token_id"), "/api/v1/audit/events?limit=500",
           "/api/v1/streams/alert?from=start&follow=false",
           "/api/v1/streams/identity?from=start&follow=false"}) {
    const auto answer = admin_.get(view);
    EXPECT_EQ(answer.status, 200) << view;
    EXPECT_EQ(flaw_of(answer.reply), "") << view << ": " << answer.reply.body;
  }
}

// A queue whose head can never be taken would stop every use and event behind it.
TEST_F(Injection, ALongAddressOrUserAgentStopsNothingBehindIt) {
  const std::string id = admin_.register_service("long"),
                    timeline = "/api/v1/identities/" + id + "/timeline";
  const auto issued = admin_.issue(id);
  const std::string letters(900'000, 'a');
  EXPECT_TRUE(admin_.is_active(issued.text("/access_token"), "endpoint=" + letters));
  EXPECT_TRUE(admin_.is_active(issued.text("/access_token"), "user_agent=a%F0%9F%98%80" + letters));
  std::string emoji = "user_agent=aaa";
  for (int i = 0; i < 200; ++i) emoji += "%F0%9F%98%80";  // the limit falls into a character
  EXPECT_TRUE(admin_.is_active(issued.text("/access_token"), emoji));
  EXPECT_TRUE(admin_.is_active(issued.text("/access_token"), "endpoint=/behind"));
  ASSERT_TRUE(wait_until([&] {
    const auto seen = admin_.get(timeline).reply.body;
    return seen.find("/behind") != seen.npos;
  })) << admin_.get("/api/v1/system/status").reply.body;
  const auto seen = admin_.get(timeline);
  EXPECT_EQ(flaw_of(seen.reply), "");
  EXPECT_LT(seen.reply.body.size(), 20'000u);
}

TEST_F(Injection, AReasonCannotWriteAnEventIntoAStream) {
  const std::string id = admin_.register_service("stream");
  const auto suspended =
      admin_.post("/api/v1/identities/" + id + "/suspend",
                  R"({"reason":"a\n\nevent: forged\ndata: {}\n\nid: 9-9-9\u2028x"})");
  const auto other = admin_.post("/api/v1/identities/" + id + "/suspend", R"({"reason":"plain"})");
  EXPECT_TRUE(suspended.status == 200 || suspended.status == 400);
  EXPECT_EQ(other.status, 200);
  for (const char* accept : {"text/event-stream", "application/x-ndjson"}) {
    std::istringstream lines(admin_
                                 .get("/api/v1/streams/identity?from=start&follow=false",
                                      {std::string("Accept: ") + accept})
                                 .reply.body);
    size_t told = 0;
    for (std::string line; std::getline(lines, line); ++told) {
      EXPECT_FALSE(line.starts_with("event: forged") || line.starts_with("id: 9-9-9") ||
                   line.starts_with("data: {}"))
          << line;
      EXPECT_EQ(line.find('\r'), line.npos);
    }
    EXPECT_GT(told, 2u);
  }
}

TEST_F(Injection, BodiesComeBackAsText) {
  for (const std::string& text : Texts{"\\r\\nX-Evil: yes", "\\u0000", "\\n", "\\u2028",
                                       "</script>", "\\\"}", "\xff", "\\u001b[2J"}) {
    const std::string member = "\"" + text + "\"";
    for (const std::string& body :
         Texts{"{" + member + ":1}", R"({"identity_type":)" + member + "}",
               R"({"identity_type":{"type":)" + member + "}}",
               R"({"identity_type":{"type":"ServiceAccount","service_name":)" + member +
                   R"(,"environment":"e","owner_team":"o"}})"})
      expect_clean(request("POST /api/v1/identities", "Content-Type: application/json\r\n", body),
                   body);
    expect_clean(request("POST /api/v1/events", "Content-Type: application/json\r\n",
                         R"({"id":)" + member + R"(,"source":)" + member + "}"),
                 text);
    expect_clean(request("POST /api/v1/auth/tokens", "",
                         R"({"token_name":)" + member + R"(,"permissions":[)" + member + "]}"),
                 text);
  }
  for (const std::string& text : kEncoded)
    for (const std::string& form :
         Texts{"token=" + text, text + "=x", "token=x&client_ip=" + text, "token=x&" + text})
      expect_clean(request("POST /oauth2/introspect",
                           "Content-Type: application/x-www-form-urlencoded\r\n", form),
                   form);
}

}  // namespace
}  // namespace watchword::testing
