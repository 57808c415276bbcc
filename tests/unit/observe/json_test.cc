#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/observe/draft.h"

namespace watchword::observe {
namespace {

constexpr int64_t kNow = 1'750'000'000'000;  // 2025-06-15T15:06:40Z
constexpr std::string_view kIdentity = "0197730d-4a00-8abc-8000-0123456789ab";

Batch read_ok(std::string_view body, Form form = Form::json) {
  auto batch = read(form, body, kNow);
  EXPECT_TRUE(batch.ok()) << (batch.ok() ? "" : batch.error().detail);
  return batch.ok() ? std::move(batch).value() : Batch{};
}

// A good observation with `members` added.
std::string observation(std::string_view members = {}) {
  std::string text = R"({"id":"e1","source":"app","time":"2025-06-15T15:00:00Z","subject":"alice")";
  if (!members.empty()) text.append(",").append(members);
  return text + "}";
}

std::string first_problem(std::string_view body, Form form = Form::json) {
  const Batch batch = read_ok(body, form);
  if (batch.rejections.empty()) return "accepted";
  return std::string(batch.rejections[0].code) + ": " + batch.rejections[0].detail;
}

TEST(ObservationJson, AWholeObservationIsReadFieldByField) {
  const std::string body =
      std::string(
          R"({"id":"e9","time":"2025-06-15T17:00:00.250+02:00","source":"gateway",
           "identity_id":")") +
      std::string(kIdentity) +
      R"(","token_id":"0197730d-4a00-8abc-8000-0123456789ac","session_id":"s-77",
      "action":"api.call","outcome":"denied","source_ip":"::ffff:10.0.1.7","user_agent":"curl/8",
       "device_id":"d1",
      "client_id":"c1","endpoint":"/pay","resource":"invoice/7","scope":"pay:read pay:write","response_code":403,
      "request_size":12,"response_size":9223372036854775807,"records":3,"latency_ms":8,"actor":"bob",
      "attributes":{"region":"eu","note":"a\"b"},"count":4})";
  const Batch batch = read_ok(body);
  ASSERT_EQ(batch.drafts.size(), 1u);
  EXPECT_TRUE(batch.single);
  const Draft& draft = batch.drafts[0];
  EXPECT_EQ(draft.id, "e9");
  EXPECT_EQ(draft.time_ms, 1'749'999'600'250);
  EXPECT_EQ(draft.source, "gateway");
  EXPECT_EQ(draft.principal.text(), kIdentity);
  EXPECT_EQ(draft.token_id.text(), "0197730d-4a00-8abc-8000-0123456789ac");
  EXPECT_EQ(draft.session_id, foreign_reference("gateway", "s-77"));
  EXPECT_EQ(draft.action, "api.call");
  EXPECT_EQ(draft.outcome, v1::DENIED);
  EXPECT_EQ(draft.source_ip.text(), "10.0.1.7");
  EXPECT_EQ(draft.scope, "pay:read pay:write");
  EXPECT_EQ(draft.response_code, 403u);
  EXPECT_EQ(draft.response_size, 9223372036854775807u);
  EXPECT_EQ(draft.actor_subject, "bob");
  EXPECT_EQ(draft.count, 4u);
  ASSERT_EQ(draft.attributes.size(), 2u);
  EXPECT_EQ(draft.attributes[1].value, "a\"b");
}

TEST(ObservationJson, AListKeepsTheIndexOfEachAndABadOneStopsNoOther) {
  const Batch batch = read_ok("[" + observation() + "," + observation(R"("colour":"red")") + ",7," +
                              observation() + "]");
  ASSERT_EQ(batch.drafts.size(), 2u);
  EXPECT_FALSE(batch.single);
  EXPECT_EQ(batch.drafts[1].index, 3u);
  ASSERT_EQ(batch.rejections.size(), 2u);
  EXPECT_EQ(batch.rejections[0].index, 1u);
  EXPECT_EQ(batch.rejections[0].code, "unknown_field");
  EXPECT_EQ(batch.rejections[0].detail, "colour is no field of an observation");
  EXPECT_EQ(batch.rejections[0].id, "e1");
  EXPECT_EQ(batch.rejections[1].code, "not_an_object");
}

// The parser hands such a text out of a buffer of its own.
TEST(ObservationJson, ATextThatBeginsWithAnEscapeIsKept) {
  const Batch batch = read_ok(observation(
      R"("user_agent":"\"curl\"","\u0061ction":"\u0061pi.call","attributes":{"\u006bey":"\u0076"},"resource":"\/r")"));
  const Batch other = read_ok(observation(R"("user_agent":"\"wget\"","resource":"\\windows")"));
  ASSERT_EQ(batch.drafts.size(), 1u);
  EXPECT_EQ(batch.drafts[0].user_agent, "\"curl\"");
  EXPECT_EQ(batch.drafts[0].action, "api.call");
  EXPECT_EQ(batch.drafts[0].resource, "/r");
  ASSERT_EQ(batch.drafts[0].attributes.size(), 1u);
  EXPECT_EQ(batch.drafts[0].attributes[0].key, "key");
  EXPECT_EQ(batch.drafts[0].attributes[0].value, "v");
  EXPECT_EQ(other.drafts[0].user_agent, "\"wget\"");
}

TEST(ObservationJson, ATextThatBeginsWithANulIsRefused) {
  EXPECT_NE(first_problem(observation(R"("user_agent":"\u0000")")), "accepted");
  EXPECT_NE(first_problem(observation(R"("attributes":{"a":"\u0000b"})")), "accepted");
}

TEST(ObservationJson, EveryRefusalNamesItsField) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("source":"b")", "duplicate_field: source stands twice"},
      {R"("action":7)", "wrong_type: action must not be a number"},
      {R"("action":true)", "wrong_type: action must not be true or false"},
      {R"("action":["a"])", "wrong_type: action must not be a list"},
      {R"("action":{"a":{"b":1}})", "wrong_type: action must not be an object"},
      {R"("records":"7")", "wrong_type: records must not be a text"},
      {R"("records":-1)", "wrong_type: records must not be negative"},
      {R"("records":1.5)", "wrong_type: records must be a whole number below 2^63"},
      {R"("records":9223372036854775808)",
       "invalid_value: records must be at most 9223372036854775807"},
      {R"("response_code":4294967296)", "invalid_value: response_code must be at most 4294967295"},
      {R"("outcome":"ok")", "invalid_value: outcome must be success, failure or denied"},
      {R"("source_ip":"10.0.0.010")", "invalid_value: source_ip must be an IPv4 or IPv6 address"},
      {R"("identity_id":"7")",
       "invalid_value: identity_id must be the id of an identity; others are named by subject"},
      {R"("client_id":"a\u0000b")", "wrong_type: client_id must not hold a NUL"},
      {R"("attributes":{"a":1})", "wrong_type: attributes must not be a number"},
      {R"("attributes":{"a":{"b":"c"}})", "wrong_type: attributes must be flat"},
      {R"("attributes":{"a":"1","a":"2"})", "duplicate_field: attributes has the same key twice"},
      {R"("attributes":"a")", "wrong_type: attributes must not be a text"},
      {R"("count":1000001)", "invalid_value: count must be at most 1000000"},
  };
  for (const auto& [members, problem] : cases)
    EXPECT_EQ(first_problem(observation(members)), problem);
  EXPECT_EQ(first_problem(observation("\"identity_id\":\"" + std::string(kIdentity) + "\"")),
            "invalid_value: subject must be absent where identity_id stands");
}

TEST(ObservationJson, WhatIsMissingIsNamedAndNullIsAbsent) {
  EXPECT_EQ(first_problem(R"({})"), "missing_field: id is missing");
  EXPECT_EQ(first_problem(R"({"id":"1"})"), "missing_field: source is missing");
  EXPECT_EQ(first_problem(R"({"id":"1","source":"a"})"), "missing_field: time is missing");
  EXPECT_EQ(
      first_problem(R"({"id":"1","source":"a","time":"2025-06-15T15:00:00Z","subject":null})"),
      "missing_field: identity_id or subject is missing");
  EXPECT_EQ(first_problem(observation(R"("action":null,"records":null,"attributes":null)")),
            "accepted");
}

TEST(ObservationJson, AnActionIsWordsJoinedByDots) {
  for (const char* good : {"auth.login", "mfa.challenge.sent", "a.b-c_9"})
    EXPECT_EQ(first_problem(observation("\"action\":\"" + std::string(good) + "\"")), "accepted")
        << good;
  for (const char* bad :
       {"login", "auth.", ".login", "auth..login", "Auth.login", "auth login.x", "9.a"})
    EXPECT_THAT(first_problem(observation("\"action\":\"" + std::string(bad) + "\"")),
                testing::HasSubstr("invalid_value"));
}

std::string dated(int64_t time_ms) {
  return R"({"id":"e1","source":"app","subject":"alice","source_ip":"10.1.2.3","time":")" +
         rfc3339(time_ms) + "\"}";
}

TEST(ObservationJson, ATimeTooFarAheadOrBefore2000GoesToTheDeadLetterWithoutItsPerson) {
  EXPECT_EQ(first_problem(dated(kNow + kMaxAheadMs)), "accepted");
  EXPECT_EQ(first_problem(dated(kEarliestMs)), "accepted");
  EXPECT_EQ(first_problem(dated(kEarliestMs - 1)),
            "time_out_of_range: time lies before the year 2000");
  const Batch batch = read_ok(dated(kNow + kMaxAheadMs + 1));
  ASSERT_EQ(batch.rejections.size(), 1u);
  EXPECT_EQ(batch.rejections[0].code, "time_out_of_range");
  v1::Observation original;
  ASSERT_TRUE(original.ParseFromString(batch.rejections[0].original));
  EXPECT_EQ(original.id(), "e1");
  EXPECT_EQ(original.network(), "");
  EXPECT_EQ(batch.rejections[0].original.find("alice"), std::string::npos);
}

TEST(ObservationJson, ALongUserAgentIsCutAtACharacterAndOtherTextsAreRefused) {
  const std::string agent = std::string(255, 'a') + "é" + "tail";
  const std::string body = observation("\"user_agent\":\"" + agent + "\"");
  const Batch batch = read_ok(body);
  ASSERT_EQ(batch.drafts.size(), 1u);
  EXPECT_EQ(batch.drafts[0].user_agent, std::string(255, 'a'));
  EXPECT_EQ(first_problem(observation("\"client_id\":\"" + std::string(257, 'a') + "\"")),
            "too_long: client_id must have at most 256 bytes");
}

TEST(ObservationJson, SeventeenAttributesAreTooMany) {
  std::string members = R"("attributes":{)";
  for (int i = 0; i < 17; ++i) members += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":\"v\"";
  EXPECT_EQ(first_problem(observation(members + "}")),
            "too_long: attributes must have at most 16 entries");
}

TEST(ObservationJson, AKeyWrittenWithEscapesIsTheSameKey) {
  EXPECT_EQ(first_problem(observation(R"("s\u006furce":"b")")),
            "duplicate_field: source stands twice");
}

TEST(ObservationJson, ABodyThatIsNoJsonIsRefusedWithItsPlace) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "observe.json.syntax"},
      {"{", "observe.json.syntax"},
      {observation() + "x", "observe.json.syntax"},
      {"7", "observe.json.shape"},
      {"null", "observe.json.shape"},
      {"\"a\"", "observe.json.shape"},
      {std::string(40, '['), "observe.json.syntax"},
      {"{\"id\":\"\xff\"}", "observe.json.syntax"}};
  for (const auto& [body, reason] : cases) {
    const auto batch = read(Form::json, body, kNow);
    ASSERT_FALSE(batch.ok()) << body;
    EXPECT_EQ(batch.error().reason, reason) << body;
  }
  EXPECT_THAT(read(Form::json, "[\n  {]", kNow).error().detail,
              testing::HasSubstr("line 2 column 4"));
}

TEST(ObservationJson, ABrokenLineOfNdjsonIsOneRejection) {
  const Batch batch =
      read_ok(observation() + "\n\n{\"id\":\n" + observation() + "trailing\r\n" + observation(),
              Form::ndjson);
  ASSERT_EQ(batch.drafts.size(), 2u);
  EXPECT_EQ(batch.drafts[1].index, 3u);
  ASSERT_EQ(batch.rejections.size(), 2u);
  EXPECT_EQ(batch.rejections[0].index, 1u);
  EXPECT_EQ(batch.rejections[1].code, "unreadable");
}

TEST(ObservationJson, ACloudEventLendsItsIdSourceAndTime) {
  const std::string event =
      R"({"specversion":"1.0","type":"x","id":"ce1","source":"/idp","time":"2025-06-15T15:00:00Z",
      "traceparent":"00-1","sequence":7,"data":{"subject":"alice","action":"auth.login"}})";
  const Batch single = read_ok(event, Form::cloud_event);
  ASSERT_EQ(single.drafts.size(), 1u);
  EXPECT_TRUE(single.single);
  EXPECT_EQ(single.drafts[0].id, "ce1");
  EXPECT_EQ(single.drafts[0].source, "/idp");
  const Batch list = read_ok("[" + event + "," + event + "]", Form::cloud_events);
  EXPECT_EQ(list.drafts.size(), 2u);
  EXPECT_FALSE(read(Form::cloud_event, "[" + event + "]", kNow).ok());
}

TEST(ObservationJson, ACloudEventWithoutDataOrOfAnotherVersionIsRefused) {
  EXPECT_EQ(first_problem(R"([{"specversion":"1.0","type":"x","id":"1","source":"a"}])",
                          Form::cloud_events),
            "missing_field: data is missing");
  EXPECT_EQ(first_problem(R"([{"specversion":"0.3","type":"x","id":"1","source":"a","data":{}}])",
                          Form::cloud_events),
            "invalid_value: specversion must be 1.0");
  EXPECT_EQ(first_problem(
                R"([{"specversion":"1.0","type":"x","id":"1","source":"a","data_base64":"e30="}])",
                Form::cloud_events),
            "invalid_value: data_base64 is not taken; send data as JSON");
}

TEST(ObservationJson, TheMediaTypeSaysHowToRead) {
  EXPECT_EQ(form_of("application/json; charset=utf-8"), Form::json);
  EXPECT_EQ(form_of(""), Form::json);
  EXPECT_EQ(form_of("application/x-www-form-urlencoded"), Form::json);
  EXPECT_EQ(form_of("Application/X-NDJSON"), Form::ndjson);
  EXPECT_EQ(form_of("application/cloudevents-batch+json"), Form::cloud_events);
  EXPECT_EQ(form_of("application/x-protobuf"), Form::protobuf);
  EXPECT_EQ(form_of("text/html"), std::nullopt);
}

}  // namespace
}  // namespace watchword::observe
