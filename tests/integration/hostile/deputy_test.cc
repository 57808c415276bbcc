// The confused deputy: every route of the table, by a token that holds one permission alone, on its
// own identity's resources and on another's.
#include <set>

#include "api/handlers/handlers.h"
#include "api/http/route.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

using api::routes;
using http::Permission;
using http::Route;

const std::vector<Permission> kPermissions{Permission::identity_write, Permission::token_issue,
                                           Permission::token_revoke,   Permission::introspect,
                                           Permission::api_read,       Permission::system_status,
                                           Permission::audit_log,      Permission::event_write,
                                           Permission::alert_triage,   Permission::audit_read};

// What one identity has.
struct Estate {
  std::string identity, jit_id, jit, service_id, alert;
};

struct Holder {
  Permission permission;
  std::string token;
};

class Deputy : public SharedNode {
 protected:
  void SetUp() override {
    holders_.clear();
    mine_ = estate("mine");
    other_ = estate("other");
    for (const Permission permission : kPermissions)
      holders_.push_back(
          {permission,
           made(mine_.identity, std::string(http::permission_text(permission))).text("/token")});
  }

  Answer made(const std::string& identity, const std::string& permission) {
    static int number = 0;
    return admin_.post("/api/v1/auth/tokens", R"({"token_name":"deputy-)" +
                                                  std::to_string(number++) +
                                                  R"(","permissions":[")" + permission +
                                                  R"("],"identity_id":")" + identity + R"("})");
  }
  Estate estate(const std::string& name) {
    Estate out;
    out.identity = admin_.register_service(name);
    const auto issued = admin_.issue(out.identity);
    out.jit_id = issued.text("/token_id");
    out.jit = issued.text("/access_token");
    out.service_id = made(out.identity, "api_read").text("/id");
    const auto probe = admin_.issue(out.identity);
    admin_.remove("/api/v1/tokens/" + probe.text("/token_id"));
    const std::string alerts = "/api/v1/monitoring/alerts?identity_id=" + out.identity;
    EXPECT_TRUE(wait_until([&] {
      admin_.introspect(probe.text("/access_token"));
      return admin_.get(alerts).count("/items") > 0;
    }));
    out.alert = admin_.get(alerts).text("/items/0/id");
    return out;
  }

  static std::string target(const Route& route, const Estate& of) {
    std::string path(route.path);
    const auto put = [&](const std::string& mark, const std::string& value) {
      if (const size_t at = path.find(mark); at != path.npos) path.replace(at, mark.size(), value);
    };
    if (path.find("/identities/") != path.npos) put("{id}", of.identity);
    if (path.find("/auth/tokens/") != path.npos) put("{id}", of.service_id);
    if (path.find("/alerts/") != path.npos) put("{id}", of.alert);
    put("{id}", of.jit_id);
    put("{topic}", "token");
    return path.find("/streams/") != path.npos ? path + "?follow=false" : path;
  }
  // A body that would be taken.
  static std::string body(const Route& route, const Estate& of) {
    static int number = 0;
    const std::string path(route.path), mark = std::to_string(number++);
    if (route.verb == http::Verb::get || route.verb == http::Verb::del) return "";
    if (path == "/api/v1/identities")
      return R"({"identity_type":{"type":"ServiceAccount","service_name":"made","environment":"e","owner_team":"deputy"}})";
    if (path == "/api/v1/identities/{id}") return R"({"max_token_lifetime_seconds":77})";
    if (path == "/api/v1/tokens/jit")
      return R"({"identity_id":")" + of.identity +
             R"(","requested_scopes":["a:read"],"justification":"x"})";
    if (path == "/api/v1/monitoring/alerts/{id}") return R"({"note":"seen"})";
    if (path == "/api/v1/events")
      return R"({"id":"d)" + mark +
             R"(","time":"2026-05-01T00:00:00Z","source":"d","identity_id":")" + of.identity +
             R"(","action":"auth.login","outcome":"success"})";
    if (path == "/api/v1/auth/tokens")
      return R"({"token_name":"made-)" + mark + R"(","permissions":["api_read"]})";
    if (path == "/oauth2/introspect" || path == "/oauth2/revoke") return "token=" + of.jit;
    return "{}";
  }
  static Answer ask(Caller& caller, const Route& route, const Estate& of) {
    return caller.request(http::verb_text(route.verb), target(route, of), body(route, of));
  }
  static bool is_guarded(const Route& route) { return route.permission != Permission::none; }
  std::string position() {
    return admin_.get("/api/v1/system/status").text("/partitions/0/position");
  }
  std::string settled() {
    std::string before = position();
    EXPECT_TRUE(wait_until([&] {
      pause_ms(50);
      return std::exchange(before, position()) == before;
    }));
    return before;
  }

  Estate mine_, other_;
  std::vector<Holder> holders_;
};

TEST_F(Deputy, WithoutThePermissionNothingIsDoneOnOnesOwnOrOnOthers) {
  const std::string before = settled();
  size_t denied = 0;
  for (const Route& route : routes()) {
    if (!is_guarded(route)) continue;
    for (const Estate* of : {&mine_, &other_}) {
      Caller nobody = node().as("");
      const auto stranger = ask(nobody, route, *of);
      EXPECT_EQ(stranger.status, 401) << route.path;
      EXPECT_EQ(stranger.reply.body.find("owner_team"), std::string::npos) << route.path;
      for (const Holder& holder : holders_) {
        if (holder.permission == route.permission || route.permission == Permission::any_token)
          continue;
        Caller caller = node().as(holder.token);
        const auto answer = ask(caller, route, *of);
        EXPECT_EQ(answer.status, 403) << http::permission_text(holder.permission) << " "
                                      << http::verb_text(route.verb) << " " << route.path;
        ++denied;
      }
      Caller jwt = node().as(of->jit);
      const int by_jwt = ask(jwt, route, *of).status;
      EXPECT_EQ(by_jwt, route.permission == Permission::any_token ? 200 : 403)
          << "no scopes: " << route.path;
    }
  }
  EXPECT_GE(denied, 400u);
  EXPECT_EQ(settled(), before) << "something was written for a caller who may not";
  EXPECT_EQ(admin_.get("/api/v1/identities?owner_team=deputy").count("/items"), 0u);
}

TEST_F(Deputy, WithThePermissionAloneTheRouteIsServed) {
  for (const Route& route : routes()) {
    if (!is_guarded(route) || route.permission == Permission::admin) continue;
    for (const Estate* of : {&mine_, &other_}) {
      for (const Holder& holder : holders_) {
        if (holder.permission != route.permission) continue;
        Caller caller = node().as(holder.token);
        const auto answer = ask(caller, route, *of);
        EXPECT_TRUE(answer.status >= 200 && answer.status < 300)
            << http::permission_text(holder.permission) << " " << http::verb_text(route.verb) << " "
            << route.path << ": " << answer.status << " " << answer.reply.body;
      }
      if (route.path.ends_with("/suspend") || route.path.ends_with("/retire"))
        SetUp();  // these end tokens
    }
  }
}

TEST_F(Deputy, AJitTokenIsIssuedToOneselfOrByWhoMayIssue) {
  for (const Holder& holder : holders_) {
    Caller caller = node().as(holder.token);
    const bool may_issue = holder.permission == Permission::token_issue;
    EXPECT_EQ(caller.issue(mine_.identity).status, 201) << http::permission_text(holder.permission);
    EXPECT_EQ(caller.issue(other_.identity).status, may_issue ? 201 : 403)
        << http::permission_text(holder.permission);
  }
  for (const std::string& jwt : {mine_.jit, other_.jit}) {
    Caller caller = node().as(jwt);
    EXPECT_EQ(caller.issue(mine_.identity).status, 403) << "a token does not prolong itself";
    EXPECT_EQ(caller.issue(other_.identity).status, 403);
  }
}

TEST_F(Deputy, NobodyGivesAwayWhatTheyDoNotHold) {
  for (const Holder& holder : holders_)
    for (const Permission wanted : kPermissions) {
      Caller caller = node().as(holder.token);
      EXPECT_EQ(caller
                    .post("/api/v1/auth/tokens", R"({"token_name":"more","permissions":[")" +
                                                     std::string(http::permission_text(wanted)) +
                                                     R"("]})")
                    .status,
                403);
    }
}

TEST_F(Deputy, ASuspendedIdentitysTokensMayNothing) {
  ASSERT_EQ(admin_.post("/api/v1/identities/" + mine_.identity + "/suspend").status, 200);
  for (const Route& route : routes()) {
    if (!is_guarded(route)) continue;
    for (const Holder& holder : holders_) {
      Caller caller = node().as(holder.token);
      const int status = ask(caller, route, other_).status;
      EXPECT_TRUE(status == 401 || status == 429) << route.path << ": " << status;
    }
  }
}

}  // namespace
}  // namespace watchword::testing
