#include "api/http/problem.h"

#include <gtest/gtest.h>

namespace watchword::http {
namespace {

struct Answered {
  std::string block = "GET /api/v1/x?secret=1 HTTP/1.1\r\nHost: h\r\nCF-Ray: ray\r\n\r\n";
  Request request;
  Response response;
  Answered() {
    EXPECT_TRUE(inspect(block, GateLimits{}, request.fill_head()).accepted());
    request.fill({}, {}, false);
    request.matched("/api/v1/x");
  }
};

TEST(Problem, EveryCodeHasItsStatus) {
  const std::vector<std::pair<Errc, int>> table{
      {Errc::invalid, 400},     {Errc::unauthenticated, 401},
      {Errc::denied, 403},      {Errc::not_found, 404},
      {Errc::conflict, 409},    {Errc::unprocessable, 422},
      {Errc::too_large, 413},   {Errc::too_many, 429},
      {Errc::unavailable, 503}, {Errc::corrupt, 500},
      {Errc::io, 503},          {Errc::internal, 500}};
  for (const auto& [code, status] : table) EXPECT_EQ(status_of(code), status);
}

TEST(Problem, SaysWhatIsWrongAndWhere) {
  Answered answered;
  Problem problem{400, "request.body.invalid", "two problems", {{"/a", "is required"}}, 0};
  answer_problem(problem, answered.request, answered.response);
  EXPECT_EQ(answered.response.status, 400);
  EXPECT_EQ(answered.response.content_type, "application/problem+json");
  EXPECT_EQ(answered.response.body,
            R"({"type":"about:blank","title":"Bad Request","status":400,"detail":"two problems",)"
            R"("instance":"/api/v1/x","code":"request.body.invalid","request_id":"ray",)"
            R"("errors":[{"pointer":"/a","detail":"is required"}]})");
}

TEST(Problem, OfThePathOnlyWordsOfTheRouteAndIdsAreTold) {
  constexpr std::string_view kId = "01a1fe33-2cb9-8d1d-a277-88a1df6de65b";
  const auto instance = [](std::string_view route, const std::string& path) {
    Answered answered;
    answered.block = "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_TRUE(inspect(answered.block, GateLimits{}, answered.request.fill_head()).accepted());
    answered.request.matched(route);
    answer_error(Error{Errc::not_found, "x", {}}, answered.request, answered.response);
    const std::string_view body = answered.response.body;
    const size_t at = body.find("instance");
    return at == body.npos ? "" : std::string(body.substr(at + 11, body.find('"', at + 11) - at - 11));
  };
  const std::string id(kId);
  EXPECT_EQ(instance("/tokens/{id}", "/tokens/" + id), "/tokens/" + id);
  EXPECT_EQ(instance("/tokens/{id}/rotate", "/tokens/sk_12345678/rotate"), "/tokens/-/rotate");
  EXPECT_EQ(instance("/authz/forward/*", "/authz/forward/secret/path"), "/authz/forward");
  EXPECT_EQ(instance("", "/some-password"), "");
}

TEST(Problem, WhatBrokeInsideStaysInside) {
  Answered answered;
  answer_error(Error{Errc::io, "store.write", "/var/lib/watchword: no space left"},
               answered.request, answered.response);
  EXPECT_EQ(answered.response.body.find("/var"), std::string::npos);
  EXPECT_NE(answered.response.body.find("store.write"), std::string::npos);
}

TEST(Problem, RetryAfterComesWith429And503Alone) {
  const auto headers = [](Errc code) {
    Answered answered;
    answer_error(Error{code, "x", {}}, answered.request, answered.response);
    return std::string(answered.response.headers());
  };
  EXPECT_EQ(headers(Errc::too_many), "Retry-After: 1\r\n");
  EXPECT_EQ(headers(Errc::unavailable), "Retry-After: 1\r\n");
  EXPECT_EQ(headers(Errc::conflict), "");
  EXPECT_EQ(headers(Errc::unauthenticated), "WWW-Authenticate: Bearer realm=\"watchword\"\r\n");
}

TEST(OauthError, FollowsItsOwnForm) {
  Response response;
  answer_oauth_error("invalid_scope", "no \"x\"\n", response);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, R"({"error":"invalid_scope","error_description":"no ?x??"})");
  Response client;
  answer_oauth_error("invalid_client", "", client);
  EXPECT_EQ(client.status, 401);
  EXPECT_EQ(client.body, R"({"error":"invalid_client"})");
  EXPECT_NE(client.headers().find("WWW-Authenticate: "), std::string::npos);
}

TEST(OauthError, AnErrorBecomesTheNearestCode) {
  const auto answer = [](Errc code) {
    Response response;
    answer_oauth_error(Error{code, "x", "why"}, response);
    return std::to_string(response.status) + " " + response.body;
  };
  EXPECT_EQ(answer(Errc::unauthenticated),
            R"(401 {"error":"invalid_client","error_description":"why"})");
  EXPECT_EQ(answer(Errc::unprocessable),
            R"(400 {"error":"invalid_request","error_description":"why"})");
  EXPECT_EQ(answer(Errc::too_many),
            R"(429 {"error":"temporarily_unavailable","error_description":"why"})");
  EXPECT_EQ(answer(Errc::unavailable), R"(503 {"error":"temporarily_unavailable"})");
  EXPECT_EQ(answer(Errc::corrupt), R"(500 {"error":"server_error"})");
}

}  // namespace
}  // namespace watchword::http
