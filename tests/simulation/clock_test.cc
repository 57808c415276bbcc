// What was told of a token's end stays true, whatever the clock does afterwards.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

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

  void send(std::string verb, std::string path, std::string body, std::string caller) {
    Request request;
    request.verb = std::move(verb);
    request.path = std::move(path);
    request.body = std::move(body);
    request.caller = std::move(caller);
    if (request.path.starts_with("/oauth2/")) request.content_type = "application/x-www-form-urlencoded";
    reply_.reset();
    world_.send(request, [this](const Reply& reply) { reply_ = reply; });
  }
  Reply answer() {
    while (!reply_) world_.step();
    return *reply_;
  }
  Reply ask(std::string verb, std::string path, std::string body = {}) {
    send(std::move(verb), std::move(path), std::move(body), world_.admin_token());
    return answer();
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

  void send_introspection(const std::string& token) {
    send("POST", "/oauth2/introspect", "token=" + token, world_.admin_token());
  }
  void send_as(const std::string& token) { send("GET", "/api/v1/auth/me", {}, token); }

  // The power goes, and when it is back the clock stands an hour earlier; somebody says that it is right.
  void come_back_an_hour_earlier() {
    world_.crash(Fault::power_loss);
    world_.set_clock(-3'600'000);
    world_.step();
    EXPECT_EQ(ask("POST", "/api/v1/system/clock/accept").status, 200);
  }

  // Over by the clock, and no frame can say so.
  void let_it_expire_unwritten() {
    pass_ms(900);
    world_.stall_disk(true);
    pass_ms(200);
  }
  void expect_no_answer_yet() {
    pass_ms(100);
    EXPECT_FALSE(reply_.has_value()) << "told before it stands";
    world_.stall_disk(false);
  }

  World world_;
  std::optional<Reply> reply_;
};

TEST_P(ClockSetBack, DoesNotReviveATokenThatWasToldToBeOver) {
  const auto token = issue_for_a_second();
  send_introspection(token);
  EXPECT_NE(answer().body.find("\"active\":true"), std::string::npos);
  let_it_expire_unwritten();
  send_introspection(token);
  expect_no_answer_yet();
  EXPECT_EQ(answer().body, R"({"active":false})");
  come_back_an_hour_earlier();
  send_introspection(token);
  EXPECT_EQ(answer().body, R"({"active":false})");
}

TEST_P(ClockSetBack, DoesNotReviveACallerWhoWasRefused) {
  const auto token = issue_for_a_second();
  send_as(token);
  EXPECT_EQ(answer().status, 200);
  let_it_expire_unwritten();
  send_as(token);
  expect_no_answer_yet();
  EXPECT_EQ(answer().status, 401);
  come_back_an_hour_earlier();
  send_as(token);
  EXPECT_EQ(answer().status, 401);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ClockSetBack, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace watchword::simulation
