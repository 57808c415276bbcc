// Request smuggling: whatever a stranger sends, and whatever real proxies make of it, a request
// that was not let through is never run.
#include <atomic>
#include <thread>

#include "tests/integration/hostile/attacks.h"
#include "tests/integration/hostile/proxy.h"
#include "tests/integration/hostile/raw.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

class Smuggling : public SharedNode {
 protected:
  // A token that the smuggled request would revoke.
  std::string victim() {
    if (identity_.empty()) identity_ = admin_.register_service("victim");
    return admin_.issue(identity_).text("/token_id");
  }
  bool is_alive(const std::string& token_id) {
    return admin_.get("/api/v1/tokens/" + token_id).text("/status") == "active";
  }
  std::string revoking(const std::string& token_id) {
    return "DELETE /api/v1/tokens/" + token_id + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
           node().admin_token() + "\r\n\r\n";
  }
  // The attacks, each with a victim of its own.
  std::vector<std::pair<Attack, std::string>> prepared() {
    const size_t count = attacks(node().admin_token(), "").size();
    std::vector<std::pair<Attack, std::string>> out;
    for (size_t i = 0; i < count; ++i) {
      const std::string id = victim();
      out.emplace_back(attacks(node().admin_token(), revoking(id))[i], id);
    }
    return out;
  }

  void expect_nothing_gets_through(ProxyKind kind);

  std::string identity_;
};

TEST_F(Smuggling, WhatCanBeReadInTwoWaysIsAnsweredOnceAndEndsTheConnection) {
  size_t tried = 0;
  for (const auto& [attack, id] : prepared()) {
    if (attack.fate != Fate::refused) continue;
    const uint64_t before = requests_seen(node());
    const auto heard = say(node().api_url(), attack.bytes);
    ++tried;
    ASSERT_EQ(heard.replies.size(), 1u) << attack.name << ": " << heard.statuses();
    EXPECT_GE(heard.replies[0].status, 400) << attack.name;
    EXPECT_LT(heard.replies[0].status, 600) << attack.name;
    EXPECT_EQ(heard.replies[0].header("Connection"), "close") << attack.name;
    EXPECT_TRUE(heard.closed) << attack.name;
    EXPECT_EQ(flaw_of(heard.replies[0]), "") << attack.name;
    EXPECT_EQ(requests_seen(node()), before) << attack.name;
    EXPECT_TRUE(is_alive(id)) << attack.name;
  }
  EXPECT_GE(tried, 120u);
}

TEST_F(Smuggling, WhatIsRefusedIsRefusedByteByByteToo) {
  for (const auto& [attack, id] : prepared()) {
    if (attack.fate != Fate::refused) continue;
    HttpClient client(HttpClient::options_for(node().api_url()));
    for (size_t at = 0; at < attack.bytes.size(); ++at)
      if (!client.send_raw(attack.bytes.substr(at, 1))) break;
    EXPECT_GE(client.read_reply().status, 400) << attack.name;
    EXPECT_EQ(client.read_reply().status, 0) << attack.name;
    EXPECT_TRUE(is_alive(id)) << attack.name;
  }
}

TEST_F(Smuggling, ARequestInsideABodyStaysABody) {
  for (const auto& [attack, id] : prepared()) {
    if (attack.fate != Fate::swallowed) continue;
    const uint64_t before = requests_seen(node());
    const std::string probe = "GET /api/v1/system/health HTTP/1.1\r\nHost: x\r\n\r\n";
    const auto heard = say_for(node().api_url(), attack.bytes + probe, 2);
    ASSERT_EQ(heard.replies.size(), 2u) << attack.name << ": " << heard.statuses();
    EXPECT_NE(heard.replies[1].body.find("\"status\""), std::string::npos)
        << attack.name << ": the next answer is not the probe's: " << heard.bytes;
    EXPECT_EQ(requests_seen(node()), before + 2) << attack.name;
    EXPECT_TRUE(is_alive(id)) << attack.name;
  }
}

// What the tests above rest on: the request that is smuggled would do harm.
TEST_F(Smuggling, TwoPlainRequestsAreTwo) {
  for (const auto& [attack, id] : prepared()) {
    if (attack.fate != Fate::two) continue;
    const uint64_t before = requests_seen(node());
    const auto heard = say_for(node().api_url(), attack.bytes, 2);
    ASSERT_EQ(heard.replies.size(), 2u) << attack.name << ": " << heard.statuses();
    EXPECT_EQ(heard.replies[0].status, 200) << attack.name;
    EXPECT_EQ(heard.replies[1].status, 204) << attack.name;
    EXPECT_EQ(requests_seen(node()), before + 2) << attack.name;
    EXPECT_FALSE(is_alive(id)) << attack.name;
  }
}

void Smuggling::expect_nothing_gets_through(ProxyKind kind) {
  const auto all = prepared();
  Proxy proxy(kind, node().api_url());
  ASSERT_TRUE(proxy.start()) << proxy.log();
  const size_t passed_before = proxy.passed_on();
  const uint64_t before = requests_seen(node());
  std::atomic<size_t> next{0}, answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i)
    threads.emplace_back([&] {
      for (size_t at = next++; at < all.size(); at = next++)
        answered += !say(proxy.url(), all[at].first.bytes).replies.empty();
    });
  for (auto& thread : threads) thread.join();
  HttpClient plain(HttpClient::options_for(proxy.url()));
  EXPECT_EQ(plain.get("/api/v1/system/health").status, 200) << "the proxy still serves others";
  const uint64_t seen = requests_seen(node()) - before;
  EXPECT_GE(answered, all.size() * 3 / 4);
  EXPECT_GE(seen, 4u) << "nothing was passed on at all";
  EXPECT_TRUE(wait_until([&] { return proxy.passed_on() - passed_before >= seen; }))
      << "Watchword saw " << seen << " requests, the proxy sent "
      << proxy.passed_on() - passed_before << "\n"
      << proxy.log();
  for (const auto& [attack, id] : all) EXPECT_TRUE(is_alive(id)) << attack.name;
}

TEST_F(Smuggling, NothingGetsThroughNginx) { expect_nothing_gets_through(ProxyKind::nginx); }
TEST_F(Smuggling, NothingGetsThroughNginxThatPassesBodiesOnAsTheyCome) {
  expect_nothing_gets_through(ProxyKind::nginx_unbuffered);
}
TEST_F(Smuggling, NothingGetsThroughHaproxy) { expect_nothing_gets_through(ProxyKind::haproxy); }
TEST_F(Smuggling, NothingGetsThroughHaproxyThatLetsInvalidRequestsPass) {
  expect_nothing_gets_through(ProxyKind::haproxy_lenient);
}

}  // namespace
}  // namespace watchword::testing
