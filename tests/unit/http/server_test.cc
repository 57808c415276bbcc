#include "api/http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <map>

#include "tests/unit/http/serving.h"

namespace watchword::http {
namespace {

namespace asio = boost::asio;
using testing::HttpClient;
using testing::HttpReply;
using namespace std::string_literals;

std::string code_of(const HttpReply& reply) {
  const size_t at = reply.body.find("\"code\":\"");
  return at == std::string::npos ? ""
                                 : reply.body.substr(at + 8, reply.body.find('"', at + 8) - at - 8);
}

std::string post(const std::string& lines, const std::string& body = {}) {
  return "POST /p HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n" + body;
}

TEST(Server, AnswersOnOneConnectionAgainAndAgain) {
  Serving serving(echo);
  auto client = serving.client();
  const int descriptor = client.descriptor();
  for (int i = 0; i < 50; ++i) {
    const auto reply = client.post("/a?b=" + std::to_string(i), "body");
    ASSERT_EQ(reply.status, 200);
    ASSERT_EQ(reply.body, "POST /a?b=" + std::to_string(i) + " body");
  }
  EXPECT_EQ(client.descriptor(), descriptor);
  EXPECT_EQ(serving.server().counts().accepted, 1u);
  EXPECT_EQ(serving.server().counts().requests, 50u);
}

TEST(Server, EveryAnswerCarriesTheSecurityHeadersAndNoVersion) {
  Serving serving(echo);
  auto client = serving.client();
  for (const auto& reply : {client.get("/"), serving.answer_to("BAD\r\n\r\n")}) {
    EXPECT_EQ(reply.header("Cache-Control"), "no-store");
    EXPECT_EQ(reply.header("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply.header("X-Frame-Options"), "DENY");
    EXPECT_TRUE(reply.header("Content-Security-Policy").starts_with("default-src 'none'"));
    EXPECT_EQ(reply.count("Server"), 0u);
    EXPECT_EQ(reply.count("Strict-Transport-Security"), 0u);
    EXPECT_EQ(reply.header("Date").size(), 29u);
  }
}

TEST(Server, AHandlerCannotWriteALineIntoTheHeaders) {
  std::vector<bool> accepted;
  Serving serving([&](Request&, Response& response) -> asio::awaitable<void> {
    for (const auto& value : {"a\r\nX-Evil: 1"s, "a\nX-Evil: 1"s, "a\rb"s, "a\0b"s, "fine"s})
      accepted.push_back(response.set("X-Value", value));
    accepted.push_back(response.set("X-Evil: 1\r\nX", "1"));
    accepted.push_back(response.set("Content-Length", "5"));
    co_return;
  });
  const auto reply = serving.client().get("/");
  EXPECT_EQ(accepted, (std::vector<bool>{false, false, false, false, true, false, false}));
  EXPECT_EQ(reply.header("X-Value"), "fine");
  EXPECT_EQ(reply.count("X-Evil"), 0u);
  EXPECT_EQ(reply.count("Content-Length"), 1u);
}

TEST(Server, SmugglingFormsEndTheConnectionUnanswered) {
  Serving serving(echo);
  const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::vector<std::string> attacks{
      post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden),
      post("Content-Length: 0\r\nContent-Length: 33\r\n", hidden),
      post("Content-Length: 0, 33\r\n", hidden),
      post("Content-Length: +33\r\n", hidden),
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n" + hidden),
      post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + hidden),
      post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + hidden),
      post("Transfer-Encoding:\x0b"
           "chunked\r\n",
           "0\r\n\r\n" + hidden),
      post("X: 1\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden),
      post("X: 1\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n" + hidden),
      post("Host: other\r\n", hidden),
      "GET / HTTP/1.1\nHost: h\n\n" + hidden,
  };
  for (const auto& attack : attacks) {
    auto client = serving.client();
    client.send_raw(attack);
    const auto reply = client.read_reply();
    EXPECT_EQ(reply.status, 400) << attack;
    EXPECT_EQ(reply.header("Connection"), "close") << attack;
    EXPECT_EQ(reply.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(client.read_some(), "") << attack;
  }
  EXPECT_EQ(serving.server().counts().requests, 0u);
  EXPECT_EQ(serving.server().counts().refused, attacks.size());
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
  Serving serving(echo);
  auto client = serving.client();
  std::string all;
  for (int i = 0; i < 200; ++i)
    all += "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  std::thread sender([&] { client.send_raw(all); });
  for (int i = 0; i < 200; ++i)
    ASSERT_EQ(client.read_reply().body, "POST /" + std::to_string(i) + " abc");
  sender.join();
}

TEST(Server, ARequestInSinglyArrivingBytesIsOneRequest) {
  Serving serving(echo);
  auto client = serving.client();
  for (const char c : post("Content-Length: 5\r\n", "hello")) client.send_raw({&c, 1});
  EXPECT_EQ(client.read_reply().body, "POST /p hello");
}

TEST(Server, APipelineMayEndInTheMiddleOfARequest) {
  Serving serving(echo);
  auto client = serving.client();
  client.send_raw("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HT");
  EXPECT_EQ(client.read_reply().body, "GET /1 ");
  client.send_raw("TP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.read_reply().body, "GET /2 ");
}

TEST(Server, WhatFollowsAClosingRequestIsNotAnswered) {
  Serving serving(echo);
  auto client = serving.client();
  client.send_raw(
      "GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto reply = client.read_reply();
  EXPECT_EQ(reply.body, "GET /1 ");
  EXPECT_EQ(reply.header("Connection"), "close");
  EXPECT_EQ(client.read_some(), "");
}

TEST(Server, ChunkedBodiesAreDecoded) {
  Serving serving(echo);
  auto client = serving.client();
  client.send_raw(
      post("Transfer-Encoding: chunked\r\n",
           "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET /n HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(client.read_reply().body, "POST /p abc0123456789");
  EXPECT_EQ(client.read_reply().body, "GET /n ");
}

TEST(Server, BrokenChunksAreRefused) {
  Serving serving(echo);
  const std::vector<std::pair<std::string, std::string>> broken{
      {"g\r\n", "http.chunk.bad_size"},
      {"\r\n", "http.chunk.bad_size"},
      {" 3\r\nabc\r\n", "http.chunk.bad_size"},
      {"0x3\r\nabc\r\n", "http.chunk.bad_size"},
      {"-1\r\n", "http.chunk.bad_size"},
      {"000000003\r\nabc\r\n", "http.chunk.bad_size"},
      {"3;name=value\r\nabc\r\n", "http.chunk.extension_refused"},
      {"3\nabc\n", "http.chunk.bad_size"},
      {"3\rabc", "http.chunk.bare_carriage_return"},
      {"3\r\nabcd\r\n", "http.chunk.longer_than_its_size"},
      {"3\r\nabc\rX", "http.chunk.bare_carriage_return"},
      {"0\r\nX-Trailer: 1\r\n\r\n", "http.chunk.trailer_refused"},
      {"0\r\n\rX", "http.chunk.bare_carriage_return"},
  };
  for (const auto& [body, reason] : broken) {
    const auto reply = serving.answer_to(post("Transfer-Encoding: chunked\r\n", body));
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_EQ(code_of(reply), reason) << body;
  }
  EXPECT_EQ(serving.server().counts().requests, 0u);
}

TEST(Server, ABodyOverTheLimitIsRefusedBeforeItIsRead) {
  ServerOptions options;
  options.body_bytes_max = 1000;
  Serving serving(echo, options);
  EXPECT_EQ(serving.answer_to(post("Content-Length: 1001\r\n")).status, 413);
  EXPECT_EQ(serving.answer_to(post("Content-Length: 1001\r\nExpect: 100-continue\r\n")).status,
            413);
  EXPECT_EQ(serving.answer_to(post("Transfer-Encoding: chunked\r\n", "3E9\r\n")).status, 413);
  EXPECT_EQ(serving
                .answer_to(post("Transfer-Encoding: chunked\r\n",
                                "1F4\r\n" + std::string(500, 'a') + "\r\n1F5\r\n"))
                .status,
            413);
  EXPECT_EQ(serving.answer_to(post("Content-Length: 1000\r\n", std::string(1000, 'a'))).status,
            200);
}

TEST(Server, ARouteMayAllowALargerBody) {
  ServerOptions options;
  options.body_limit = [](std::string_view path) { return path == "/large" ? 4u << 20 : 10u; };
  Serving serving(echo, options);
  auto client = serving.client();
  const std::string body(3 << 20, 'x');
  EXPECT_EQ(client.post("/large", body).body.size(), body.size() + 12);
  EXPECT_EQ(client.post("/small", body).status, 413);
}

TEST(Server, AnOversizeHeadIsRefused) {
  Serving serving(echo);
  EXPECT_EQ(serving.answer_to("GET /" + std::string(20000, 'a')).status, 414);
  EXPECT_EQ(serving.answer_to("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(20000, 'a')).status,
            431);
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 101; ++i) many += "X: 1\r\n";
  EXPECT_EQ(serving.answer_to(many + "\r\n").status, 431);
}

TEST(Server, ExpectationsAreMetOnlyWhenTheBodyIsStillToCome) {
  Serving serving(echo);
  auto client = serving.client();
  client.send_raw(post("Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.read_reply(false, true).status, 100);
  client.send_raw("hello");
  EXPECT_EQ(client.read_reply(false, true).body, "POST /p hello");
  client.send_raw(post("Content-Length: 5\r\nExpect: 100-continue\r\n", "hello"));
  EXPECT_EQ(client.read_reply(false, true).status, 200);
}

TEST(Server, HeadGetsTheLengthAndNoBody) {
  Serving serving(echo);
  auto client = serving.client();
  const auto reply = client.request("HEAD", "/x");
  EXPECT_EQ(reply.header("Content-Length"), "8");
  EXPECT_EQ(client.get("/y").body, "GET /y ");  // nothing was left over
}

TEST(Server, AnHttp10PeerIsClosedUnlessItAsksToBeKept) {
  Serving serving(echo);
  auto client = serving.client();
  client.send_raw("GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(client.read_reply().header("Connection"), "keep-alive");
  client.send_raw("GET /2 HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_reply().body, "GET /2 ");
  EXPECT_EQ(client.read_some(), "");
}

TEST(Server, ASlowHeadIsToldAndClosed) {
  ServerOptions options;
  options.header_timeout_ms = 80;
  Serving serving(echo, options);
  auto client = serving.client();
  client.send_raw("GET / HTTP/1.1\r\nHo");
  const auto reply = client.read_reply();
  EXPECT_EQ(reply.status, 408);
  EXPECT_EQ(client.read_some(), "");
  EXPECT_EQ(serving.server().counts().timed_out, 1u);
}

TEST(Server, DrippingBytesDoNotExtendTheHeadersTime) {
  ServerOptions options;
  options.header_timeout_ms = 150;
  Serving serving(echo, options);
  auto client = serving.client();
  const auto begun = std::chrono::steady_clock::now();
  client.send_raw("GET / HTTP/1.1\r\nX: ");
  std::atomic<bool> answered = false;
  std::thread dripper([&] {
    while (!answered && client.send_raw("a"))
      std::this_thread::sleep_for(std::chrono::milliseconds(10));  // paces the slow client
  });
  EXPECT_EQ(client.read_reply().status, 408);
  answered = true;
  dripper.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST(Server, ASlowBodyIsToldAndClosed) {
  ServerOptions options;
  options.body_timeout_ms = 80;
  Serving serving(echo, options);
  for (const auto& begun :
       {post("Content-Length: 10\r\n", "abc"), post("Transfer-Encoding: chunked\r\n", "5\r\nab")}) {
    auto client = serving.client();
    client.send_raw(begun);
    EXPECT_EQ(client.read_reply().status, 408);
    EXPECT_EQ(client.read_some(), "");
  }
}

TEST(Server, AnIdleConnectionIsClosedInSilence) {
  ServerOptions options;
  options.idle_timeout_ms = 60;
  Serving serving(echo, options);
  auto fresh = serving.client();
  auto used = serving.client();
  EXPECT_EQ(used.get("/").status, 200);
  EXPECT_EQ(used.read_some(), "");
  EXPECT_EQ(fresh.read_some(), "");
  EXPECT_EQ(serving.server().counts().timed_out, 0u);
}

TEST(Server, AReaderThatDoesNotReadIsCutOff) {
  ServerOptions options;
  options.write_timeout_ms = 100;
  options.minimum_rate_bytes_per_s = 1 << 30;
  Serving serving(
      [](Request&, Response& response) -> asio::awaitable<void> {
        response.body.assign(64 << 20, 'x');
        co_return;
      },
      options);
  testing::HttpClientOptions slow{"127.0.0.1", serving.server().port()};
  slow.receive_buffer_bytes = 4096;
  HttpClient client(slow);
  client.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  while (serving.server().counts().timed_out == 0) std::this_thread::yield();
  EXPECT_FALSE(client.read_reply().whole);
}

TEST(Server, ALargeAnswerArrivesWhole) {
  Serving serving([](Request&, Response& response) -> asio::awaitable<void> {
    response.body.assign(20 << 20, 'x');
    co_return;
  });
  auto client = serving.client();
  for (int i = 0; i < 3; ++i) ASSERT_EQ(client.get("/").body.size(), 20u << 20);
}

TEST(Server, StreamsArePulledUntilTheyEnd) {
  Serving serving([](Request&, Response& response) -> asio::awaitable<void> {
    response.body = "first\n";
    response.stream("application/x-ndjson",
                    [n = 0](std::string& chunk) mutable -> asio::awaitable<bool> {
                      chunk = n == 2 ? "" : "line " + std::to_string(n) + "\n";
                      co_return ++n < 5;
                    });
    co_return;
  });
  auto client = serving.client();
  for (int i = 0; i < 2; ++i) {
    const auto reply = client.get("/");
    EXPECT_EQ(reply.header("Transfer-Encoding"), "chunked");
    EXPECT_EQ(reply.header("Content-Type"), "application/x-ndjson");
    EXPECT_EQ(reply.body, "first\nline 0\nline 1\nline 3\nline 4\n");
    EXPECT_TRUE(reply.whole);
  }
  client.send_raw("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.read_reply().body, "first\nline 0\nline 1\nline 3\nline 4\n");
}

TEST(Server, AStreamThatBreaksIsNotTakenForAWholeOne) {
  Serving serving([](Request&, Response& response) -> asio::awaitable<void> {
    response.stream("text/event-stream",
                    [n = 0](std::string& chunk) mutable -> asio::awaitable<bool> {
                      if (n++ == 1) throw std::runtime_error("the journal is gone");
                      chunk = "data: 1\n\n";
                      co_return true;
                    });
    co_return;
  });
  const auto reply = serving.client().get("/");
  EXPECT_EQ(reply.body, "data: 1\n\n");
  EXPECT_FALSE(reply.whole);
}

TEST(Server, AnExceptionOfAHandlerIsAnInternalErrorThatTellsNothing) {
  std::string told;
  ServerOptions options;
  options.on_trouble = [&](std::string_view what) { told = what; };
  Serving serving(
      [](Request&, Response& response) -> asio::awaitable<void> {
        response.body = "half";
        throw std::runtime_error("secret path");
        co_return;
      },
      options);
  const auto reply = serving.client().get("/");
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(code_of(reply), "http.handler.failed");
  EXPECT_EQ(reply.body.find("secret"), std::string::npos);
  EXPECT_EQ(told, "secret path");
}

TEST(Server, OneConnectionMoreThanAllowedIsTurnedAway) {
  ServerOptions options;
  options.connections_max = 2;
  Serving serving(echo, options);
  auto first = serving.client(), second = serving.client();
  EXPECT_EQ(first.get("/").status, 200);
  EXPECT_EQ(second.get("/").status, 200);
  auto third = serving.client();
  EXPECT_EQ(third.read_reply().status, 503);
  first.close();
  while (serving.server().counts().open > 1) std::this_thread::yield();
  EXPECT_EQ(serving.client().get("/").status, 200);
}

TEST(Server, ConnectionsAreSpreadEvenlyAndStayOnTheirCore) {
  Serving serving(
      [](Request&, Response& response) -> asio::awaitable<void> {
        response.body = std::to_string(std::hash<std::thread::id>()(std::this_thread::get_id()));
        co_return;
      },
      {}, 2);
  std::vector<HttpClient> clients;
  std::map<std::string, int> on_core;
  for (int i = 0; i < 32; ++i) clients.push_back(serving.client());
  for (auto& client : clients) {
    const std::string core = client.get("/").body;
    ++on_core[core];
    EXPECT_EQ(client.get("/").body, core);
  }
  ASSERT_EQ(on_core.size(), 2u);
  for (const auto& [core, count] : on_core) EXPECT_EQ(count, 16);
}

// A handler that waits until the test lets it go.
struct Gateway {
  std::promise<void> entered;
  asio::steady_timer* timer = nullptr;

  Handler handler() {
    return [this](Request&, Response& response) -> asio::awaitable<void> {
      asio::steady_timer wait(co_await asio::this_coro::executor, std::chrono::hours(1));
      timer = &wait;
      entered.set_value();
      boost::system::error_code ignored;
      co_await wait.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      response.body = "done";
    };
  }
};

TEST(Server, AGracefulStopLetsTheRunningRequestEnd) {
  Gateway gateway;
  Serving serving(gateway.handler());
  auto idle = serving.client();
  auto busy = serving.client();
  busy.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  gateway.entered.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { return serving.server().stop(10'000); });
  EXPECT_EQ(idle.read_some(), "");  // the idle one is closed while the other still works
  EXPECT_EQ(stopped.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  asio::post(serving.core(), [&] { gateway.timer->cancel(); });
  const auto reply = busy.read_reply();
  EXPECT_EQ(reply.body, "done");
  EXPECT_EQ(reply.header("Connection"), "close");
  busy.close();
  EXPECT_TRUE(stopped.get());
  EXPECT_FALSE(serving.client().connected());
}

TEST(Server, AStopCutsOffWhatOutlastsItsDeadline) {
  Gateway gateway;
  Serving serving(gateway.handler());
  auto busy = serving.client();
  busy.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  gateway.entered.get_future().wait();
  EXPECT_FALSE(serving.server().stop(50));
  EXPECT_EQ(busy.read_some(), "");
  asio::post(serving.core(), [&] { gateway.timer->cancel(); });
  while (serving.server().counts().open > 0) std::this_thread::yield();
}

TEST(Server, PlainHttpOffLoopbackIsRefusedUnlessAllowed) {
  boost::asio::io_context context;
  ServerOptions options;
  options.address = "0.0.0.0";
  EXPECT_EQ(Server::start(options, {&context}, echo).error().reason,
            "http.listen.plain_off_loopback");
  options.plain_off_loopback = true;
  EXPECT_TRUE(Server::start(options, {&context}, echo).ok());
  options.address = "localhost";
  EXPECT_EQ(Server::start(options, {&context}, echo).error().reason, "http.listen.address");
}

TEST(Server, ATakenPortIsNamed) {
  Serving serving(echo);
  boost::asio::io_context context;
  ServerOptions options;
  options.port = serving.server().port();
  const auto started = Server::start(options, {&context}, echo);
  EXPECT_EQ(started.error().reason, "http.listen.bind");
  EXPECT_NE(started.error().detail.find(std::to_string(options.port)), std::string::npos);
}

TEST(Server, TheSocketSaysWhoAsks) {
  Address seen;
  Serving serving([&](Request& request, Response&) -> asio::awaitable<void> {
    seen = request.remote();
    co_return;
  });
  serving.client().get("/", {"X-Forwarded-For: 10.9.9.9"});
  EXPECT_EQ(seen.text(), "127.0.0.1");
}

}  // namespace
}  // namespace watchword::http
