// What was told of a token's end stays true, whatever the clock does afterwards.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/simulation/reading.h"
#include "tests/simulation/world.h"

namespace watchword::simulation {
namespace {

class ClockSetBack : public testing::TestWithParam<uint64_t> {
 protected:
  ClockSetBack() : world_({GetParam(), folder(), false, false}) {}
  ~ClockSetBack() override { std::filesystem::remove_all(folder()); }

  static std::string folder() {
    return testing::TempDir() + "watchword-clock-" + std::to_string(::getpid()) + "-" + std::to_string(GetParam());
  }

  Reply ask(std::string verb, std::string path, std::string body = {}, std::string caller = {}) {
    Request request;
    request.verb = std::move(verb);
    request.path = std::move(path);
    request.body = std::move(body);
    request.caller = caller.empty() ? world_.admin_token() : std::move(caller);
    if (request.path.starts_with("/oauth2/")) request.content_type = "application/x-www-form-urlencoded";
    std::optional<Reply> got;
    world_.send(request, [&](const Reply& reply) { got = reply; });
    while (!got) world_.step();
    return *got;
  }

  void pass_ms(int64_t ms) {
    for (const int64_t until = world_.boot_us() + ms * 1'000; world_.boot_us() < until;) world_.step();
  }

  std::string issue_for_a_second() {
    const auto registered = ask("POST", "/api/v1/identities",
                                R"({"identity_type":{"type":"ServiceAccount","service_name":"a","environment":"e",)"
                                R"("owner_team":"t"},"allowed_scopes":["a"]})");
    const auto issued = ask("POST", "/api/v1/tokens/jit",
                            R"({"identity_id":")" + text(parsed(registered.body), "identity_id") +
                                R"(","requested_scopes":["a"],"duration_seconds":1,"justification":"why"})");
    return text(parsed(issued.body), "access_token");
  }

  std::string introspect(const std::string& token) { return ask("POST", "/oauth2/introspect", "token=" + token).body; }
  int as_caller(const std::string& token) { return ask("GET", "/api/v1/auth/me", {}, token).status; }

  // The power goes, and when it is back the clock stands an hour earlier; somebody says that it is right.
  void come_back_an_hour_earlier() {
    world_.crash(Fault::power_loss);
    world_.stall_disk(false);
    world_.step();
    world_.set_clock(-3'600'000);
    EXPECT_EQ(ask("POST", "/api/v1/system/clock/accept").status, 200);
  }

  World world_;
};

TEST_P(ClockSetBack, DoesNotReviveATokenThatWasToldToBeOver) {
  const auto token = issue_for_a_second();
  EXPECT_NE(introspect(token).find("\"active\":true"), std::string::npos);
  pass_ms(1'100);
  world_.stall_disk(true);
  EXPECT_EQ(introspect(token), R"({"active":false})");
  come_back_an_hour_earlier();
  EXPECT_EQ(introspect(token), R"({"active":false})");
}

TEST_P(ClockSetBack, DoesNotReviveACallerWhoWasRefused) {
  const auto token = issue_for_a_second();
  EXPECT_EQ(as_caller(token), 200);
  pass_ms(1'100);
  world_.stall_disk(true);
  EXPECT_EQ(as_caller(token), 401);
  come_back_an_hour_earlier();
  EXPECT_EQ(as_caller(token), 401);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClockSetBack, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace watchword::simulation
