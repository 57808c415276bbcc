// JSON that costs more to read than to send, or that two readers would read differently: refused
// quickly, on every route that takes JSON, and nothing changes.
#include "tests/integration/hostile/raw.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

using Texts = std::vector<std::string>;

struct Bomb {
  std::string name, body;
};

std::string repeated(std::string_view piece, size_t times) {
  std::string out;
  out.reserve(piece.size() * times);
  for (size_t i = 0; i < times; ++i) out.append(piece);
  return out;
}

constexpr size_t kMost = 1'000'000;  // under the limit of a body

std::vector<Bomb> bombs() {
  std::vector<Bomb> out;
  const auto member = [&](std::string name, const std::string& value) {
    out.push_back({std::move(name), R"({"x":)" + value + "}"});
  };
  out.push_back({"deep lists", repeated("[", kMost)});
  out.push_back({"deep lists, closed", repeated("[", kMost / 2) + repeated("]", kMost / 2)});
  out.push_back({"deep objects", repeated(R"({"a":)", kMost / 5)});
  out.push_back(
      {"deep objects, closed", repeated(R"({"a":)", kMost / 6) + "1" + repeated("}", kMost / 6)});
  member("just too deep", repeated("[", 32) + repeated("]", 32));
  member("wide list", "[" + repeated("0,", kMost / 2 - 10) + "0]");
  member("wide list of lists", "[" + repeated("[],", kMost / 3 - 10) + "0]");
  member("wide list of objects", "[" + repeated("{},", kMost / 3 - 10) + "0]");
  std::string many = "{";
  for (int i = 0; i < 80'000; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  out.push_back({"many members", many + "\"x\":0}"});
  out.push_back({"long name of no member", "{\"" + repeated("\xc3\xa9", kMost / 2) + "\":0}"});
  out.push_back({"much metadata", "{\"metadata\":" + many + "\"x\":0}}"});
  out.push_back({"one member many times", "{" + repeated("\"x\":0,", kMost / 7) + "\"x\":0}"});
  out.push_back({"the empty name many times", "{" + repeated("\"\":0,", kMost / 6) + "\"\":0}"});
  out.push_back({"names that are the same when read", R"({"x":1,"\u0078":2})"});
  member("long text", "\"" + repeated("a", kMost) + "\"");
  member("long text of escapes", "\"" + repeated("\\u0061", kMost / 6 - 10) + "\"");
  member("long name", "{\"" + repeated("a", kMost) + "\":0}");
  member("long number", repeated("9", kMost));
  member("long fraction", "0." + repeated("9", kMost));
  member("long exponent", "1e" + repeated("9", kMost));
  member("zeros", "0" + repeated("0", kMost));
  member("white space", repeated(" \t\r\n", kMost / 4) + "0");
  for (const char* number :
       {"1e400", "-1e400", "1e-400000000000", "18446744073709551616", "-9223372036854775809", "01",
        "+1", "1.", ".5", "0x10", "1_000", "NaN", "Infinity", "-", "--1", "1e", "1e+"})
    member(std::string("number ") + number, number);
  for (const char* text :
       {"\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud800x\"",
        "\"\\u12\"", "\"\\x41\"", "\"\\u0000\"", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\xf0\x9f\x98\"", "\"a\tb\"", "\"a\nb\"",
        "\"unended", "'single'", "\"\x7f\x01\""})
    member(std::string("text ") + text, text);
  out.push_back({"byte order mark", "\xef\xbb\xbf{}"});
  out.push_back({"UTF-16", std::string("{\0}\0", 4)});
  out.push_back({"comment", "{/**/}"});
  out.push_back({"line comment", "{}//"});
  out.push_back({"trailing comma", "{\"x\":1,}"});
  out.push_back({"two values", "{}{}"});
  out.push_back({"NUL behind", std::string("{}\0", 3)});
  out.push_back({"undefined", "undefined"});
  out.push_back({"bare name", "{x:1}"});
  return out;
}

class Bombs : public SharedNode {
 protected:
  void SetUp() override {
    identity_ = admin_.register_service("bombed");
    token_ = admin_.issue(identity_).text("/token_id");
    const std::string at = "/api/v1/identities/" + identity_;
    routes_ = {{"POST", "/api/v1/identities"},
               {"PATCH", at},
               {"POST", at + "/suspend"},
               {"POST", at + "/reactivate"},
               {"POST", at + "/retire"},
               {"POST", at + "/baseline-reset"},
               {"POST", "/api/v1/tokens/jit"},
               {"DELETE", "/api/v1/tokens/" + token_},
               {"PATCH", "/api/v1/monitoring/alerts/" + token_},
               {"POST", "/api/v1/auth/tokens"},
               {"DELETE", "/api/v1/auth/tokens/" + token_}};
  }
  void expect_refused(const std::string& verb, const std::string& target, const Bomb& bomb);
  std::string position() {
    return admin_.get("/api/v1/system/status").text("/partitions/0/position");
  }

  std::string identity_, token_;
  std::vector<std::pair<std::string, std::string>> routes_;
};

void Bombs::expect_refused(const std::string& verb, const std::string& target, const Bomb& bomb) {
  const int64_t began = steady_ms();
  const auto answer = admin_.request(verb, target, bomb.body, {"Content-Type: application/json"});
  EXPECT_LT(steady_ms() - began, 5'000) << target << ", " << bomb.name;
  const bool each =
      target == "/api/v1/events" && answer.status == 200;  // a list's items are judged one by one
  EXPECT_TRUE(answer.status == 400 || answer.status == 413 || answer.status == 422 ||
              (each && answer.number("/accepted") == 0))
      << verb << " " << target << ", " << bomb.name << ": " << answer.status;
  EXPECT_EQ(flaw_of(answer.reply), "") << verb << " " << target << ", " << bomb.name;
  EXPECT_TRUE(each || answer.reply.body.size() < 20'000) << target << ", " << bomb.name;
}

TEST_F(Bombs, AreRefusedQuicklyEverywhereAndChangeNothing) {
  const std::string before = position();
  for (const auto& [verb, target] : routes_)
    for (const auto& bomb : bombs()) expect_refused(verb, target, bomb);
  EXPECT_EQ(position(), before);
  EXPECT_EQ(admin_.get("/api/v1/identities/" + identity_).text("/status"), "active");
}

TEST_F(Bombs, BringNoObservationIn) {
  for (const auto& bomb : bombs()) expect_refused("POST", "/api/v1/events", bomb);
  EXPECT_EQ(admin_.get("/api/v1/system/status").number("/partitions/0/observations"), 0);
}

TEST_F(Bombs, FormsAreNoWayRoundThem) {
  for (const std::string& form :
       Texts{repeated("a=1&", kMost / 4), repeated("&", kMost), repeated("=", kMost),
             "token=" + repeated("%", kMost), repeated("token=x&", kMost / 8),
             "token=" + repeated("%41", kMost / 3) + "%", repeated("a", kMost)}) {
    const int64_t began = steady_ms();
    const auto answer = admin_.post("/oauth2/introspect", form);
    EXPECT_EQ(answer.status, 400) << form.substr(0, 20);
    EXPECT_LT(steady_ms() - began, 2'000);
  }
  EXPECT_EQ(admin_.post("/oauth2/introspect", "token=" + repeated("a.", kMost / 2)).reply.body,
            kInactive);
}

TEST_F(Bombs, AManyPartedObservationIsReadOnceAndRefusedInParts) {
  const std::string one =
      R"({"id":"b","time":"2026-05-01T00:00:00Z","source":"s","subject":"x","action":"a.b","outcome":"success"},)";
  std::string list = "[" + repeated(one, 8'000);
  list.back() = ']';
  const auto answer = admin_.post("/api/v1/events", list);
  EXPECT_TRUE(answer.status == 200 || answer.status == 413) << answer.status;
  if (answer.status == 200) {
    EXPECT_EQ(answer.number("/accepted"), 1);
    EXPECT_EQ(answer.number("/duplicates"), 7'999);
  }
  std::string attributes;
  for (int i = 0; i < 17; ++i) attributes += "\"k" + std::to_string(i) + "\":\"v\",";
  attributes.back() = '}';
  const auto many = admin_.post(
      "/api/v1/events", R"({"id":"m","time":"2026-05-01T00:00:00Z","source":"s","subject":"x",)"
                        R"("action":"a.b","outcome":"success","attributes":{)" +
                            attributes + "}");
  EXPECT_EQ(many.number("/accepted"), 0) << many.reply.body;
}

}  // namespace
}  // namespace watchword::testing
