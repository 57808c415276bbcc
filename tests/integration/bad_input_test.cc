// What is wrong is refused by its place, and nothing changes.
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

constexpr const char* kUnknownId = "01a1fe33-2cb9-8d1d-a277-88a1df6de65b";

struct Subject {
  std::string verb, target, good;  // `good` is an object that the route would take
  std::string field, wrong_type;   // a member of it, and a value of another type
};

class BadInput : public SharedNode {
 protected:
  void SetUp() override {
    identity_ = admin_.register_service("bad-input");
    token_ = admin_.issue(identity_).text("/token_id");
    const auto probe = admin_.issue(identity_);
    admin_.remove("/api/v1/tokens/" + probe.text("/token_id"));
    const std::string list = "/api/v1/monitoring/alerts?identity_id=" + identity_;
    ASSERT_TRUE(wait_until([&] {
      admin_.introspect(probe.text("/access_token"));
      return admin_.get(list).count("/items") > 0;
    }));
    alert_ = admin_.get(list).text("/items/0/id");
    const std::string identity = "/api/v1/identities/" + identity_;
    subjects_ = {
        {"POST", "/api/v1/identities",
         R"({"identity_type":{"type":"ServiceAccount","service_name":"n","environment":"e","owner_team":"o"}})",
         "identity_type", "7"},
        {"PATCH", identity, R"({"max_token_lifetime_seconds":60})", "max_token_lifetime_seconds", "\"x\""},
        {"POST", identity + "/suspend", R"({"reason":"r"})", "reason", "7"},
        {"POST", identity + "/reactivate", R"({"reason":"r"})", "reason", "[]"},
        {"POST", identity + "/retire", R"({"reason":"r"})", "reason", "{}"},
        {"POST", identity + "/baseline-reset", R"({"reason":"r"})", "reason", "true"},
        {"POST", "/api/v1/tokens/jit",
         R"({"identity_id":")" + identity_ + R"(","requested_scopes":["a:read"],"justification":"j"})",
         "requested_scopes", "\"a:read\""},
        {"PATCH", "/api/v1/monitoring/alerts/" + alert_, R"({"note":"n"})", "note", "7"},
        {"POST", "/api/v1/auth/tokens", R"({"token_name":"n","permissions":["api_read"]})", "permissions", "7"},
    };
  }

  // Events of the journal so far; a checkpoint or a use that is still being written adds none of
  // the kinds that a command decides.
  std::string position() {
    std::string out;
    const auto status = admin_.get("/api/v1/system/status");
    for (size_t i = 0; i < status.count("/partitions"); ++i)
      out += status.text("/partitions/" + std::to_string(i) + "/position") + " ";
    return out;
  }

  Answer send(const Subject& subject, const std::string& body) {
    return admin_.request(subject.verb, subject.target, body, {"Content-Type: application/json"});
  }

  void expect_refused(const Subject& subject, const std::string& body, const std::string& names,
                      std::initializer_list<int> statuses = {400}) {
    const auto answer = send(subject, body);
    EXPECT_NE(std::find(statuses.begin(), statuses.end(), answer.status), statuses.end())
        << subject.verb << " " << subject.target << " " << body.substr(0, 200) << " → "
        << answer.status << " " << answer.reply.body;
    EXPECT_NE(answer.reply.body.find(names), std::string::npos)
        << subject.target << " " << body.substr(0, 200) << " does not name " << names << ": "
        << answer.reply.body;
    EXPECT_EQ(answer.header("Content-Type").substr(0, 24), "application/problem+json");
  }

  static std::string with_member(const std::string& good, const std::string& member) {
    return good.substr(0, good.size() - 1) + "," + member + "}";
  }
  static std::string nested(int depth) {
    const auto size = static_cast<size_t>(depth);
    return std::string(size, '[') + std::string(size, ']');
  }

  std::string identity_, token_, alert_;
  std::vector<Subject> subjects_;
};

TEST_F(BadInput, EveryBodyIsReadStrictlyAndNothingChanges) {
  std::string before;
  ASSERT_TRUE(wait_until([&] {  // until the uses that the set-up made are written
    const std::string now = position();
    return std::exchange(before, now) == now && (pause_ms(50), position() == now);
  }));
  for (const auto& subject : subjects_) {
    expect_refused(subject, R"({")" + subject.field + R"(":)" + subject.wrong_type + "}",
                   subject.field);
    expect_refused(subject, with_member(subject.good, R"("nonsense":1)"), "nonsense");
    expect_refused(subject, with_member(subject.good, R"(")" + subject.field + R"(":null)"),
                   subject.field);
    expect_refused(subject, subject.good + " x", "byte");
    expect_refused(subject, subject.good + subject.good, "byte");
    expect_refused(subject, subject.good.substr(0, subject.good.size() - 1), "byte");
    expect_refused(subject, "[]", "");
    expect_refused(subject, "7", "");
    expect_refused(subject, with_member(subject.good, "\"x\":\"\xC3\x28\""), "byte");
    expect_refused(subject, with_member(subject.good, R"("x":"\ud800")"), "byte");
    expect_refused(subject, with_member(subject.good, R"("x":)" + nested(40)), "");
    expect_refused(subject, with_member(subject.good, R"("x":9223372036854775808)"), "x");
    expect_refused(subject, std::string("{\0}", 3), "byte");
  }
  EXPECT_EQ(position(), before);
}

TEST_F(BadInput, TextsWithNulOrTooLongAndNumbersOutOfRangeAreRefusedByTheirField) {
  const auto& register_one = subjects_[0];
  const auto named = [](const std::string& name) {
    return R"({"identity_type":{"type":"ServiceAccount","service_name":")" + name +
           R"(","environment":"e","owner_team":"o"}})";
  };
  expect_refused(register_one, named("a\\u0000b"), "byte");
  expect_refused(register_one, named(std::string(600, 'a')), "service_name", {400, 422});
  expect_refused(register_one, named(""), "service_name");
  expect_refused(register_one, R"({"identity_type":{"type":"Robot"}})", "type");
  const auto& patch = subjects_[1];
  for (const char* value : {"9223372036854775808", "-1", "0", "1.5", "1e3", "\"60\""})
    expect_refused(patch, std::string(R"({"max_token_lifetime_seconds":)") + value + "}",
                   "max_token_lifetime_seconds", {400, 422});
  for (const char* cidr : {"10.0.0.0/33", "10.0.0.1/8", "010.0.0.0/8", "x", "::/129"})
    expect_refused(patch, std::string(R"({"allowed_ips":[")") + cidr + R"("]})", "cidr");
  expect_refused(patch, R"({"allowed_hours":[9,25]})", "allowed_hours");
  expect_refused(patch, R"({"allowed_hours":[{"from":"09:00"}]})", "allowed_hours");
  expect_refused(patch, R"({"time_zone":"Mars/Olympus"})", "zone");
}

TEST_F(BadInput, UnknownIdsAndIdsOfAnotherKindAreNotFound) {
  for (const std::string& id : {std::string(kUnknownId), token_, alert_, std::string("nonsense"),
                                std::string("00000000-0000-0000-0000-000000000000")}) {
    const std::string at = "/api/v1/identities/" + id;
    EXPECT_EQ(admin_.get(at).status, 404) << id;
    EXPECT_EQ(admin_.patch(at, R"({"max_token_lifetime_seconds":60})").status, 404) << id;
    for (const char* verb : {"/suspend", "/reactivate", "/retire", "/baseline", "/baseline-reset"})
      EXPECT_EQ(admin_.post(at + verb).status, 404) << id << verb;
  }
  for (const std::string& id : {std::string(kUnknownId), identity_, alert_, std::string("x")}) {
    EXPECT_EQ(admin_.get("/api/v1/tokens/" + id).status, 404) << id;
    EXPECT_EQ(admin_.get("/api/v1/tokens/usage/" + id).status, 404) << id;
    EXPECT_EQ(admin_.remove("/api/v1/tokens/" + id).status, 404) << id;
    EXPECT_EQ(admin_.get("/api/v1/auth/tokens/" + id).status, 404) << id;
    EXPECT_EQ(admin_.remove("/api/v1/auth/tokens/" + id).status, 404) << id;
  }
  for (const std::string& id : {std::string(kUnknownId), identity_, token_}) {
    EXPECT_EQ(admin_.get("/api/v1/monitoring/alerts/" + id).status, 404) << id;
    EXPECT_EQ(admin_.patch("/api/v1/monitoring/alerts/" + id, R"({"note":"n"})").status, 404) << id;
  }
  EXPECT_EQ(admin_.get("/api/v1/nonsense").status, 404);
  EXPECT_EQ(admin_.request("PUT", "/api/v1/identities").status, 405);
}

TEST_F(BadInput, ABodyOverAMebibyteIsRefusedBeforeItIsRead) {
  for (const auto& subject : subjects_) {
    HttpClient client(HttpClient::options_for(node().api_url()));
    ASSERT_TRUE(client.send_raw(subject.verb + " " + subject.target +
                                " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
                                node().admin_token() + "\r\nContent-Length: 1048577\r\n\r\n"));
    EXPECT_EQ(client.read_reply().status, 413) << subject.target;
  }
}

TEST_F(BadInput, OneBadObservationIsNamedAndStopsNoOther) {
  const std::string good =
      R"({"id":"g1","time":"2026-05-01T00:00:00Z","source":"s","subject":"dave",)"
      R"("action":"auth.login","outcome":"success"})";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string out = good;
    return out.replace(out.find(from), from.size(), to);
  };
  const auto answer = admin_.post(
      "/api/v1/events",
      "[" + good + "," + with("\"success\"", "\"maybe\"") + "," + with("\"g1\"", "7") + "," +
          with("\"action\"", "\"nonsense\"") + ",7," + with("\"g1\"", "\"g2\"") + "," +
          with("\"subject\":\"dave\",", "") + "," +
          with("\"g1\"", "\"" + std::string(257, 'a') + "\"") + "]");
  ASSERT_EQ(answer.status, 200) << answer.reply.body;
  EXPECT_EQ(answer.number("/accepted"), 2);
  ASSERT_EQ(answer.count("/rejected"), 6u) << answer.reply.body;
  int expected[] = {1, 2, 3, 4, 6, 7};
  for (size_t i = 0; i < 6; ++i)
    EXPECT_EQ(answer.number("/rejected/" + std::to_string(i) + "/index"), expected[i]);
  for (const std::string& body : {std::string("["), good + "x", nested(40), std::string("\xFF")})
    EXPECT_EQ(admin_.post("/api/v1/events", body).status, 400) << body;
  EXPECT_EQ(admin_.post("/api/v1/events", good, {"Content-Type: text/html"}).status, 415);
  const auto stranger = admin_.post("/api/v1/events", with("\"subject\":\"dave\"", "\"identity_id\":\"" + std::string(kUnknownId) + "\""));
  EXPECT_EQ(stranger.number("/accepted"), 0);
  EXPECT_EQ(stranger.text("/rejected/0/code"), "identity_unknown");
}

TEST_F(BadInput, AnEventFromTheFutureOrBefore2000IsADeadLetterWithItsReason) {
  char ahead[32];
  const time_t later = time(nullptr) + 660;
  strftime(ahead, sizeof ahead, "%FT%TZ", gmtime(&later));
  for (const std::string& when : {std::string(ahead), std::string("1999-12-31T23:59:59Z")}) {
    const std::string id = "dead-" + when;
    const auto answer = admin_.post(
        "/api/v1/events", R"({"id":")" + id + R"(","time":")" + when +
                              R"(","source":"clock","subject":"eve","action":"auth.login","outcome":"success"})");
    ASSERT_EQ(answer.status, 200) << answer.reply.body;
    EXPECT_EQ(answer.number("/accepted"), 0);
    EXPECT_EQ(answer.text("/rejected/0/code"), "time_out_of_range");
    const auto letters = admin_.get("/api/v1/streams/dead-letter?from=start&follow=false").reply.body;
    EXPECT_NE(letters.find(id), std::string::npos) << letters;
    EXPECT_NE(letters.find("reason"), std::string::npos) << letters;
    EXPECT_EQ(letters.find("eve"), std::string::npos);  // no personal data there
  }
}

TEST_F(BadInput, OAuthFormsAreReadStrictlyToo) {
  for (const char* form : {"", "tokn=x", "token=a&token=b", "token=%zz", "token=%ff"}) {
    const auto answer = admin_.post("/oauth2/introspect", form,
                                    {"Content-Type: application/x-www-form-urlencoded"});
    EXPECT_EQ(answer.status, 400) << form << " → " << answer.reply.body;
    EXPECT_EQ(answer.text("/error"), "invalid_request") << form;
  }
  EXPECT_EQ(admin_.post("/oauth2/introspect", "token=x&client_ip=nonsense").status, 400);
}

}  // namespace
}  // namespace watchword::testing
