#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <filesystem>

#include "stores/rows/database.h"

namespace watchword::rows {
namespace {

TEST(Database, RunsOnTheEnvItIsGivenAndOpensThereAgain) {
  const std::unique_ptr<rocksdb::Env> memory(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  const Shared shared(1u << 20, 8u << 20, memory.get());
  const std::string directory = "/nowhere-on-this-machine/rows";
  ASSERT_TRUE(memory->CreateDirIfMissing("/nowhere-on-this-machine").ok());
  {
    auto database = Database::open(directory, shared);
    ASSERT_TRUE(database) << database.error().detail;
    ASSERT_TRUE((*database)->write({{"key", "value"}}, Stamp{7, 1, {}}));
  }
  EXPECT_FALSE(std::filesystem::exists("/nowhere-on-this-machine"));
  for (const bool reading : {false, true}) {
    auto again = reading ? Database::open_read_only(directory, memory.get())
                         : Database::open(directory, shared);
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ((*again)->stamp()->seq, 7u);
    EXPECT_EQ((*again)->get("key")->value_or("none"), "value");
  }
}

}  // namespace
}  // namespace watchword::rows
