#include "api/http/gate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace watchword::http {
namespace {

using namespace std::string_literals;

struct Case {
  std::string name;
  std::string block;
  int status;  // 0: accepted
  std::string reason = {};
};

std::string with(const std::string& lines) {
  return "POST /a HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
}
std::string target(const std::string& text) {
  return "GET " + text + " HTTP/1.1\r\nHost: h\r\n\r\n";
}
std::string first_line(const std::string& line) { return line + "\r\nHost: h\r\n\r\n"; }

const std::vector<Case> kCases{
    // Lengths: RFC 9112 section 6.
    {"content length alone", with("Content-Length: 5\r\n"), 0},
    {"content length with tabs around it", with("Content-Length:\t5 \t\r\n"), 0},
    {"content length zero", with("Content-Length: 0\r\n"), 0},
    {"chunked alone", with("Transfer-Encoding: chunked\r\n"), 0},
    {"chunked in capitals", with("TRANSFER-ENCODING: Chunked\r\n"), 0},
    {"both lengths", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400,
     "http.length.two_ways"},
    {"both lengths the other way round",
     with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400, "http.length.two_ways"},
    {"two equal content lengths", with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400,
     "http.header.repeated"},
    {"two different content lengths", with("Content-Length: 5\r\ncontent-length: 6\r\n"), 400,
     "http.header.repeated"},
    {"content length as a list", with("Content-Length: 5, 5\r\n"), 400,
     "http.content_length.malformed"},
    {"content length with plus", with("Content-Length: +5\r\n"), 400,
     "http.content_length.malformed"},
    {"content length negative", with("Content-Length: -5\r\n"), 400,
     "http.content_length.malformed"},
    {"content length with a space in it", with("Content-Length: 1 5\r\n"), 400,
     "http.content_length.malformed"},
    {"content length in hex", with("Content-Length: 0x5\r\n"), 400,
     "http.content_length.malformed"},
    {"content length empty", with("Content-Length:\r\n"), 400, "http.content_length.malformed"},
    {"content length over 64 bits", with("Content-Length: 18446744073709551621\r\n"), 400,
     "http.content_length.malformed"},
    {"content length with a decimal point", with("Content-Length: 5.0\r\n"), 400,
     "http.content_length.malformed"},
    {"content length quoted", with("Content-Length: \"5\"\r\n"), 400,
     "http.content_length.malformed"},
    {"content length over the limit", with("Content-Length: 1001\r\n"), 413, "http.body.too_large"},
    {"two transfer encodings", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
     400, "http.header.repeated"},
    {"chunked twice in a list", with("Transfer-Encoding: chunked, chunked\r\n"), 400,
     "http.transfer_encoding.malformed"},
    {"identity", with("Transfer-Encoding: identity\r\n"), 400, "http.transfer_encoding.malformed"},
    {"chunked not last", with("Transfer-Encoding: chunked, gzip\r\n"), 400,
     "http.transfer_encoding.malformed"},
    {"another coding before chunked", with("Transfer-Encoding: gzip, chunked\r\n"), 501,
     "http.transfer_encoding.not_served"},
    {"chunked with a parameter", with("Transfer-Encoding: chunked;a=b\r\n"), 400,
     "http.transfer_encoding.malformed"},
    {"chunked quoted", with("Transfer-Encoding: \"chunked\"\r\n"), 400,
     "http.transfer_encoding.malformed"},
    {"almost chunked", with("Transfer-Encoding: xchunked\r\n"), 400,
     "http.transfer_encoding.malformed"},
    {"chunked with a leading comma", with("Transfer-Encoding: ,chunked\r\n"), 400,
     "http.transfer_encoding.malformed"},
    {"empty transfer encoding", with("Transfer-Encoding:\r\n"), 400,
     "http.transfer_encoding.malformed"},
    {"chunked after a vertical tab",
     with("Transfer-Encoding: \x0b"
          "chunked\r\n"),
     400, "http.header.control_character"},
    {"space before the colon of transfer encoding", with("Transfer-Encoding : chunked\r\n"), 400,
     "http.header.space_before_colon"},
    {"chunked on 1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
     "http.transfer_encoding.http_1_0"},
    {"trailer announced", with("Trailer: X\r\nTransfer-Encoding: chunked\r\n"), 400,
     "http.trailer.refused"},
    // What may stand only once.
    {"two hosts", with("Host: other\r\n"), 400, "http.header.repeated"},
    {"two equal hosts", with("host: h\r\n"), 400, "http.header.repeated"},
    {"two authorizations", with("Authorization: Bearer a\r\nAUTHORIZATION: Bearer b\r\n"), 400,
     "http.header.repeated"},
    {"two content types", with("Content-Type: a/b\r\nContent-Type: a/b\r\n"), 400,
     "http.header.repeated"},
    {"two idempotency keys", with("Idempotency-Key: a\r\nIdempotency-Key: b\r\n"), 400,
     "http.header.repeated"},
    {"two forwarded lines", with("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 1.1.1.2\r\n"), 0},
    {"two unknown headers of one name", with("X-A: 1\r\nX-A: 2\r\n"), 0},
    // Host: RFC 9112 section 3.2.
    {"no host", "GET / HTTP/1.1\r\n\r\n", 400, "http.host.missing"},
    {"no host on 1.0", "GET / HTTP/1.0\r\n\r\n", 0},
    {"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "http.host.malformed"},
    {"host with a slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "http.host.malformed"},
    {"host with user info", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "http.host.malformed"},
    {"host as IPv6 with port", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
    // Lines: RFC 9112 sections 2.2 and 5.
    {"folded header", with("X-A: 1\r\n more\r\n"), 400, "http.header.folded"},
    {"folded with a tab", with("X-A: 1\r\n\tmore\r\n"), 400, "http.header.folded"},
    {"first header begins with a space", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400,
     "http.header.folded"},
    {"bare line feed after a header", with("X-A: 1\nX-B: 2\r\n"), 400,
     "http.header.control_character"},
    {"bare carriage return in a value", with("X-A: 1\rX-B: 2\r\n"), 400,
     "http.header.control_character"},
    {"two carriage returns", with("X-A: 1\r\r\n"), 400, "http.header.control_character"},
    {"nul in a value", with("X-A: 1\0"s + "2\r\n"), 400, "http.header.control_character"},
    {"nul in a name", with("X\0A: 1\r\n"s), 400, "http.header.bad_name"},
    {"delete in a value", with("X-A: 1\x7f\r\n"), 400, "http.header.control_character"},
    {"escape in a value", with("X-A: \x1b[2J\r\n"), 400, "http.header.control_character"},
    {"tab inside a value", with("X-A: 1\t2\r\n"), 0},
    {"UTF-8 in a value", with("User-Agent: caf\xc3\xa9\r\n"), 0},
    {"no colon", with("X-A\r\n"), 400, "http.header.bad_name"},
    {"empty name", with(": 1\r\n"), 400, "http.header.bad_name"},
    {"space in a name", with("X A: 1\r\n"), 400, "http.header.space_before_colon"},
    {"space before the colon", with("X-A : 1\r\n"), 400, "http.header.space_before_colon"},
    {"tab before the colon", with("X-A\t: 1\r\n"), 400, "http.header.space_before_colon"},
    {"name not ASCII", with("X-\xc3\xa9: 1\r\n"), 400, "http.header.bad_name"},
    {"name with a slash", with("X/A: 1\r\n"), 400, "http.header.bad_name"},
    {"name with brackets", with("(X): 1\r\n"), 400, "http.header.bad_name"},
    {"name of 300 bytes", with(std::string(300, 'a') + ": 1\r\n"), 431,
     "http.header.name_too_long"},
    {"empty value", with("X-A:\r\n"), 0},
    // Request line: RFC 9112 section 3.
    {"root", target("/"), 0},
    {"path and query", target("/a/b?c=d&e=%20"), 0},
    {"absolute form", target("http://h/a"), 400, "http.target.not_origin_form"},
    {"authority form", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 501, "http.method.not_served"},
    {"star for GET", target("*"), 400, "http.target.not_origin_form"},
    {"star for OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 0},
    {"fragment", target("/a#b"), 400, "http.target.bad_character"},
    {"backslash", target("/a\\b"), 400, "http.target.bad_character"},
    {"space in the target", target("/a b"), 400, "http.target.bad_character"},
    {"tab in the target", target("/a\tb"), 400, "http.target.bad_character"},
    {"target not ASCII", target("/caf\xc3\xa9"), 400, "http.target.bad_character"},
    {"nul in the target", target("/a\0b"s), 400, "http.target.bad_character"},
    {"angle bracket in the target", target("/<a>"), 400, "http.target.bad_character"},
    {"escaped nul", target("/a%00"), 400, "http.target.bad_escape"},
    {"escaped nul in the query", target("/a?b=%00"), 400, "http.target.bad_escape"},
    {"broken escape", target("/a%2"), 400, "http.target.bad_escape"},
    {"escape that is not hex", target("/a%zz"), 400, "http.target.bad_escape"},
    {"dot segment", target("/a/../b"), 400, "http.target.dot_segment"},
    {"dot segment at the end", target("/a/.."), 400, "http.target.dot_segment"},
    {"single dot", target("/./a"), 400, "http.target.dot_segment"},
    {"escaped dot segment", target("/a/%2e%2E/b"), 400, "http.target.dot_segment"},
    {"half escaped dot segment", target("/a/.%2e/b"), 400, "http.target.dot_segment"},
    {"dots in a name", target("/a/..b/.well-known/..."), 0},
    {"dot segment in the query", target("/a?b=/../c"), 0},
    {"target over 8 KiB", target("/" + std::string(8 * 1024, 'a')), 414, "http.target.too_long"},
    {"relative target", target("a"), 400, "http.target.not_origin_form"},
    {"two spaces after the method", first_line("GET  / HTTP/1.1"), 400,
     "http.target.not_origin_form"},
    {"two spaces before the version", first_line("GET /  HTTP/1.1"), 400,
     "http.target.bad_character"},
    {"space before the method", first_line(" GET / HTTP/1.1"), 400, "http.method.malformed"},
    {"space after the version", first_line("GET / HTTP/1.1 "), 400, "http.version.malformed"},
    {"no version", first_line("GET /"), 400, "http.request_line.malformed"},
    {"only a method", first_line("GET"), 400, "http.request_line.malformed"},
    {"empty line first", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400,
     "http.request_line.malformed"},
    {"tab after the method", first_line("GET\t/ HTTP/1.1"), 400, "http.request_line.malformed"},
    {"HTTP 2.0", first_line("GET / HTTP/2.0"), 505, "http.version.not_served"},
    {"HTTP 1.2", first_line("GET / HTTP/1.2"), 505, "http.version.not_served"},
    {"HTTP 0.9", first_line("GET / HTTP/0.9"), 505, "http.version.not_served"},
    {"version in small letters", first_line("GET / http/1.1"), 400, "http.version.malformed"},
    {"version with two digits", first_line("GET / HTTP/1.10"), 400, "http.version.malformed"},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n", 505, "http.version.not_served"},
    {"method with a slash", first_line("GE/T / HTTP/1.1"), 400, "http.method.malformed"},
    {"method of 40 bytes", first_line(std::string(40, 'A') + " / HTTP/1.1"), 400,
     "http.method.malformed"},
    {"trace", first_line("TRACE / HTTP/1.1"), 501, "http.method.not_served"},
    {"unknown method", first_line("PROPFIND / HTTP/1.1"), 0},
    // Expectations and sizes.
    {"expect continue", with("Expect: 100-Continue\r\nContent-Length: 5\r\n"), 0},
    {"unknown expectation", with("Expect: teapot\r\n"), 417, "http.expect.not_served"},
    {"not complete", "GET / HTTP/1.1\r\nHost: h\r\n", 400, "http.head.incomplete"},
    {"block over 16 KiB",
     with("X-A: " + std::string(9000, 'a') + "\r\nX-B: " + std::string(9000, 'b') + "\r\n"), 431,
     "http.head.too_large"},
    {"an empty line inside the block", with("X-A: 1\r\n\r\nX-B: 2\r\n"), 400,
     "http.header.bad_name"},
};

GateVerdict verdict_of(const std::string& block, Head& head) {
  GateLimits limits;
  limits.body_bytes_max = 1000;
  return inspect(block, limits, head);
}

class GateCases : public ::testing::TestWithParam<Case> {};

TEST_P(GateCases, GetTheVerdictOfTheTable) {
  Head head;
  const auto verdict = verdict_of(GetParam().block, head);
  EXPECT_EQ(verdict.status, GetParam().status) << verdict.reason;
  EXPECT_EQ(verdict.reason, GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(Gate, GateCases, ::testing::ValuesIn(kCases), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name)
    if (!isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

TEST(Gate, TellsWhatTheBlockSays) {
  Head head;
  const std::string block =
      "DELETE /api/v1/tokens/1?reason=x HTTP/1.1\r\nhost: h:80\r\nX-Odd:  spaced "
      "\t\r\nContent-Length: 12\r\n"
      "Expect: 100-continue\r\n\r\n";
  ASSERT_TRUE(verdict_of(block, head).accepted());
  EXPECT_EQ(head.verb, Verb::del);
  EXPECT_EQ(head.path, "/api/v1/tokens/1");
  EXPECT_EQ(head.query, "reason=x");
  EXPECT_EQ(head.find(Known::host), "h:80");
  EXPECT_EQ(head.find("x-odd"), "spaced");
  EXPECT_EQ(head.find("x-other"), std::nullopt);
  EXPECT_EQ(head.body, Head::Body::length);
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.expects_continue);
}

TEST(Gate, ForgetsTheRequestBefore) {
  Head head;
  ASSERT_TRUE(
      verdict_of(with("Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n"), head)
          .accepted());
  const std::string next = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(verdict_of(next, head).accepted());
  EXPECT_EQ(head.body, Head::Body::none);
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_FALSE(head.expects_continue);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.find(Known::content_length), std::nullopt);
}

TEST(Gate, KeepsConnectionsAliveAsTheVersionAndTheHeaderSay) {
  const auto kept = [](const std::string& version, const std::string& connection) {
    Head head;
    const std::string block = "GET / " + version + "\r\nHost: h\r\n" + connection + "\r\n";
    EXPECT_TRUE(verdict_of(block, head).accepted());
    return head.keep_alive;
  };
  EXPECT_TRUE(kept("HTTP/1.1", ""));
  EXPECT_FALSE(kept("HTTP/1.1", "Connection: close\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1", "Connection: keep-alive, CLOSE\r\n"));
  EXPECT_FALSE(kept("HTTP/1.1", "Connection: close\r\nConnection: keep-alive\r\n"));
  EXPECT_FALSE(kept("HTTP/1.0", ""));
  EXPECT_TRUE(kept("HTTP/1.0", "Connection: keep-alive\r\n"));
}

TEST(Gate, CountsHeaders) {
  Head head;
  std::string lines;
  for (int i = 0; i < 99; ++i) lines += "X-A: 1\r\n";
  EXPECT_TRUE(verdict_of(with(lines), head).accepted());  // and Host makes 100
  EXPECT_EQ(verdict_of(with(lines + "X-A: 1\r\n"), head).status, 431);
}

TEST(Gate, AnyTruncationIsRefused) {
  const std::string block = with("Content-Length: 5\r\nX-A: 1\r\n");
  Head head;
  for (size_t size = 0; size < block.size(); ++size)
    EXPECT_EQ(verdict_of(block.substr(0, size), head).status, 400) << size;
}

TEST(Gate, AControlCharacterAnywhereIsRefused) {
  const std::string block =
      "GET /path?query=1 HTTP/1.1\r\nHost: host\r\nUser-Agent: something longer\r\n\r\n";
  Head head;
  for (size_t at = 0; at < block.size(); ++at) {
    std::string damaged = block;
    damaged[at] = '\x01';
    EXPECT_NE(verdict_of(damaged, head).status, 0) << at;
  }
}

TEST(GatePartial, RefusesEarlyWhatCanNeverBecomeGood) {
  const GateLimits limits;
  EXPECT_TRUE(inspect_partial("GET / HTT", limits).accepted());
  EXPECT_TRUE(inspect_partial("GET / HTTP/1.1\r\nHost: h\r\n", limits).accepted());
  EXPECT_EQ(inspect_partial("GET / HTTP/1.1\nHost: h\n\n", limits).reason,
            "http.head.bare_line_feed");
  EXPECT_EQ(inspect_partial("\n", limits).status, 400);
  EXPECT_EQ(inspect_partial("GET /\0"s, limits).status, 400);
  EXPECT_EQ(inspect_partial("GET /" + std::string(9000, 'a'), limits).status, 414);
  EXPECT_EQ(inspect_partial("GET / HTTP/1.1\r\nA: " + std::string(17000, 'a'), limits).status, 431);
}

TEST(Gate, KnowsItsHeadersInAnyCaseAndNoOthers) {
  Head head;
  const std::string block = with(
      "cf-RAY: 1\r\nTRACEPARENT: 2\r\nLast-Event-Id: 3\r\nX-Forwarded-Uri: 4\r\ncf-rax: 5\r\n");
  ASSERT_TRUE(verdict_of(block, head).accepted());
  EXPECT_EQ(head.find(Known::cf_ray), "1");
  EXPECT_EQ(head.find(Known::traceparent), "2");
  EXPECT_EQ(head.find(Known::last_event_id), "3");
  EXPECT_EQ(head.find(Known::x_forwarded_uri), "4");
  EXPECT_EQ(head.find(Known::cookie), std::nullopt);
}

}  // namespace
}  // namespace watchword::http
