// The product under a wall clock that is wrong (libfaketime), over restarts and while it runs:
// nothing that ended comes back, changes wait for `watchword clock accept`, revoking goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/crash/load.h"
#include "tests/crash/victim.h"

namespace watchword::testing {
namespace {

// Debian puts it below the machine's own folder.
std::string library() {
  for (const auto& machine : std::filesystem::directory_iterator("/usr/lib"))
    if (const auto path = machine.path() / "faketime/libfaketimeMT.so.1";
        std::filesystem::exists(path))
      return path;
  return {};
}

// A node whose wall clock is off by what stands in a file; its other clocks run on.
class WrongClock : public ::testing::Test {
 protected:
  // `dev` would vouch for any clock.
  WrongClock() : victim_(folder_.path(), {}, program(), "serve") {
    EXPECT_NE(library(), "") << "libfaketime is missing: run deploy/setup.sh";
    const auto made =
        run_watchword({"init", "--data", victim_.data(), "--partitions", "2", "--admin-token-file",
                       folder_.path() + "/admin.token", "--admin-expires-in-days", "1000"});
    EXPECT_EQ(made.exit_code, 0) << made.errors;
  }

  void set(const std::string& offset) {
    write_whole_file(folder_.path() + "/clock", offset + "\n");
  }
  void start(const std::string& offset) {
    set(offset);
    ASSERT_EQ(
        victim_.start(
            {"LD_PRELOAD=" + library(), "FAKETIME_TIMESTAMP_FILE=" + folder_.path() + "/clock",
             "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"}),
        Victim::Start::serving)
        << victim_.errors();
    caller_.emplace(victim_.admin());
  }
  void restart(const std::string& offset) {
    victim_.kill();
    start(offset);
  }
  // One that is live, one used up, one revoked, one expired.
  void make_tokens() {
    identity_ = caller_->register_service("clock");
    live_ = caller_->issue(identity_);
    ASSERT_EQ(live_.status, 201) << live_.reply.body;
    spare_ = caller_->issue(identity_);
    const auto used = caller_->issue(identity_, R"("max_usage":1)");
    const auto revoked = caller_->issue(identity_),
               expired = caller_->issue(identity_, R"("duration_seconds":1)");
    EXPECT_TRUE(wait_until([&] { return !caller_->is_active(expired.text("/access_token")); }));
    EXPECT_TRUE(caller_->is_active(used.text("/access_token")));  // and a frame that knows the time
    EXPECT_EQ(caller_->remove("/api/v1/tokens/" + revoked.text("/token_id")).status, 204);
    for (const auto* one : {&used, &revoked, &expired})
      ended_.push_back(one->text("/access_token"));
  }
  void expect_ended_to_stay() {
    for (const auto& token : ended_) EXPECT_EQ(caller_->introspect(token), kDead);
  }
  void expect_only_revoking() {
    const auto refused = caller_->issue(identity_);
    EXPECT_EQ(refused.status, 503) << refused.reply.body;
    EXPECT_EQ(
        caller_->post("/api/v1/auth/tokens", R"({"token_name":"x","permissions":["api_read"]})")
            .status,
        503);
    EXPECT_EQ(caller_->remove("/api/v1/tokens/" + spare_.text("/token_id")).status, 204);
    ended_.push_back(spare_.text("/access_token"));
    expect_ended_to_stay();
  }
  void expect_all_well_after_accepting() {
    const auto accepted = run_watchword({"clock", "accept", "--url", victim_.url()},
                                        {"WATCHWORD_TOKEN=" + admin_token()});
    EXPECT_EQ(accepted.exit_code, 0) << accepted.out << accepted.errors;
    const auto issued = caller_->issue(identity_);
    EXPECT_EQ(issued.status, 201) << issued.reply.body;
    expect_ended_to_stay();
    EXPECT_EQ(victim_.look(), Victim::State::running);
  }
  std::string admin_token() const {
    std::string token = read_whole_file(folder_.path() + "/admin.token");
    while (!token.empty() && token.back() == '\n') token.pop_back();
    return token;
  }
  void verify() {
    victim_.kill();
    const auto verified = run_watchword({"replay", "verify", "--data", victim_.data()});
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.errors;
  }

  TemporaryFolder folder_;
  Victim victim_;
  std::optional<Caller> caller_;
  std::string identity_;
  Answer live_, spare_;
  std::vector<std::string> ended_;
};

TEST_F(WrongClock, AnHourBackOverARestartRevivesNothing) {
  ASSERT_NO_FATAL_FAILURE(start("+0"));
  ASSERT_NO_FATAL_FAILURE(make_tokens());
  ASSERT_NO_FATAL_FAILURE(restart("-3600"));
  expect_ended_to_stay();
  expect_only_revoking();
  expect_all_well_after_accepting();
  verify();
}

TEST_F(WrongClock, AYearForwardOverARestartWaitsForSomebodyToVouchForIt) {
  ASSERT_NO_FATAL_FAILURE(start("+0"));
  ASSERT_NO_FATAL_FAILURE(make_tokens());
  ASSERT_NO_FATAL_FAILURE(restart("+31536000"));
  expect_ended_to_stay();
  expect_only_revoking();
  expect_all_well_after_accepting();
  EXPECT_FALSE(caller_->is_active(live_.text("/access_token")));
  verify();
}

TEST_F(WrongClock, AYearForwardAndBackAgainLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(start("+0"));
  ASSERT_NO_FATAL_FAILURE(make_tokens());
  ASSERT_NO_FATAL_FAILURE(restart("+31536000"));
  expect_ended_to_stay();
  ASSERT_NO_FATAL_FAILURE(restart("+0"));
  expect_ended_to_stay();
  EXPECT_TRUE(caller_->is_active(live_.text("/access_token")));
  const auto issued = caller_->issue(identity_);
  EXPECT_EQ(issued.status, 201) << issued.reply.body;
  verify();
}

TEST_F(WrongClock, AnHourBackWhileItRunsRevivesNothing) {
  ASSERT_NO_FATAL_FAILURE(start("+0"));
  ASSERT_NO_FATAL_FAILURE(make_tokens());
  set("-3600");
  expect_only_revoking();
  expect_all_well_after_accepting();
  verify();
}

TEST_F(WrongClock, AYearForwardWhileItRunsStopsAllButRevoking) {
  ASSERT_NO_FATAL_FAILURE(start("+0"));
  ASSERT_NO_FATAL_FAILURE(make_tokens());
  set("+31536000");
  expect_ended_to_stay();
  expect_only_revoking();
  set("+0");
  expect_ended_to_stay();
  const auto issued = caller_->issue(identity_);
  EXPECT_EQ(issued.status, 201) << issued.reply.body;
  verify();
}

}  // namespace
}  // namespace watchword::testing
