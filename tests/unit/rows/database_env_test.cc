#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

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

// A file's size can be had, its bytes cannot, while the disk is full.
class FullDisk : public rocksdb::EnvWrapper {
 public:
  using EnvWrapper::EnvWrapper;
  const char* Name() const override { return "full disk"; }
  rocksdb::Status NewWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    auto status = EnvWrapper::NewWritableFile(name, file, options);
    if (status.ok()) *file = std::make_unique<File>(std::move(*file), full);
    return status;
  }
  rocksdb::Status NewLogger(const std::string& name, std::shared_ptr<rocksdb::Logger>* logger) override {
    ++loggers;
    return EnvWrapper::NewLogger(name, logger);
  }

  std::atomic<bool> full = false;
  int loggers = 0;

 private:
  struct File final : rocksdb::WritableFileWrapper {
    File(std::unique_ptr<rocksdb::WritableFile> owned, const std::atomic<bool>& is_full)
        : WritableFileWrapper(owned.get()), file(std::move(owned)), full(is_full) {}
    using WritableFileWrapper::Append;
    rocksdb::Status Append(const rocksdb::Slice& bytes) override {
      return full ? rocksdb::Status::NoSpace() : file->Append(bytes);
    }
    std::unique_ptr<rocksdb::WritableFile> file;
    const std::atomic<bool>& full;
  };
};

TEST(Database, AFullDiskRefusesWritesAgainAndAgainAndIsWellOnceThereIsSpace) {
  const std::unique_ptr<rocksdb::Env> memory(rocksdb::NewMemEnv(rocksdb::Env::Default()));
  FullDisk disk(memory.get());
  const Shared shared(1u << 20, 8u << 20, &disk);
  const auto database = Database::open("/rows", shared);
  ASSERT_TRUE(database) << database.error().detail;
  ASSERT_TRUE((*database)->write({{"key", "old"}}, Stamp{1, 1, {}}));
  disk.full = true;
  for (int attempt = 0; attempt < 5; ++attempt) {
    EXPECT_FALSE((*database)->write({{"key", "new"}}, Stamp{2, 1, {}}));
    const auto read = (*database)->get("key");  // what is on the disk, or what waits in memory to be
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->value_or("none"), (*database)->stamp()->seq == 1 ? "old" : "new");
  }
  disk.full = false;
  Result<> written = Error{Errc::io, "not yet"};
  for (int attempt = 0; attempt < 3'000 && !written; ++attempt) {
    written = (*database)->write({{"key", "new"}}, Stamp{2, 1, {}});
    if (!written) std::this_thread::sleep_for(std::chrono::milliseconds(10));  // paces
  }
  ASSERT_TRUE(written) << written.error().detail;
  EXPECT_EQ((*database)->get("key")->value_or("none"), "new");
  EXPECT_EQ(disk.loggers, 0);  // RocksDB's own log ends the process at its second line that does not fit
}

}  // namespace
}  // namespace watchword::rows
