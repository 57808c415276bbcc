#include "api/cli/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <functional>
#include <thread>

#include "api/cli/import_command.h"

namespace watchword::cli {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// A server that takes connections one after the other and answers each request with the next text
// of its script. "close" in front of an answer ends the connection after it; "drop" ends it without
// an answer; "hang" never answers.
class Script {
 public:
  explicit Script(std::vector<std::string> answers) : answers_(std::move(answers)) {
    url_ = "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    thread_ = std::thread([this] { serve(); });
  }
  ~Script() { thread_.join(); }
  const std::string& url() const { return url_; }
  // Only once the client is done with all answers.
  std::vector<std::string> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  size_t connections() const { return connections_; }

 private:
  void serve() {
    for (size_t next = 0; next < answers_.size();) {
      tcp::socket socket = acceptor_.accept();
      ++connections_;
      while (next < answers_.size() && answer(socket, answers_[next++])) {
      }
    }
  }

  bool answer(tcp::socket& socket, std::string text) {
    boost::system::error_code error;
    std::string request;
    const size_t header =
        asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", error);
    if (error) return false;
    const size_t length_at = request.find("Content-Length: ");
    const size_t length =
        length_at == request.npos ? 0 : std::stoul(request.substr(length_at + 16));
    if (request.size() < header + length)
      asio::read(socket, asio::dynamic_buffer(request),
                 asio::transfer_exactly(header + length - request.size()), error);
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    if (text == "hang") return asio::read(socket, asio::dynamic_buffer(request), error), false;
    const bool closes = text.starts_with("close");
    if (closes) text.erase(0, 5);
    if (text == "drop") return false;
    asio::write(socket, asio::buffer(text), error);
    return !closes;
  }

  asio::io_context loop_;
  tcp::acceptor acceptor_{loop_, {asio::ip::address_v4::loopback(), 0}};
  std::vector<std::string> answers_, requests_;
  std::string url_;
  std::mutex mutex_;
  std::atomic<size_t> connections_ = 0;
  std::thread thread_;
};

std::string ok(const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 200 OK\r\n" + more + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

Client client_of(const std::string& url, int timeout_s = 10) {
  auto client = Client::make({.url = url, .token = "sk_x", .ca_file = "", .timeout_s = timeout_s});
  EXPECT_TRUE(client.ok());
  return std::move(*client);
}

TEST(Client, KeepsItsConnectionAndSendsTokenAndBody) {
  Script server({ok("one"), ok("two", "Watchword-Position: 0:7\r\n")});
  Client client = client_of(server.url() + "/base/");
  EXPECT_EQ(client.send({.target = "/a"})->body, "one");
  const auto second = client.send(
      {.method = "POST", .target = "/b?c=d", .body = "{}", .headers = {{"Idempotency-Key", "k"}}});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->header("watchword-position"), "0:7");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_THAT(requests[0], testing::StartsWith("GET /base/a HTTP/1.1\r\n"));
  EXPECT_THAT(requests[1], testing::AllOf(testing::HasSubstr("Authorization: Bearer sk_x\r\n"),
                                          testing::HasSubstr("Content-Type: application/json\r\n"),
                                          testing::HasSubstr("Idempotency-Key: k\r\n"),
                                          testing::EndsWith("\r\n\r\n{}")));
}

TEST(Client, OpensAClosedConnectionAgainForWhatMayBeSentTwice) {
  Script server({ok("one"), "drop", ok("two")});
  Client client = client_of(server.url());
  EXPECT_EQ(client.send({.target = "/a"})->body, "one");
  EXPECT_EQ(client.send({.target = "/b"})->body, "two");
  EXPECT_EQ(server.connections(), 2u);
}

TEST(Client, NeverRepeatsByItselfWhatCouldHappenTwice) {
  Script server({ok("one"), "drop"});
  Client client = client_of(server.url());
  EXPECT_EQ(client.send({.target = "/a"})->body, "one");
  const auto second = client.send({.method = "POST", .target = "/b", .body = "{}"});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().reason, "cli.answer");
}

TEST(Client, GivesUpOnAServerThatDoesNotAnswer) {
  Script server({"hang"});
  Client client = client_of(server.url(), 1);
  const auto answer = client.send({.target = "/a"});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, "cli.timeout");
  EXPECT_THAT(answer.error().detail, testing::HasSubstr("did not answer within 1 s"));
}

TEST(Client, NamesTheServerThatIsNotThere) {
  Client client = client_of("http://127.0.0.1:1");
  const auto answer = client.send({.target = "/a"});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().reason, "cli.connect");
  EXPECT_THAT(answer.error().detail, testing::StartsWith("http://127.0.0.1:1: "));
}

TEST(Client, HandsOverAStreamPieceByPieceUntilItHasEnough) {
  Script server(
      {"closeHTTP/1.1 200 OK\r\nTransfer-Encoding: "
       "chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n"});
  Client client = client_of(server.url());
  std::string taken;
  const auto answer = client.stream({.target = "/s"}, [&](std::string_view piece) {
    taken += piece;
    return taken.size() < 6;
  });
  ASSERT_TRUE(answer.ok());
  EXPECT_THAT(taken, testing::StartsWith("onetwo"));
}

TEST(Client, RefusesAnUrlThatIsNone) {
  for (const char* url : {"", "127.0.0.1:8080", "ftp://x", "http://"})
    EXPECT_FALSE(Client::make({.url = url}).ok()) << url;
}

// Sets variables of the environment and takes them back.
class Environment {
 public:
  explicit Environment(std::vector<std::pair<std::string, std::string>> set)
      : set_(std::move(set)) {
    for (const auto& [name, value] : set_) setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : set_) unsetenv(name.c_str());
  }

 private:
  std::vector<std::pair<std::string, std::string>> set_;
};

TEST(ConnectionFrom, TakesWhatIsNotGivenFromTheEnvironment) {
  EXPECT_EQ(connection_from({})->url, "http://127.0.0.1:8080");
  const std::string path = testing::TempDir() + "watchword-token";
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fputs("sk_file\n", file);
  std::fclose(file);
  const Environment environment(
      {{"WATCHWORD_URL", "http://h:1"}, {"WATCHWORD_TOKEN", "sk_variable"}});
  EXPECT_EQ(connection_from({})->url, "http://h:1");
  EXPECT_EQ(connection_from({})->token, "sk_variable");
  EXPECT_EQ(connection_from({.url = "http://g:2"})->url, "http://g:2");
  EXPECT_EQ(connection_from({}, path)->token, "sk_file");
  std::remove(path.c_str());
  EXPECT_EQ(connection_from({}, path).error().reason, "cli.token_file.unreadable");
}

TEST(Sentence, TellsTitleDetailPlacesAndRequest) {
  Response response{
      .status = 400,
      .headers = {},
      .body = R"({"title":"Invalid request","detail":"one field is wrong","request_id":"r1",
    "errors":[{"pointer":"/name","detail":"must be a text"}]})"};
  EXPECT_EQ(sentence_of(response),
            "Invalid request: one field is wrong — /name: must be a text (request r1)");
  EXPECT_EQ(error_of(response).code, Errc::invalid);
  response.body = R"({"error":"invalid_scope","error_description":"a\u001b[31m"})";
  EXPECT_EQ(sentence_of(response), "invalid_scope: a [31m");
  response = {.status = 503, .headers = {}, .body = "<html>secret</html>"};
  EXPECT_EQ(sentence_of(response), "the server answered 503");
  EXPECT_EQ(error_of(response).code, Errc::unavailable);
}

TEST(ImportAnswer, IsReadOrRefused) {
  const auto answer = answer_of(
      R"({"accepted":3,"duplicates":1,"rejected":[{"index":2,"code":"x","detail":"y"}],"position":"0:1"})");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->accepted, 3u);
  EXPECT_EQ(answer->rejected[0].index, 2u);
  EXPECT_FALSE(answer_of("{}").ok());
  EXPECT_FALSE(answer_of("<html>").ok());
}

TEST(ProgressLine, ShowsShareRateAndTheTimeThatIsLeft) {
  EXPECT_EQ(progress_line({"f", 25, 100, 12'400, 0}, 10.0),
            "[======                  ] 25 %  12,400 lines  1,240/s  ETA 0:30");
  EXPECT_EQ(progress_line({"-", 25, 0, 5, 0}, 1.0), "importing  5 lines  5/s");
}

TEST(ImportCommand, PostsAsHistoryWithItsBlockAndWaitsForABusyServer) {
  const std::string path = testing::TempDir() + "watchword-import-command.jsonl";
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fputs(R"({"id":"e1","source":"a","subject":"kim","time":"2025-06-15T15:00:00Z"})"
             "\n",
             file);
  std::fclose(file);
  Script server({"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
                 ok(R"({"accepted":1,"duplicates":0,"rejected":[],"position":"0:1"})")});
  ImportCommand command;
  command.plan.format = import::Format::jsonl;
  command.plan.files = {path};
  command.connection.url = server.url();
  std::FILE* out = std::tmpfile();
  EXPECT_EQ(import_command(command, out, out), 0);
  std::rewind(out);
  char text[256] = {};
  ASSERT_NE(std::fgets(text, sizeof text, out), nullptr);
  std::fclose(out);
  std::remove(path.c_str());
  EXPECT_THAT(text, testing::StartsWith("1 lines, 1 observations: 1 new, 0 known already"));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0], requests[1]);
  EXPECT_THAT(requests[0], testing::StartsWith("POST /api/v1/events?mode=history HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0],
              testing::ContainsRegex(
                  "Watchword-Import-Block: [0-9a-f]{64}\r\nWatchword-Import-Part: 1/1\r\n"));
}

}  // namespace
}  // namespace watchword::cli
