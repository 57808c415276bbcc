// Who may call what: every operation of schemas/openapi.yaml asked by nobody, by a token that may
// nothing of it, and by each permission alone.
#include <fstream>
#include <regex>

#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

struct Operation {
  std::string verb, path, permission;
};

// Verb, path and x-permission of each operation, read as text: the file is this project's own.
std::vector<Operation> operations() {
  std::ifstream file(WATCHWORD_SOURCE "/schemas/openapi.yaml");
  std::vector<Operation> out;
  std::string line, path, verb;
  const std::regex path_line("  (/[^:]*):"), verb_line("    (get|post|patch|delete|put):"),
      permission_line("      x-permission: (\\w+)");
  std::smatch match;
  while (std::getline(file, line)) {
    if (std::regex_match(line, match, path_line)) path = match[1];
    if (std::regex_match(line, match, verb_line)) verb = match[1];
    if (std::regex_match(line, match, permission_line)) out.push_back({verb, path, match[1]});
  }
  return out;
}

bool on_admin_listener(const Operation& operation) {
  return operation.path == "/livez" || operation.path == "/readyz" || operation.path == "/metrics";
}

class Permissions : public SharedNode {
 protected:
  static int ask(Caller& caller, const Operation& operation) {
    std::string path = operation.path, verb = operation.verb;
    for (const auto& [name, value] :
         {std::pair{"{id}", "01a1fe33-2cb9-8d1d-a277-88a1df6de65b"}, {"{topic}", "token"}})
      if (const size_t at = path.find(name); at != path.npos)
        path.replace(at, std::string(name).size(), value);
    if (path.find("/streams/") != path.npos) path += "?follow=false";
    for (char& letter : verb) letter = static_cast<char>(std::toupper(letter));
    return caller.request(verb, path, verb == "GET" ? "" : "{}").status;
  }
};

TEST_F(Permissions, TheContractListsEveryRoute) { EXPECT_GE(operations().size(), 35u); }

TEST_F(Permissions, WithoutATokenEveryGuardedRouteAnswers401) {
  auto nobody = node().as("");
  for (const auto& operation : operations()) {
    if (on_admin_listener(operation)) continue;
    const int status = ask(nobody, operation);
    if (operation.permission != "none")
      EXPECT_EQ(status, 401) << operation.verb << " " << operation.path;
    else if (operation.path.starts_with("/authz/") || operation.path == "/api/v1/tokens/jit")
      EXPECT_TRUE(status == 401 || status == 400) << operation.path << ": " << status;
    else
      EXPECT_EQ(status, 200) << operation.path;
  }
}

TEST_F(Permissions, ATokenPassesWhereItsPermissionIsNamedAndNowhereElse) {
  for (const std::string held : {"identity_write", "token_issue", "token_revoke", "introspect",
                                 "api_read", "system_status", "audit_log", "event_write",
                                 "alert_triage", "audit_read"}) {
    auto caller = node().as(node().token_with({held}));
    for (const auto& operation : operations()) {
      if (operation.permission == "none" || on_admin_listener(operation)) continue;
      const int status = ask(caller, operation);
      if (operation.permission == held || operation.permission == "any_token")
        EXPECT_TRUE(status != 401 && status != 403 && status != 0)
            << held << " " << operation.verb << " " << operation.path << ": " << status;
      else
        EXPECT_EQ(status, 403) << held << " " << operation.verb << " " << operation.path;
    }
  }
}

TEST_F(Permissions, AdminIncludesEveryPermission) {
  for (const auto& operation : operations()) {
    if (operation.permission == "none" || on_admin_listener(operation)) continue;
    const int status = ask(admin_, operation);
    EXPECT_TRUE(status != 401 && status != 403 && status != 0) << operation.path << ": " << status;
  }
}

TEST_F(Permissions, ATokenIsNeverGivenMoreThanItsMakerHas) {
  const auto refused = node().as(node().token_with({"api_read"}))
                           .post("/api/v1/auth/tokens",
                                 R"({"token_name":"more","permissions":["identity_write"]})");
  EXPECT_EQ(refused.status, 403);
}

TEST_F(Permissions, AJwtHoldsThePermissionsThatItsScopesNameButNeverAdmin) {
  const auto made = admin_.post(
      "/api/v1/identities",
      R"({"identity_type":{"type":"ServiceAccount","service_name":"reader","environment":"t","owner_team":"t"},
      "allowed_scopes":["watchword:api_read","watchword:admin"]})");
  ASSERT_EQ(made.status, 201) << made.reply.body;
  const auto issued = admin_.post(
      "/api/v1/tokens/jit", R"({"identity_id":")" + made.text("/identity_id") +
                                R"(","requested_scopes":["watchword:api_read","watchword:admin"],
                                "justification":"x"})");
  ASSERT_EQ(issued.status, 201) << issued.reply.body;
  auto holder = node().as(issued.text("/access_token"));
  EXPECT_EQ(holder.get("/api/v1/identities").status, 200);
  EXPECT_EQ(holder.post("/api/v1/auth/tokens", R"({"token_name":"x","permissions":["api_read"]})").status, 403);
  EXPECT_EQ(holder.post("/api/v1/identities", "{}").status, 403);
}

TEST_F(Permissions, GuessedTokensAreSlowedDownAndValidOnesAreNot) {
  auto guesser = node().as("sk_" + std::string(64, '0'));
  bool limited = false;
  for (int i = 0; i < 200 && !limited; ++i) {
    const auto answer = guesser.get("/api/v1/identities");
    limited = answer.status == 429;
    if (limited)
      EXPECT_FALSE(answer.header("Retry-After").empty());
    else
      ASSERT_EQ(answer.status, 401);
    EXPECT_EQ(admin_.get("/api/v1/auth/me").status, 200);
  }
  EXPECT_TRUE(limited);
}

}  // namespace
}  // namespace watchword::testing
