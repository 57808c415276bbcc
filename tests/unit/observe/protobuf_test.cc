#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "api/observe/draft.h"

namespace watchword::observe {
namespace {

constexpr int64_t kNow = 1'750'000'000'000;

v1::Observation good() {
  v1::Observation observation;
  observation.set_id("e1");
  observation.set_time_ms(kNow);
  observation.set_source("app");
  observation.set_principal(std::string(15, 'p') + "q");
  observation.set_action("auth.login");
  observation.set_outcome(v1::SUCCESS);
  observation.set_network(std::string("\x0a\x01\x02\x03", 4));
  return observation;
}

std::string body_of(const v1::Observation& observation) {
  v1::ObservationBatch batch;
  *batch.add_observations() = good();
  *batch.add_observations() = observation;
  return batch.SerializeAsString();
}

std::string second_problem(const v1::Observation& observation) {
  const std::string body = body_of(observation);
  const auto batch = read(Form::protobuf, body, kNow);
  if (!batch) return std::string(batch.error().reason);
  if (batch->rejections.empty()) return "accepted";
  EXPECT_EQ(batch->rejections[0].index, 1u);
  return std::string(batch->rejections[0].code) + ": " + batch->rejections[0].detail;
}

TEST(ObservationProtobuf, ABatchIsReadByTheRulesOfJson) {
  EXPECT_EQ(second_problem(good()), "accepted");
  v1::Observation observation = good();
  observation.set_action("login");
  EXPECT_EQ(second_problem(observation).substr(0, 13), "invalid_value");
  observation = good();
  observation.set_principal("short");
  EXPECT_EQ(second_problem(observation), "invalid_value: principal must have 16 bytes");
  observation = good();
  observation.set_network("abc");
  EXPECT_EQ(second_problem(observation), "invalid_value: network must have 4 or 16 bytes");
  observation = good();
  observation.clear_source();
  EXPECT_EQ(second_problem(observation), "missing_field: source is missing");
}

TEST(ObservationProtobuf, ASenderCannotConcludeForUs) {
  v1::Observation observation = good();
  observation.set_authenticated(true);
  EXPECT_EQ(second_problem(observation), "unknown_field: field 25 is not a sender's");
}

TEST(ObservationProtobuf, TextMustBeUtf8WithoutNul) {
  v1::Observation observation = good();
  observation.set_session_id(std::string("a\0b", 3));
  EXPECT_EQ(second_problem(observation), "invalid_value: session_id must be 16 bytes or a text");
  std::string body = body_of(good());
  const size_t at = body.find("auth.login");
  body[at] = '\xff';
  const auto batch = read(Form::protobuf, body, kNow);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->rejections.size(), 1u);
}

TEST(ObservationProtobuf, BytesThatAreNoBatchAreRefusedWhole) {
  EXPECT_EQ(read(Form::protobuf, "hello", kNow).error().reason, "observe.protobuf.syntax");
  const std::string cut = body_of(good()).substr(0, 40);
  EXPECT_EQ(read(Form::protobuf, cut, kNow).error().reason, "observe.protobuf.syntax");
}

TEST(Finish, KeepsTheWholeNetworkOfAMachineAndTruncatesThatOfAPerson) {
  const std::string body = body_of(good());
  const auto batch = read(Form::protobuf, body, kNow);
  ASSERT_TRUE(batch.ok());
  v1::Observation machine, person;
  ASSERT_TRUE(machine.ParseFromString(finish(batch->drafts[0], v1::SERVICE_ACCOUNT, true, false)));
  ASSERT_TRUE(person.ParseFromString(finish(batch->drafts[0], v1::FOREIGN, false, true)));
  EXPECT_EQ(machine.network(), std::string("\x0a\x01\x02\x03", 4));
  EXPECT_EQ(person.network(), std::string("\x0a\x01\x02\x00", 4));
  EXPECT_TRUE(machine.authenticated());
  EXPECT_TRUE(person.imported());
  EXPECT_EQ(person.kind(), static_cast<uint32_t>(v1::FOREIGN));
}

TEST(Finish, SaysAllThatTheDraftHolds) {
  const std::string text =
      R"({"id":"e1","source":"app","time":"2025-06-15T15:00:00Z","subject":"alice","endpoint":"/a",
    "device_id":"d","count":3,"latency_ms":9,"attributes":{"k":"v"},"token_id":"t"})";
  auto batch = read(Form::json, text, kNow);
  ASSERT_TRUE(batch.ok());
  batch->drafts[0].principal = foreign_reference("x", "y");
  v1::Observation observation;
  const std::string bytes = finish(batch->drafts[0], v1::FOREIGN, false, false);
  ASSERT_TRUE(observation.ParseFromString(bytes));
  EXPECT_EQ(observation.SerializeAsString(), bytes) << "fields stand in ascending order";
  EXPECT_EQ(observation.endpoint(), "/a");
  EXPECT_EQ(observation.count(), 3u);
  EXPECT_EQ(observation.attributes(0).value(), "v");
  EXPECT_EQ(observation.token_id(), foreign_reference("app", "t").view());
  EXPECT_NE(observation.device(), 0u);
  EXPECT_EQ(observation.subject(), "");
}

TEST(Finish, FiveHundredObservationsOfJsonTakeMicrosecondsEach) {
  std::string body = "[";
  for (int i = 0; i < 500; ++i)
    body +=
        std::string(i ? "," : "") + R"({"id":"evt-)" + std::to_string(i) +
        R"(","source":"gateway","time":"2025-06-15T15:00:00.123Z","subject":"alice@example.com","action":"api.call",)" +
        R"("outcome":"success","source_ip":"10.0.1.7","user_agent":"curl/8.1.0",)" +
            R"("endpoint":"/v1/pay","response_code":200})";
  body += "]";
  const auto begin = std::chrono::steady_clock::now();
  size_t bytes = 0;
  for (int round = 0; round < 100; ++round) {
    const auto batch = read(Form::json, body, kNow);
    ASSERT_EQ(batch->drafts.size(), 500u);
    for (const Draft& draft : batch->drafts)
      bytes += finish(draft, v1::FOREIGN, false, false).size();
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  const double each_us = took.count() / 50'000;
  std::printf("json to bytes: %.2f us per observation\n", each_us);
  EXPECT_GT(bytes, 50'000u * 50);
  EXPECT_LT(each_us, 100.0) << "thirty times over the target of 3 us";
}

}  // namespace
}  // namespace watchword::observe
