// The data folder: made, locked, refused when its journal is damaged, rebuilt when its rows are.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/node.h"

namespace watchword::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> files_of(const std::string& folder, const std::string& extension) {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == extension) out.push_back(entry.path());
  return out;
}

void flip_byte(const std::string& path, size_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 0x20);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

TEST(Folder, TheAdminTokenIsForItsOwnerOnlyAndStaysTheSame) {
  Node node;
  ASSERT_TRUE(node.start()) << node.errors();
  struct stat file {};
  ASSERT_EQ(stat(node.token_file().c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  const std::string token = node.admin_token();
  ASSERT_TRUE(node.restart()) << node.errors();
  EXPECT_EQ(node.admin_token(), token);
  EXPECT_EQ(node.admin().get("/api/v1/auth/me").status, 200);
}

TEST(Folder, ASecondProcessIsRefusedWithASentence) {
  Node node;
  ASSERT_TRUE(node.start()) << node.errors();
  const auto second = run_watchword({"dev", "--data", node.data(), "--listen", "127.0.0.1:0",
                                     "--admin-listen", "127.0.0.1:0"});
  EXPECT_GT(second.exit_code, 0);
  EXPECT_NE(second.errors.find(node.data()), std::string::npos) << second.errors;
  EXPECT_EQ(node.admin().get("/api/v1/auth/me").status, 200);
}

TEST(Folder, InitMakesAFolderAndNewAdminMintsAFurtherTokenOfAStoppedOne) {
  Node node;
  const std::string first = node.token_file(), second = node.base() + "/second.token";
  const auto made = run_watchword({"init", "--data", node.data(), "--admin-token-file", first});
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  const auto minted = run_watchword(
      {"init", "--data", node.data(), "--new-admin", "--admin-token-file", second});
  ASSERT_EQ(minted.exit_code, 0) << minted.errors;
  ASSERT_TRUE(node.start()) << node.errors();
  std::string token = read_whole_file(second);
  token.erase(token.find_last_not_of('\n') + 1);
  EXPECT_NE(token, node.admin_token());
  EXPECT_EQ(node.admin().get("/api/v1/auth/me").status, 200);
  EXPECT_EQ(node.as(token).post("/api/v1/auth/tokens", R"({"token_name":"x","permissions":["api_read"]})").status, 201);
  const auto running = run_watchword(
      {"init", "--data", node.data(), "--new-admin", "--admin-token-file", node.base() + "/third"});
  EXPECT_GT(running.exit_code, 0);  // it is in use
  EXPECT_TRUE(read_whole_file(node.base() + "/third").empty());
}

TEST(Folder, StoppingIsCleanAndKeepsEverything) {
  Node node;
  ASSERT_TRUE(node.start()) << node.errors();
  const std::string id = node.admin().register_service("kept");
  const auto issued = node.admin().issue(id);
  EXPECT_EQ(node.stop(), 0) << node.errors();
  EXPECT_EQ(node.verify().exit_code, 0);
  ASSERT_TRUE(node.start());
  EXPECT_TRUE(node.admin().is_active(issued.text("/access_token")));
  EXPECT_EQ(node.verify().exit_code, 0);  // also while it runs
}

TEST(Folder, ADamagedJournalIsRefusedByFileAndOffset) {
  Node node;
  ASSERT_TRUE(node.start()) << node.errors();
  for (int i = 0; i < 20; ++i) node.admin().register_service("damage-me-" + std::to_string(i));
  ASSERT_EQ(node.stop(), 0);
  const std::string segment = node.data() + "/p0/journal/0/0000000001.segment";
  const size_t at = read_whole_file(segment).find("damage-me-3");
  ASSERT_NE(at, std::string::npos);
  flip_byte(segment, at);
  EXPECT_FALSE(node.start());
  EXPECT_GT(node.exit_code(), 0);
  EXPECT_NE(node.errors().find("0000000001.segment"), std::string::npos) << node.errors();
  EXPECT_NE(node.errors().find(" at byte "), std::string::npos) << node.errors();
  const auto verified = node.verify();
  EXPECT_NE(verified.exit_code, 0);
  EXPECT_NE((verified.out + verified.errors).find("0000000001.segment"), std::string::npos);
  flip_byte(segment, at);
  EXPECT_TRUE(node.start()) << node.errors();
}

TEST(Folder, DamagedRowsAreQuarantinedRebuiltAndSaid) {
  Node node;
  ASSERT_TRUE(node.start()) << node.errors();
  std::vector<std::string> ids, answers;
  std::string token;
  {
    auto admin = node.admin();
    for (int i = 0; i < 50; ++i) ids.push_back(admin.register_service("row-" + std::to_string(i)));
    token = admin.issue(ids.front()).text("/access_token");
    admin.post("/api/v1/identities/" + ids.back() + "/suspend");
    for (const auto& id : ids) answers.push_back(admin.get("/api/v1/identities/" + id).reply.body);
  }
  ASSERT_EQ(node.stop(), 0);
  const auto tables = files_of(node.data() + "/p0/rows", ".sst");
  ASSERT_FALSE(tables.empty());
  for (const auto& table : tables)
    for (size_t at = 0; at < fs::file_size(table); at += 16) flip_byte(table, at);
  ASSERT_TRUE(node.start()) << node.errors();
  auto admin = node.admin();
  for (size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(admin.get("/api/v1/identities/" + ids[i]).reply.body, answers[i]);
  EXPECT_TRUE(admin.is_active(token));
  EXPECT_NE(node.errors().find("quarantine"), std::string::npos) << node.errors();
  EXPECT_EQ(node.stop(), 0);
  const auto verified = node.verify();
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.errors;
}

TEST(Folder, AConfigurationThatIsWrongIsRefusedWithItsPlace) {
  Node node;
  write_whole_file(node.base() + "/wrong.toml", "[api]\nlisten = \"127.0.0.1:0\"\nnonsense = 1\n");
  const auto refused =
      run_watchword({"dev", "--data", node.data(), "--config", node.base() + "/wrong.toml"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.errors.find("nonsense"), std::string::npos) << refused.errors;
  EXPECT_NE(refused.errors.find("3"), std::string::npos) << refused.errors;
}

}  // namespace
}  // namespace watchword::testing
