#include "api/http/request.h"

#include <gtest/gtest.h>

#include <array>

#include "api/http/rate_limit.h"
#include "events/policy/cidr.h"

namespace watchword::http {
namespace {

// A request as the server would hand it over. The block lives with it.
struct Asked {
  std::string block;
  Request request;
  explicit Asked(const std::string& lines, std::string_view target = "/",
                 const char* remote = "10.0.0.9")
      : block("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n") {
    const auto verdict = inspect(block, GateLimits{}, request.fill_head());
    if (!verdict.accepted()) throw std::runtime_error(std::string(verdict.reason));
    request.fill({}, *Address::parse(remote), false);
  }
};

std::string id_for(const std::string& lines) { return std::string(Asked(lines).request.id()); }

TEST(Request, TakesItsIdFromTheEdgeOrTheTrace) {
  EXPECT_EQ(id_for("CF-Ray: 8c1f2a3b4c5d6e7f-AMS\r\n"), "8c1f2a3b4c5d6e7f-AMS");
  const std::string trace =
      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
  EXPECT_EQ(id_for(trace), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(id_for(trace + "CF-Ray: ray1\r\n"), "ray1");
}

TEST(Request, MintsAnIdWhenWhatCameIsNotOne) {
  for (const auto* lines :
       {"", "CF-Ray: <script>\r\n", "CF-Ray:\r\n", "traceparent: 00-zz\r\n",
        "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\n",
        "traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01\r\n",
        "traceparent: ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"}) {
    const std::string id = id_for(lines);
    EXPECT_EQ(id.size(), 32u) << lines;
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), id.npos);
    EXPECT_NE(id, id_for(lines));
  }
}

TEST(Request, KeepsItsIdForAsLongAsItLives) {
  Asked asked("");
  const std::string id(asked.request.id());
  EXPECT_EQ(asked.request.id(), id);
}

TEST(Request, ReadsABearerTokenAndNothingElse) {
  const auto bearer = [](const std::string& value) {
    Asked asked("Authorization: " + value + "\r\n");
    const auto token = asked.request.bearer();
    return token ? std::string(*token) : "none";
  };
  EXPECT_EQ(bearer("Bearer abc.DEF-_~+/="), "abc.DEF-_~+/=");
  EXPECT_EQ(bearer("bEARER x"), "x");
  EXPECT_EQ(bearer("Bearer"), "none");
  EXPECT_EQ(bearer("Bearer a b"), "none");
  EXPECT_EQ(bearer("Bearer  a"), "none");
  EXPECT_EQ(bearer("Bearer a,b"), "none");
  EXPECT_EQ(bearer("Basic YTpi"), "none");
  EXPECT_EQ(Asked("").request.bearer(), std::nullopt);
}

TEST(Request, ReadsItsQueryOnceAndStrictly) {
  Asked good("", "/a?limit=10&q=a%20b");
  ASSERT_TRUE(good.request.query());
  EXPECT_EQ((*good.request.query())->get("q"), "a b");
  Asked bad("", "/a?limit=10&limit=11");
  EXPECT_EQ(bad.request.query().error().reason, "http.form.repeated");
}

TEST(Request, KnowsItsMediaTypeWithoutParameters) {
  Asked asked("Content-Type: Application/JSON ; charset=utf-8\r\n");
  EXPECT_EQ(asked.request.media_type(), "Application/JSON");
  EXPECT_TRUE(asked.request.has_media_type("application/json"));
  EXPECT_FALSE(Asked("").request.has_media_type("application/json"));
}

std::string client_of(const std::string& lines, const char* remote = "10.0.0.9") {
  const std::array proxies{*policy::Cidr::parse("10.0.0.0/24"),
                           *policy::Cidr::parse("2001:db8::/32")};
  const auto client = client_address(Asked(lines, "/", remote).request, proxies);
  return client ? client->text() : std::string(client.error().reason);
}

TEST(ClientAddress, IsTheSocketsWhenNoTrustedProxyIsBefore) {
  EXPECT_EQ(client_of("X-Forwarded-For: 1.2.3.4\r\n", "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(client_of(""), "10.0.0.9");
}

TEST(ClientAddress, IsTheRightmostHopThatIsNoProxyOfOurs) {
  EXPECT_EQ(client_of("X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n"), "1.2.3.4");
  EXPECT_EQ(client_of("X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.7 , 2001:db8::5\r\n"), "1.2.3.4");
  EXPECT_EQ(client_of("X-Forwarded-For: 10.0.0.3, 10.0.0.7\r\n"), "10.0.0.3");
  EXPECT_EQ(client_of("X-Forwarded-For: ::ffff:1.2.3.4\r\n"), "1.2.3.4");
}

TEST(ClientAddress, SeveralLinesAreOneList) {
  EXPECT_EQ(client_of("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4\r\n"), "1.2.3.4");
  EXPECT_EQ(client_of("X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 10.0.0.7\r\n"), "1.2.3.4");
}

TEST(ClientAddress, IsNotGuessedFromAMalformedHop) {
  for (const auto* value :
       {"unknown", "1.2.3.4:80", "[::1]", "", "1.2.3.4,", "1.2.3.4;10.0.0.7", "01.2.3.4"})
    EXPECT_EQ(client_of("X-Forwarded-For: " + std::string(value) + "\r\n"),
              "http.forwarded.malformed")
        << value;
  EXPECT_EQ(client_of("X-Forwarded-For: garbage, 1.2.3.4\r\n"),
            "1.2.3.4");  // beyond what we trust, anyone may write anything
}

}  // namespace
}  // namespace watchword::http
