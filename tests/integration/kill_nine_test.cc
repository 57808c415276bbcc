// kill -9 in the middle of load: what was acknowledged is there after the restart, and replay agrees.
// WATCHWORD_KILL_CYCLES says how often (3; tests/integration/kill_nine.sh runs 20).
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "tests/support/node.h"

namespace watchword::testing {
namespace {

constexpr int kWriters = 4;
constexpr int kAcknowledgedPerCycle = 400;

// What the node said that it did. A change that was asked for and never answered may or may not
// have happened: only what came back counts.
struct Known {
  std::map<std::string, bool> identities;  // id → suspended
  struct Token {
    std::string id, identity;
    bool revoked = false, unsure = false;  // unsure: a change was asked for and not answered
  };
  std::map<std::string, Token> tokens;  // by access token
  std::map<std::string, int> observed;  // event id → answered as accepted
};

class Load {
 public:
  Load(Node& node, Known& known, int cycle) : node_(node), known_(known), cycle_(cycle) {
    for (int i = 0; i < kWriters; ++i) writers_.emplace_back([this, i] { write(i); });
  }
  ~Load() {
    over_ = true;
    for (auto& writer : writers_) writer.join();
  }
  int acknowledged() const { return acknowledged_; }

 private:
  void write(int writer) {
    auto caller = node_.admin();
    for (int turn = 0; !over_; ++turn)
      if (!one_round(caller, std::to_string(cycle_) + "-" + std::to_string(writer) + "-" + std::to_string(turn)))
        return;
  }

  // One identity: two tokens, one of them revoked, an observation; every third is suspended.
  bool one_round(Caller& caller, const std::string& name) {
    const std::string id = caller.register_service(name);
    if (id.empty()) return false;
    note([&] { known_.identities[id] = false; });
    std::vector<std::string> tokens;
    for (int i = 0; i < 2; ++i) {
      const auto issued = caller.issue(id);
      if (issued.status != 201) return false;
      tokens.push_back(issued.text("/access_token"));
      note([&] { known_.tokens[tokens.back()] = {issued.text("/token_id"), id}; });
    }
    if (!revoke(caller, tokens.front()) || !observe(caller, id, name)) return false;
    return std::hash<std::string>{}(name) % 3 != 0 || suspend(caller, id, tokens.back());
  }

  bool revoke(Caller& caller, const std::string& token) {
    std::string id;
    note([&] { known_.tokens[token].unsure = true, id = known_.tokens[token].id; }, 0);
    if (caller.remove("/api/v1/tokens/" + id).status != 204) return false;
    note([&] { known_.tokens[token].unsure = false, known_.tokens[token].revoked = true; });
    return true;
  }

  bool suspend(Caller& caller, const std::string& id, const std::string& token) {
    note([&] { known_.tokens[token].unsure = true; }, 0);
    if (caller.post("/api/v1/identities/" + id + "/suspend").status != 200) return false;
    note([&] {
      known_.identities[id] = known_.tokens[token].revoked = true;
      known_.tokens[token].unsure = false;
    });
    return true;
  }

  bool observe(Caller& caller, const std::string& id, const std::string& name) {
    const auto answer = caller.post("/api/v1/events", event(id, name));
    if (answer.status != 200 || answer.number("/accepted") != 1) return false;
    note([&] { known_.observed[event(id, name)] = 1; });
    return true;
  }

  static std::string event(const std::string& id, const std::string& name) {
    return R"([{"id":")" + name + R"(","time":"2026-06-01T10:00:00Z","source":"load","identity_id":")" +
           id + R"(","action":"api.call","outcome":"success","source_ip":"10.0.0.1"}])";
  }

  template <class Change>
  void note(Change change, int counts = 1) {
    const std::lock_guard lock(mutex_);
    change();
    acknowledged_ += counts;
  }

  Node& node_;
  Known& known_;
  const int cycle_;
  std::mutex mutex_;
  std::atomic<int> acknowledged_ = 0;
  std::atomic<bool> over_ = false;
  std::vector<std::thread> writers_;
};

void expect_all(Node& node, const Known& known) {
  auto admin = node.admin();
  for (const auto& [id, suspended] : known.identities) {
    const auto row = admin.get("/api/v1/identities/" + id);
    ASSERT_EQ(row.status, 200) << id;
    if (suspended) {
      ASSERT_EQ(row.text("/status"), "suspended") << id;
    }
  }
  for (const auto& [access_token, token] : known.tokens) {
    if (token.unsure) continue;
    ASSERT_EQ(admin.is_active(access_token), !token.revoked) << token.id;
    ASSERT_EQ(admin.get("/api/v1/tokens/" + token.id).text("/status"),
              token.revoked ? "revoked" : "active");
  }
  for (const auto& [body, count] : known.observed) {
    const auto repeated = admin.post("/api/v1/events", " " + body);  // other bytes, the same event
    ASSERT_EQ(repeated.number("/duplicates"), count) << body;
    ASSERT_EQ(repeated.number("/accepted"), 0) << body;
  }
}

int cycles() {
  const char* asked = std::getenv("WATCHWORD_KILL_CYCLES");
  return asked != nullptr ? std::atoi(asked) : 3;
}

TEST(KillNine, LosesNoAcknowledgedChangeAndReplayAgrees) {
  Node node({"--partitions", "2"});
  ASSERT_TRUE(node.start()) << node.errors();
  Known all;
  int acknowledged = 0;
  for (int cycle = 0; cycle < cycles(); ++cycle) {
    Known known;
    {
      Load load(node, known, cycle);
      const int until = kAcknowledgedPerCycle + cycle * 37 % 200;
      EXPECT_TRUE(wait_until([&] { return load.acknowledged() >= until; }, 30'000));
      node.kill();
      acknowledged += load.acknowledged();
    }
    const auto verified = node.verify();
    ASSERT_EQ(verified.exit_code, 0) << verified.out << verified.errors;
    ASSERT_TRUE(node.start()) << node.errors();
    expect_all(node, known);
    ASSERT_FALSE(HasFatalFailure()) << "cycle " << cycle;
    known.observed.clear();
    all.identities.merge(known.identities);
    all.tokens.merge(known.tokens);
  }
  expect_all(node, all);  // also what the first cycles did, over all the restarts
  std::printf("%d cycles, %d changes acknowledged, none lost\n", cycles(), acknowledged);
  EXPECT_EQ(node.stop(), 0);
  EXPECT_EQ(node.verify().exit_code, 0);
}

}  // namespace
}  // namespace watchword::testing
