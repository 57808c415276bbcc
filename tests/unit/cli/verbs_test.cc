#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "api/cli/exit_code.h"
#include "tests/unit/cli/cli_kit.h"

namespace watchword::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void each_verb(const CLI::App& app, const std::vector<std::string>& path,
               const std::function<void(const CLI::App&, const std::vector<std::string>&)>& visit) {
  for (const CLI::App* below : app.get_subcommands({})) {
    auto longer = path;
    longer.push_back(below->get_name());
    visit(*below, longer);
    each_verb(*below, longer, visit);
  }
}

TEST(CommandLine, ShowsExamplesForEveryVerb) {
  Cli cli;
  add_verbs(cli);
  size_t verbs = 0;
  each_verb(cli.app, {}, [&](const CLI::App& app, std::vector<std::string> words) {
    if (!app.get_subcommands({}).empty()) return;  // a group
    ++verbs;
    words.push_back("--help");
    const Ran help = ran(words);
    EXPECT_EQ(help.code, kOk) << help.errors;
    EXPECT_THAT(help.out, HasSubstr("Examples:\n")) << help.out;
    EXPECT_THAT(help.out, HasSubstr("  watchword ")) << help.out;
  });
  EXPECT_GT(verbs, 40u);
}

TEST(CommandLine, OffersJsonWithEveryVerbThatAnswers) {
  Cli cli;
  add_verbs(cli);
  each_verb(cli.app, {}, [&](const CLI::App& app, const std::vector<std::string>& words) {
    const bool runs_on = words[0] == "dev" || words[0] == "serve" || words[0] == "completion";
    if (!app.get_subcommands({}).empty() || runs_on) return;
    EXPECT_NE(app.get_option_no_throw("--json"), nullptr) << words.back();
  });
}

TEST(CommandLine, DocumentsItsExitCodes) {
  const Ran help = ran({"--help"});
  EXPECT_EQ(help.code, kOk);
  EXPECT_THAT(help.out, HasSubstr("Exit codes:"));
  EXPECT_THAT(help.out, HasSubstr("WATCHWORD_TOKEN_FILE"));
}

TEST(CommandLine, EndsWith2WhenItIsWrong) {
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"fly"},
      {"identity"},
      {"identity", "show"},
      {"status", "--colour"},
      {"alerts", "close", "x", "--verdict", "maybe"},
      {"identity", "patch", "x"},
      {"identity", "create", "--name", "x", "--hours", "nine-five"},
      {"jit", "issue", "--identity", "x", "--scope", "a", "--duration", "soon"},
      {"replay", "at", "--data", "d", "--subject", "x", "--position", "7"},
      {"events", "send", "--action", "a.b"},
      {"import", "--format", "sshd", "--speed", "fast", "f"},
      {"serve", "--set", "nonsense"},
      {"status", "--url", "not a url"}};
  for (const auto& arguments : wrong) {
    const Ran result = ran(arguments);
    EXPECT_EQ(result.code, kUsage) << result.out << result.errors;
    EXPECT_FALSE(result.errors.empty());
  }
}

TEST(RemoteVerb, EndsWith3WhenNoServerAnswers) {
  const Ran result = ran({"status", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(result.code, kUnreachable);
  EXPECT_THAT(result.errors, HasSubstr("127.0.0.1:1"));
}

TEST(RemoteVerb, EndsBySortOfRefusal) {
  const std::string problem = R"({"title":"Forbidden","detail":"needs the permission api_read"})";
  for (const auto& [status, code] : {std::pair(400, kRefused),
                                     {401, kRefused},
                                     {403, kRefused},
                                     {404, kRefused},
                                     {409, kRefused},
                                     {429, kRefused},
                                     {500, kServerFailed},
                                     {503, kServerFailed}}) {
    FakeServer server({answer(status, problem)});
    const Ran result = ran({"identity", "show", "x", "--url", server.url()});
    EXPECT_EQ(result.code, code) << status;
    EXPECT_THAT(result.errors, HasSubstr("needs the permission api_read"));
    EXPECT_EQ(result.out, "");
  }
}

TEST(RemoteVerb, SendsWhatWasAskedForEncoded) {
  FakeServer server({answer(200, "{}")});
  const Ran result = ran({"identity", "suspend", "a/b", "--reason", "key \"leaked\"",
                          "--idempotency-key", "k1", "--url", server.url()});
  EXPECT_EQ(result.code, kOk) << result.errors;
  ASSERT_EQ(server.asked().size(), 1u);
  EXPECT_THAT(server.asked()[0], HasSubstr("POST /api/v1/identities/a%2Fb/suspend HTTP/1.1"));
  EXPECT_THAT(server.asked()[0], HasSubstr("Idempotency-Key: k1"));
  EXPECT_THAT(server.asked()[0], HasSubstr(R"({"reason":"key \"leaked\""})"));
}

TEST(List, ShowsATableAndSaysThatThereIsMore) {
  FakeServer server(
      {answer(200, R"({"items":[{"id":"1","token_name":"ci"}],"next_cursor":"c2"})")});
  const Ran result = ran({"token", "list", "--status", "active", "--url", server.url()});
  EXPECT_EQ(result.code, kOk);
  EXPECT_THAT(result.out, HasSubstr("ID  NAME"));
  EXPECT_THAT(result.out, HasSubstr("1   ci"));
  EXPECT_THAT(result.errors, HasSubstr("--cursor c2"));
  EXPECT_THAT(server.asked().at(0), HasSubstr("GET /api/v1/auth/tokens?status=active&limit=50 "));
}

TEST(List, JoinsAllPages) {
  FakeServer server({answer(200, R"({"items":[1],"next_cursor":"c2"})"),
                     answer(200, R"({"items":[2],"next_cursor":null})")});
  const Ran result = ran({"token", "list", "--all", "--json", "--url", server.url()});
  EXPECT_EQ(result.code, kOk);
  EXPECT_EQ(result.out, "{\"items\":[1,2],\"next_cursor\":null}\n");
  EXPECT_THAT(server.asked().at(1), HasSubstr("cursor=c2"));
}

TEST(CreatedSecret, GoesToItsFileAndNowhereElse) {
  const Folder folder;
  FakeServer server({answer(201, R"({"id":"1","token":"sk_secret"})")});
  const Ran result = ran({"token", "create", "--name", "ci", "--permission", "api_read", "--output",
                          folder.at("ci.token"), "--url", server.url()});
  EXPECT_EQ(result.code, kOk) << result.errors;
  EXPECT_THAT(result.out + result.errors, Not(HasSubstr("sk_secret")));
  EXPECT_EQ(text_of(folder.at("ci.token")), "sk_secret\n");
  const auto mode = std::filesystem::status(folder.at("ci.token")).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(CreatedSecret, LeavesNoFileWhenTheServerRefuses) {
  const Folder folder;
  FakeServer server({answer(403, "{}")});
  const Ran result = ran({"token", "create", "--name", "ci", "--permission", "api_read", "--output",
                          folder.at("ci.token"), "--url", server.url()});
  EXPECT_EQ(result.code, kRefused);
  EXPECT_FALSE(std::filesystem::exists(folder.at("ci.token")));
}

TEST(CreatedSecret, IsNotAskedForWhenItsFileExists) {
  const Folder folder;
  std::ofstream(folder.at("ci.token")) << "mine";
  FakeServer server({});
  const Ran result = ran({"token", "create", "--name", "ci", "--permission", "api_read", "--output",
                          folder.at("ci.token"), "--url", server.url()});
  EXPECT_EQ(result.code, kData);
  EXPECT_EQ(text_of(folder.at("ci.token")), "mine");
  EXPECT_TRUE(server.asked().empty());
}

TEST(Introspection, EndsWith1ForATokenThatIsNotActive) {
  const Folder folder;
  std::ofstream(folder.at("jwt")) << "a+b\n";
  FakeServer server({answer(200, R"({"active":false})"), answer(200, R"({"active":true})")});
  EXPECT_EQ(ran({"jit", "introspect", folder.at("jwt"), "--url", server.url()}).code, kNo);
  EXPECT_EQ(ran({"jit", "introspect", folder.at("jwt"), "--url", server.url()}).code, kOk);
  EXPECT_THAT(server.asked().at(0), HasSubstr("\r\n\r\ntoken=a%2Bb"));
}

TEST(EventsSend, EndsWith1WhenOneIsRejected) {
  const Folder folder;
  std::ofstream(folder.at("e.ndjson")) << "{\"id\":\"1\"}\n{\"id\":\"2\"}\n";
  FakeServer server({answer(
      200, R"({"accepted":1,"duplicates":0,"rejected":[{"index":1,"code":"x","detail":"y"}]})")});
  const Ran result = ran({"events", "send", folder.at("e.ndjson"), "--url", server.url()});
  EXPECT_EQ(result.code, kNo);
  EXPECT_THAT(result.out, HasSubstr("accepted 1"));
  EXPECT_THAT(server.asked().at(0), HasSubstr("Content-Type: application/x-ndjson"));
}

TEST(AlertsTail, ShowsEachAlertOnALine) {
  const std::string event =
      R"({"id":"0-7-1","time":"2026-11-21T12:00:00Z","type":"alert.raised","data":{"severity":"high","title":"odd"}})";
  const std::string framed = "id: 0-7-1\nevent: alert.raised\ndata: " + event + "\n\n";
  FakeServer server({answer(200, framed + ": idle\n\n" + framed)});
  const Ran result = ran({"alerts", "tail", "--from", "0", "--once", "--url", server.url()});
  EXPECT_EQ(result.code, kOk) << result.errors;
  const std::string line = "2026-11-21T12:00:00Z  alert.raised  high  odd\n";
  EXPECT_EQ(result.out, line + line);
  EXPECT_THAT(server.asked().at(0),
              HasSubstr("GET /api/v1/streams/alert?from=start&follow=false "));
}

TEST(ConfigCheck, NamesThePlaceOfAProblemAndEndsWith1) {
  const Folder folder;
  std::ofstream(folder.at("c.toml"))
      << "[monitoring]\nanomaly_sensitivty = 0.5\n[detection.signals]\nnew-netwrk = false\n";
  const Ran result = ran({"config", "check", "--config", folder.at("c.toml")});
  EXPECT_EQ(result.code, kNo);
  EXPECT_THAT(result.out, HasSubstr("c.toml:2:"));
  EXPECT_THAT(result.out, HasSubstr("new-network"));
  EXPECT_EQ(ran({"config", "check"}).code, kOk);
}

TEST(Replay, EndsWith6WhenThereIsNoDataFolder) {
  const Folder folder;
  EXPECT_EQ(ran({"replay", "verify", "--data", folder.at("none")}).code, kData);
  EXPECT_EQ(ran({"replay", "at", "--data", folder.at("none"), "--subject", "x"}).code, kData);
}

TEST(Completion, KnowsEveryVerb) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Ran result = ran({"completion", shell});
    EXPECT_EQ(result.code, kOk);
    for (const char* word : {"identity", "baseline-reset", "verify", "introspect", "new-admin"})
      EXPECT_THAT(result.out, HasSubstr(word)) << shell;
  }
}

TEST(Completion, IsAScriptThatBashReads) {
  const Folder folder;
  std::ofstream(folder.at("c.bash"))
      << ran({"completion", "bash"}).out
      << "COMP_WORDS=(watchword identity sus) COMP_CWORD=2; _watchword\n"
         "[ \"${COMPREPLY[*]}\" = suspend ]\n";
  EXPECT_EQ(std::system(("bash " + folder.at("c.bash")).c_str()), 0);
}

}  // namespace
}  // namespace watchword::cli
