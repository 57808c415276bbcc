#include <set>

#include "tests/unit/import/support.h"

namespace watchword::import {
namespace {

// A record with `members` in place of those of the same name.
std::string record(std::string_view members = "{}") {
  boost::json::object object =
      boost::json::parse(
          R"({"eventID":"11111111-2222-4333-8444-555555555555","eventTime":"2022-05-06T07:08:09Z",
        "eventSource":"ec2.amazonaws.com","eventName":"DescribeHosts","awsRegion":"eu-west-1",
        "sourceIPAddress":"198.51.100.7","userAgent":"tool/1.0","recipientAccountId":"999900001111",
        "userIdentity":{"type":"IAMUser","principalId":"AIDAX","arn":"arn:aws:iam::999900001111:user/kim",
          "accountId":"999900001111","accessKeyId":"AKIAX","userName":"kim"},
        "requestParameters":null,"responseElements":null})")
          .as_object();
  const boost::json::value changes = boost::json::parse(members);
  for (const auto& [name, value] : changes.get_object()) object[name] = value;
  return boost::json::serialize(object);
}

boost::json::object seen_of(std::string_view members) {
  const Output out = parse_lines(cloudtrail_parser(), {record(members)});
  EXPECT_TRUE(out.problems.empty()) << out.problems[0];
  return out.seen.empty() ? boost::json::object() : out.seen[0];
}
std::string subject_of(const std::string& identity) {
  return text_at(seen_of(R"({"userIdentity":)" + identity + "}"), "subject");
}

TEST(CloudTrail, AnOrdinaryCallIsTakenFieldByField) {
  const auto seen = seen_of("{}");
  EXPECT_EQ(text_at(seen, "id"), "11111111-2222-4333-8444-555555555555");
  EXPECT_EQ(text_at(seen, "time"), "2022-05-06T07:08:09.000Z");
  EXPECT_EQ(text_at(seen, "source"), "cloudtrail:999900001111");
  EXPECT_EQ(text_at(seen, "subject"), "arn:aws:iam::999900001111:user/kim");
  EXPECT_EQ(text_at(seen, "token_id"), "AKIAX");
  EXPECT_EQ(text_at(seen, "endpoint"), "ec2:DescribeHosts");
  EXPECT_EQ(text_at(seen, "action"), "api.call");
  EXPECT_EQ(text_at(seen, "outcome"), "success");
  EXPECT_EQ(text_at(seen, "source_ip"), "198.51.100.7");
  EXPECT_EQ(attribute(seen, "region"), "eu-west-1");
}

TEST(CloudTrail, ThePrincipalIsFoundWhateverIsMissing) {
  EXPECT_EQ(subject_of(R"({"type":"IAMUser","principalId":"AIDAX:kim","userName":"kim"})"),
            "AIDAX");
  EXPECT_EQ(subject_of(R"({"type":"IAMUser","accountId":"1","userName":"kim"})"), "1/kim");
  EXPECT_EQ(subject_of(R"({"type":"IAMUser","userName":"kim"})"), "kim");
  EXPECT_EQ(
      subject_of(
          R"({"type":"AssumedRole","principalId":"AROAX:i-1","sessionContext":{"sessionIssuer":{"arn":"arn:r"}}})"),
      "arn:r");
  EXPECT_EQ(subject_of(R"({"type":"AssumedRole","arn":"arn:aws:sts::7:assumed-role/build/run-1"})"),
            "arn:aws:iam::7:role/build");
  EXPECT_EQ(subject_of(R"({"type":"AssumedRole","principalId":"AROAX:run-1"})"), "AROAX");
  EXPECT_EQ(subject_of(R"({"type":"Root","accountId":"7"})"), "arn:aws:iam::7:root");
  EXPECT_EQ(subject_of(R"({"type":"Root","userName":"x"})"), "root");
  EXPECT_EQ(
      subject_of(R"({"type":"AWSAccount","principalId":"","accountId":"ANONYMOUS_PRINCIPAL"})"),
      "anonymous");
  EXPECT_EQ(subject_of(R"({"type":"AWSAccount","principalId":"AIDAZ","accountId":"8"})"),
            "aws-account:8/AIDAZ");
  EXPECT_EQ(subject_of(R"({"type":"AWSService","invokedBy":"rds.amazonaws.com"})"),
            "aws-service:rds.amazonaws.com");
  EXPECT_EQ(subject_of(R"({"accountId":"9","invokedBy":"health.amazonaws.com"})"),
            "aws-service:health.amazonaws.com");
  EXPECT_EQ(subject_of("null"), "unknown");
  EXPECT_EQ(subject_of("{}"), "unknown");
}

TEST(CloudTrail, WhatIsNoAddressOfThePrincipalGivesNoNetwork) {
  for (const char* source : {"AWS Internal", "secretsmanager.amazonaws.com", "010.1.2.3", ""}) {
    const auto seen = seen_of(R"({"sourceIPAddress":")" + std::string(source) + "\"}");
    EXPECT_FALSE(seen.contains("source_ip")) << source;
    EXPECT_EQ(attribute(seen, "source_address"), source);
  }
  const auto called =
      seen_of(R"({"userIdentity":{"type":"IAMUser","arn":"a","invokedBy":"kms.amazonaws.com"}})");
  EXPECT_FALSE(called.contains("source_ip"));
  EXPECT_EQ(attribute(called, "invoked_by"), "kms.amazonaws.com");
}

TEST(CloudTrail, BracketsAroundAnAgentAndVersionsOfLambdaAreTakenOff) {
  EXPECT_EQ(text_at(seen_of(R"({"userAgent":"[aws-cli/2.0]"})"), "user_agent"), "aws-cli/2.0");
  const auto lambda = seen_of(
      R"({"eventSource":"lambda.amazonaws.com","eventName":"UpdateFunctionCode20150331v2"})");
  EXPECT_EQ(text_at(lambda, "endpoint"), "lambda:UpdateFunctionCode");
  EXPECT_EQ(text_at(seen_of(R"({"eventSource":"s3.amazonaws.com","eventName":"ListObjectsV2"})"),
                    "endpoint"),
            "s3:ListObjectsV2");
}

TEST(CloudTrail, OnlyRefusalsAreRefusals) {
  const std::pair<const char*, const char*> cases[] = {
      {"AccessDenied", "denied"},          {"Client.UnauthorizedOperation", "denied"},
      {"AccessDeniedException", "denied"}, {"ThrottlingException", ""},
      {"NoSuchBucketPolicy", ""},          {"Client.InvalidVpcID.NotFound", ""},
      {"InvalidClientTokenId", "failure"}};
  for (const auto& [code, outcome] : cases) {
    const auto seen = seen_of(R"({"errorCode":")" + std::string(code) + "\"}");
    EXPECT_EQ(text_at(seen, "outcome"), outcome) << code;
    EXPECT_EQ(attribute(seen, "error_code"), code);
  }
  EXPECT_EQ(text_at(seen_of(R"({"errorCode":null})"), "outcome"), "success");
}

TEST(CloudTrail, AConsoleLoginSaysInItsAnswerHowItWent) {
  const auto login = [](const char* members) {
    return seen_of(R"({"eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin",)" +
                   std::string(members) + "}");
  };
  const auto good = login(
      R"("responseElements":{"ConsoleLogin":"Success"},"additionalEventData":{"MFAUsed":"Yes"})");
  EXPECT_EQ(text_at(good, "action"), "auth.login");
  EXPECT_EQ(text_at(good, "outcome"), "success");
  EXPECT_EQ(attribute(good, "mfa"), "true");
  EXPECT_EQ(text_at(login(R"("responseElements":{"ConsoleLogin":"Failure"})"), "outcome"),
            "failure");
  EXPECT_EQ(text_at(login(R"("errorMessage":"Failed authentication")"), "outcome"), "failure");
  EXPECT_EQ(text_at(login(R"("responseElements":null)"), "outcome"), "");
}

TEST(CloudTrail, AConsoleCallAndItsLoginShareASession) {
  const auto login =
      seen_of(R"({"eventName":"ConsoleLogin","responseElements":{"ConsoleLogin":"Success"}})");
  const auto call =
      seen_of(R"({"sessionCredentialFromConsole":"true","userIdentity":{"type":"IAMUser",
    "arn":"arn:aws:iam::999900001111:user/kim","sessionContext":{"attributes":{"creationDate":"2022-05-06T07:08:09Z"}}}})");
  EXPECT_EQ(text_at(login, "session_id"),
            "arn:aws:iam::999900001111:user/kim#2022-05-06T07:08:09Z");
  EXPECT_EQ(text_at(login, "session_id"), text_at(call, "session_id"));
  EXPECT_EQ(attribute(call, "from_console"), "true");
}

TEST(CloudTrail, SecretsOfAnAnswerStayBehindAndLineageIsKept) {
  const Output out = parse_lines(
      cloudtrail_parser(),
      {record(R"({"eventName":"AssumeRole","responseElements":{"credentials":
    {"accessKeyId":"ASIACHILD","sessionToken":"t0p-s3cret","secretAccessKey":"k3y"}}})"),
       record(
           R"({"eventName":"CreateAccessKey","responseElements":{"accessKey":{"accessKeyId":"AKIANEW","secretAccessKey":"k3y"}}})")});
  ASSERT_EQ(out.seen.size(), 2u);
  EXPECT_EQ(attribute(out.seen[0], "child_key"), "ASIACHILD");
  EXPECT_EQ(text_at(out.seen[0], "action"), "token.issue");
  EXPECT_EQ(attribute(out.seen[1], "new_key"), "AKIANEW");
  EXPECT_EQ(text_at(out.seen[1], "action"), "credential.create");
  EXPECT_EQ(out.text.find("t0p-s3cret"), std::string::npos);
  EXPECT_EQ(out.text.find("k3y"), std::string::npos);
}

TEST(CloudTrail, TheResourceIsTheArnOrAKnownParameterAndNeverAMask) {
  EXPECT_EQ(text_at(seen_of(R"({"resources":[{"ARN":"arn:b"}]})"), "resource"), "arn:b");
  EXPECT_EQ(text_at(seen_of(R"({"requestParameters":{"bucketName":"b1"}})"), "resource"), "b1");
  EXPECT_EQ(text_at(seen_of(R"({"requestParameters":{"name":"HIDDEN_DUE_TO_SECURITY_REASONS"}})"),
                    "resource"),
            "");
}

TEST(CloudTrail, WrappersOfS3LookupEventsAndEventBridgeAreOpened) {
  const boost::json::value inner = boost::json::parse(record());
  const boost::json::object lookup{
      {"EventId", "x"}, {"EventTime", "2022-05-06 18:08:09+11:00"}, {"CloudTrailEvent", record()}};
  const boost::json::object bridge{{"detail-type", "AWS API Call via CloudTrail"},
                                   {"detail", inner}};
  const Output out =
      parse_lines(cloudtrail_parser(),
                  {boost::json::serialize(boost::json::object{{"Records", {inner, inner}}}),
                   boost::json::serialize(lookup),
                   boost::json::serialize(boost::json::object{{"Events", {lookup}}}),
                   boost::json::serialize(bridge)});
  ASSERT_EQ(out.seen.size(), 5u);
  for (const auto& seen : out.seen) EXPECT_EQ(seen, out.seen[0]);
  EXPECT_TRUE(out.problems.empty());
}

TEST(CloudTrail, TimesOfOtherShapesAreReadAndNoneIsInvented) {
  EXPECT_EQ(text_at(seen_of(R"({"eventTime":"2019-01-01 00:00:00"})"), "time"),
            "2019-01-01T00:00:00.000Z");
  EXPECT_EQ(
      text_at(seen_of(R"({"eventTime":null,"@timestamp":"2019-01-01T00:00:00+01:00"})"), "time"),
      "2018-12-31T23:00:00.000Z");
  const Output out = parse_lines(cloudtrail_parser(),
                                 {record(R"({"eventTime":null})"), "{}", "nonsense", "[1]", ""});
  EXPECT_EQ(out.problems.size(), 4u);
}

TEST(CloudTrail, ARecordWithoutAnIdGetsOneThatStays) {
  const std::vector<std::string> lines{record(R"({"eventID":null})"), record(R"({"eventID":null})"),
                                       record(R"({"eventID":"<eventId>"})")};
  const Output once = parse_lines(cloudtrail_parser(), lines),
               again = parse_lines(cloudtrail_parser(), lines);
  ASSERT_EQ(once.seen.size(), 3u);
  EXPECT_NE(text_at(once.seen[0], "id"), text_at(once.seen[1], "id"));
  EXPECT_TRUE(text_at(once.seen[2], "id").starts_with("cloudtrail-"));
  EXPECT_EQ(once.text, again.text);
}

TEST(CloudTrail, TheRealTrailIsReadableWholeAndLosesItsSecrets) {
  const std::string folder = real_data();
  if (folder.empty()) return;
  const Output out = parse_file(Format::cloudtrail, folder + "/cloudtrail/invictus.jsonl.gz", {});
  EXPECT_EQ(out.seen.size(), 2672u);
  EXPECT_TRUE(out.problems.empty());
  for (const char* mark :
       {"EXAMPLE-SESSION-TOKEN", "sessionToken", "secretAccessKey", "HIDDEN_DUE_TO"})
    EXPECT_EQ(out.text.find(mark), std::string::npos) << mark;
  size_t without_network = 0, denied = 0, failed = 0;
  for (const auto& seen : out.seen) {
    without_network += !seen.contains("source_ip");
    denied += text_at(seen, "outcome") == "denied";
    failed += text_at(seen, "outcome") == "failure";
  }
  EXPECT_EQ(without_network, 353u);
  EXPECT_EQ(denied, 24u);
  EXPECT_EQ(failed, 0u);
}

TEST(CloudTrail, TheRealAttacksAndTheLookupShapeAreReadable) {
  const std::string folder = real_data();
  if (folder.empty()) return;
  size_t seen = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder + "/cloudtrail/stratus")) {
    const Output out = parse_file(Format::cloudtrail, file.path().string(), {});
    EXPECT_TRUE(out.problems.empty()) << file.path();
    EXPECT_EQ(out.text.find("EXAMPLE-SESSION-TOKEN"), std::string::npos);
    seen += out.seen.size();
  }
  EXPECT_EQ(seen, 210u);
  EXPECT_EQ(
      parse_file(Format::cloudtrail, folder + "/formats/aws_cloudtrail.jsonl", {}).seen.size(), 6u);
}

}  // namespace
}  // namespace watchword::import
