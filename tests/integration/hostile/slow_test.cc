// Clients that take their time, never end, never read or break off: they cost little and nobody
// else waits for them.
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "tests/integration/hostile/raw.h"
#include "tests/integration/hostile/swarm.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

constexpr double kMiB = 1 << 20;
const std::string kHealth = "GET /api/v1/system/health HTTP/1.1\r\nHost: x\r\n\r\n";

class Slow : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    node_ = std::make_unique<Node>(std::vector<std::string>{
        "--set", "limits.header_timeout_seconds=1", "--set", "limits.body_timeout_seconds=1",
        "--set", "limits.idle_timeout_seconds=1", "--set", "limits.connections=50"});
    ASSERT_TRUE(node_->start()) << node_->errors();
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(node_->stop(), 0) << node_->errors();
    node_.reset();
  }
  HttpClient connected() { return HttpClient(HttpClient::options_for(node_->api_url())); }
  std::string post_head(const std::string& framing) {
    return "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " +
           node_->admin_token() + "\r\nContent-Type: application/json\r\n" + framing + "\r\n\r\n";
  }
  // Sends `head`, then `piece` again and again until the node answers; its status, 0 for none in 20
  // s.
  int status_after_dripping(const std::string& head, const std::string& piece) {
    auto client = connected();
    client.send_raw(head);
    const int64_t until = steady_ms() + 20'000;
    while (steady_ms() < until) {
      char byte;
      if (recv(client.descriptor(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) >= 0) break;
      client.send_raw(piece);
      pause_ms(50);
    }
    const int status = client.read_reply().status;
    EXPECT_TRUE(client.ends_within(5'000));
    return status;
  }
  static inline std::unique_ptr<Node> node_;
};

TEST_F(Slow, AHeadThatNeverEndsIsCutOff) {
  EXPECT_EQ(status_after_dripping("GET /api/v1/system/health HTTP/1.1\r\nX: ", "a"), 408);
  EXPECT_EQ(status_after_dripping("GET /api/v1/system/health HTTP/1.1\r\n", "X: a\r\n"), 408);
  EXPECT_EQ(status_after_dripping("G", ""), 408);
}

TEST_F(Slow, ABodyThatDripsIsCutOff) {
  EXPECT_EQ(status_after_dripping(post_head("Content-Length: 100000"), " "), 408);
  EXPECT_EQ(status_after_dripping(post_head("Transfer-Encoding: chunked"), "1\r\n \r\n"), 408);
  EXPECT_EQ(status_after_dripping(post_head("Transfer-Encoding: chunked") + "ffff\r\n", " "), 408);
}

TEST_F(Slow, AConnectionThatSaysNothingIsClosed) {
  auto client = connected();
  EXPECT_TRUE(client.ends_within(10'000));
  auto served = connected();
  EXPECT_EQ(served.get("/api/v1/system/health").status, 200);
  EXPECT_TRUE(served.ends_within(10'000));
}

TEST_F(Slow, AGibibyteIsRefusedWithoutBeingRead) {
  for (const std::string& framing :
       {std::string("Content-Length: 1073741824"), std::string("Transfer-Encoding: chunked")}) {
    const bool chunked = framing.starts_with("Transfer");
    auto client = connected();
    ASSERT_TRUE(client.send_raw(post_head(framing)));
    const std::string mebi =
        (chunked ? "100000\r\n" : "") + std::string(1 << 20, ' ') + (chunked ? "\r\n" : "");
    size_t sent = 0;
    std::thread sender([&] {
      while (sent < (size_t{1} << 30) && client.send_raw(mebi)) sent += mebi.size();
    });
    HttpReply reply = client.read_reply();
    sender.join();
    EXPECT_EQ(reply.status, 413) << framing;
    EXPECT_LT(sent, size_t{64} << 20) << framing;
    printf("  %s: %.1f MiB went out before it was over\n", framing.c_str(),
           static_cast<double>(sent) / kMiB);
  }
  EXPECT_EQ(node_->admin().get("/api/v1/auth/me").status, 200);
}

TEST_F(Slow, BreakingOffAtAnyMomentLeavesNothingBehind) {
  const std::string token = "Authorization: Bearer " + node_->admin_token() + "\r\n";
  const std::vector<std::string> beginnings{
      "",
      "G",
      "GET /api/v1/system/health HTTP/1.1\r\nHost",
      kHealth,
      kHealth + kHealth + kHealth + "GET",
      post_head("Content-Length: 1000"),
      post_head("Content-Length: 1000") + "[",
      post_head("Transfer-Encoding: chunked") + "5\r\n[",
      post_head("Content-Length: 2") + "[]",
      "GET /api/v1/streams/token?from=start HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
      "\x16\x03\x01",
      "BAD"};
  Caller admin = node_->admin();
  ASSERT_EQ(admin.get("/api/v1/auth/me").status, 200);
  const size_t before = descriptors(node_->process());
  for (int round = 0; round < 40; ++round)
    for (const std::string& beginning : beginnings) {
      auto client = connected();
      client.send_raw(beginning);
      const linger reset{1, 0};  // close() then sends RST
      setsockopt(client.descriptor(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      client.close();
    }
  EXPECT_TRUE(wait_until([&] { return node_->admin().get("/api/v1/auth/me").status == 200; }));
  EXPECT_TRUE(wait_until([&] { return descriptors(node_->process()) <= before + 2; }))
      << before << " descriptors before, " << descriptors(node_->process()) << " after";
}

TEST_F(Slow, OneConnectionTooManyIsToldSoAndTheNextFindsRoom) {
  ASSERT_TRUE(wait_until([&] { return descriptors(node_->process()) > 0; }));
  std::vector<HttpClient> held;
  bool refused = false;
  for (int i = 0; i < 80 && !refused; ++i) {
    auto client = connected();
    ASSERT_TRUE(client.connected());
    if (i < 50) {
      held.push_back(std::move(client));
      continue;
    }
    const auto reply = client.read_reply();  // nothing was asked
    refused = reply.status == 503;
    EXPECT_EQ(reply.header("Retry-After"), refused ? "1" : "");
  }
  EXPECT_TRUE(refused);
  held.clear();
  EXPECT_TRUE(wait_until([&] { return node_->admin().get("/api/v1/auth/me").status == 200; }));
}

TEST_F(Slow, AFloodOfPipelinedRequestsIsAnsweredInOrderAndKeptShort) {
  constexpr int kRequests = 50'000;
  auto client = connected();
  const size_t before = resident_bytes(node_->process());
  std::thread sender([&] {
    std::string batch;
    for (int i = 0; i < 100; ++i) batch += kHealth;
    for (int i = 0; i < kRequests; i += 100)
      if (!client.send_raw(batch)) return;
  });
  pause_ms(300);  // the answers pile up where they may: it is memory that is looked at, not time
  const size_t most = resident_bytes(node_->process());
  int answered = 0;
  while (answered < kRequests && client.read_reply().status == 200) ++answered;
  sender.join();
  EXPECT_EQ(answered, kRequests);
  printf("  %.1f MiB more while nobody read\n",
         (static_cast<double>(most) - static_cast<double>(before)) / kMiB);
  EXPECT_LT(most, before + (size_t{64} << 20));
}

double p99_ms(Caller& caller, const std::string& token) {
  std::vector<double> took;
  for (int i = 0; i < 2'000; ++i) {
    const auto began = std::chrono::steady_clock::now();
    if (!caller.is_active(token)) return 1e9;
    took.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
            .count());
    if (i % 4 == 0) pause_ms(1);
  }
  std::sort(took.begin(), took.end());
  return took[took.size() * 99 / 100];
}

TEST(Swarm, TenThousandIdleAndAThousandSlowConnectionsHurtNobody) {
  ASSERT_TRUE(allow_descriptors(16'000)) << "ulimit -n 16000";
  Node node({"--set", "limits.connections=12000"});
  ASSERT_TRUE(node.start()) << node.errors();
  Caller admin = node.admin();
  const std::string token = admin.issue(admin.register_service("healthy")).text("/access_token");
  const double alone_ms = p99_ms(admin, token);
  const size_t before = resident_bytes(node.process());
  double beside_ms = 0, growth = 0;
  {
    Swarm swarm({port_of(node.api_url()), 10'000, 1'000, node.admin_token()});
    ASSERT_EQ(swarm.connected(), 11'000u);
    ASSERT_TRUE(wait_until([&] { return descriptors(node.process()) > 11'000; }, 20'000))
        << descriptors(node.process());
    beside_ms = p99_ms(admin, token);
    growth =
        (static_cast<double>(resident_bytes(node.process())) - static_cast<double>(before)) / kMiB;
  }
  printf("  11,000 connections: %.1f MiB more, p99 %.2f ms (%.2f ms without them)\n", growth,
         beside_ms, alone_ms);
  EXPECT_LT(growth, 800);
  EXPECT_LT(beside_ms, 100);
  EXPECT_TRUE(wait_until([&] { return descriptors(node.process()) < 1'000; }, 30'000));
  EXPECT_EQ(node.stop(), 0) << node.errors();
}

}  // namespace
}  // namespace watchword::testing
