// A full disk: changes are refused with 503, reads and revocations go on, and all is well again once
// there is space. Needs to mount a small file system, so root; says "skipped" elsewhere.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/support/node.h"

namespace watchword::testing {
namespace {

class SmallDisk {
 public:
  explicit SmallDisk(const std::string& at) : at_(at) {
    std::filesystem::create_directories(at);
    mounted_ = mount("tmpfs", at.c_str(), "tmpfs", 0, "size=64m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(at_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

  void fill() {
    std::ofstream file(at_ + "/filler", std::ios::binary | std::ios::app);
    const std::string block(4096, 'x');
    while (file.write(block.data(), 4096).flush()) continue;
  }
  void free() { std::filesystem::remove(at_ + "/filler"); }

 private:
  std::string at_;
  bool mounted_ = false;
};

std::string many_events(int batch) {
  std::string body = "[";
  for (int i = 0; i < 400; ++i)
    body += std::string(i == 0 ? "" : ",") + R"({"id":"f)" + std::to_string(batch) + "-" + std::to_string(i) +
            R"(","time":"2026-06-01T10:00:00Z","source":"filler","subject":"filler","resource":")" +
            std::string(1'500, 'r') + R"("})";
  return body + "]";
}

TEST(FullDisk, RefusesChangesAnswersReadsRevokesAndRecoversWithoutARestart) {
  const TemporaryFolder folder;
  SmallDisk disk(folder.path() + "/disk");
  if (!disk.mounted()) {
    std::puts("skipped: this needs the right to mount a file system");
    return;
  }
  Node node({"--set", "journal.segment_bytes=4194304", "--set", "journal.reserve_bytes=4194304"},
            folder.path() + "/disk");
  ASSERT_TRUE(node.start()) << node.errors();
  auto admin = node.admin();
  const std::string id = admin.register_service("disk");
  std::vector<Answer> issued;
  for (int i = 0; i < 20; ++i) issued.push_back(admin.issue(id));
  const std::string reserve = node.data() + "/p0/journal/0/reserve";
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(reserve); }));
  disk.fill();
  int status = 200;
  for (int batch = 0; batch < 200 && status == 200; ++batch) {
    const auto answer = admin.post("/api/v1/events", many_events(batch));
    status = answer.status;
    EXPECT_EQ(status == 503, !answer.header("Retry-After").empty());
    disk.fill();  // what a checkpoint gave back
  }
  ASSERT_EQ(status, 503) << node.errors();
  EXPECT_EQ(admin.issue(id).status, 503);
  EXPECT_EQ(admin.get("/api/v1/identities/" + id).status, 200);
  EXPECT_TRUE(admin.is_active(issued.back().text("/access_token")));
  for (size_t i = 0; i + 1 < issued.size(); ++i)
    ASSERT_EQ(admin.remove("/api/v1/tokens/" + issued[i].text("/token_id")).status, 204)
        << admin.get("/api/v1/system/status").reply.body << node.errors();
  for (size_t i = 0; i + 1 < issued.size(); ++i)
    EXPECT_FALSE(admin.is_active(issued[i].text("/access_token")));
  EXPECT_TRUE(admin.is_active(issued.back().text("/access_token")));
  disk.free();
  EXPECT_TRUE(wait_until([&] { return admin.issue(id).status == 201; }, 30'000)) << node.errors();
  EXPECT_TRUE(node.running());
  EXPECT_EQ(node.stop(), 0) << node.errors();
  const auto verified = node.verify();
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.errors;
}

// Each of these checkpoints fails in RocksDB; none may end the process, and the last one heals it.
TEST(FullDisk, GoesOnThroughFailedCheckpointsAndWritesOneOnceThereIsSpace) {
  const TemporaryFolder folder;
  SmallDisk disk(folder.path() + "/disk");
  if (!disk.mounted()) {
    std::puts("skipped: this needs the right to mount a file system");
    return;
  }
  Node node({"--set", "journal.segment_bytes=4194304", "--set", "journal.reserve_bytes=4194304", "--set",
             "journal.checkpoint_interval_seconds=1"},
            folder.path() + "/disk");
  ASSERT_TRUE(node.start()) << node.errors();
  auto admin = node.admin();
  const std::string id = admin.register_service("disk");
  const auto checkpoints = [&] {
    const std::string told = node.operations().get("/metrics").reply.body;
    const std::string name = "watchword_checkpoints_total{partition=\"0\"} ";
    const size_t at = told.find(name);
    return at == told.npos ? -1 : std::atoi(told.c_str() + at + name.size());
  };
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(wait_until([&] { return admin.post("/api/v1/events", many_events(round)).status == 200; }, 30'000))
        << node.errors();
    disk.fill();
    const auto age_s = [&] {
      disk.fill();      // what a checkpoint gave back
      admin.issue(id);  // as long as the journal has room, there is something to write
      return admin.get("/api/v1/system/status").number("/partitions/0/checkpoint_age_seconds");
    };
    EXPECT_TRUE(wait_until([&] { return age_s() >= 3 || !node.running(); }, 20'000));
    ASSERT_TRUE(node.running()) << node.errors();
    const int before = checkpoints();
    disk.free();
    const auto written_again = [&] { return admin.issue(id).status == 201 && checkpoints() > before; };
    ASSERT_TRUE(wait_until(written_again, 30'000)) << node.errors();
  }
  EXPECT_EQ(node.stop(), 0) << node.errors();
  EXPECT_EQ(node.verify().exit_code, 0);
}

}  // namespace
}  // namespace watchword::testing
