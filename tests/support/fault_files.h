// RocksDB's files on a FaultDisk: what it wrote and did not sync is lost, torn or kept as the test
// says.
#pragma once
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <memory>
#include <string>

#include "tests/support/fault_disk.h"

namespace watchword::journal {

// `disk` must outlive it. Folders are there without being made. Thread-safe.
class FaultFiles final : public rocksdb::FileSystem {
 public:
  explicit FaultFiles(FaultDisk& disk) : disk_(disk) {}
  const char* Name() const override { return "FaultFiles"; }

  using Status = rocksdb::IOStatus;
  using Options = rocksdb::IOOptions;
  using Context = rocksdb::IODebugContext*;

  Status NewSequentialFile(const std::string& path, const rocksdb::FileOptions&,
                           std::unique_ptr<rocksdb::FSSequentialFile>* made, Context) override {
    return make<Sequential>(path, Access::read, made);
  }
  Status NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions&,
                             std::unique_ptr<rocksdb::FSRandomAccessFile>* made, Context) override {
    return make<Random>(path, Access::read, made);
  }
  Status NewWritableFile(const std::string& path, const rocksdb::FileOptions&,
                         std::unique_ptr<rocksdb::FSWritableFile>* made, Context) override {
    return make<Writable>(path, Access::create, made);
  }
  Status NewDirectory(const std::string& path, const Options&,
                      std::unique_ptr<rocksdb::FSDirectory>* made, Context) override {
    *made = std::make_unique<Directory>(disk_, path);
    return Status::OK();
  }
  Status FileExists(const std::string& path, const Options&, Context) override {
    std::unique_ptr<File> file;
    return disk_.open(path, Access::read, file) < 0 ? Status::NotFound(path) : Status::OK();
  }
  Status GetChildren(const std::string& path, const Options&, std::vector<std::string>* names,
                     Context) override {
    names->clear();
    for (const Listed& file : in(path)) names->push_back(file.name);
    return Status::OK();
  }
  Status DeleteFile(const std::string& path, const Options&, Context) override {
    return of(path, disk_.remove(path));
  }
  Status CreateDir(const std::string&, const Options&, Context) override { return Status::OK(); }
  Status CreateDirIfMissing(const std::string&, const Options&, Context) override {
    return Status::OK();
  }
  Status DeleteDir(const std::string&, const Options&, Context) override { return Status::OK(); }
  Status GetFileSize(const std::string& path, const Options&, uint64_t* bytes, Context) override {
    const size_t slash = path.rfind('/');
    for (const Listed& file : in(path.substr(0, slash))) {
      *bytes = file.bytes;
      if (file.name == path.substr(slash + 1)) return Status::OK();
    }
    return Status::NotFound(path);
  }
  Status GetFileModificationTime(const std::string&, const Options&, uint64_t* time,
                                 Context) override {
    *time = 0;
    return Status::OK();
  }
  Status RenameFile(const std::string& from, const std::string& to, const Options&,
                    Context) override {
    return of(from, disk_.rename(from, to));
  }
  Status LockFile(const std::string&, const Options&, rocksdb::FileLock** lock, Context) override {
    *lock = new Lock;
    return Status::OK();
  }
  Status UnlockFile(rocksdb::FileLock* lock, const Options&, Context) override {
    delete lock;
    return Status::OK();
  }
  Status GetTestDirectory(const Options&, std::string* path, Context) override {
    *path = "t";
    return Status::OK();
  }
  Status GetAbsolutePath(const std::string& path, const Options&, std::string* out,
                         Context) override {
    *out = path;
    return Status::OK();
  }
  Status IsDirectory(const std::string&, const Options&, bool* is, Context) override {
    *is = false;
    return Status::OK();
  }

 private:
  class Lock final : public rocksdb::FileLock {};

  static Status of(const std::string& path, int64_t done) {
    if (done >= 0) return Status::OK();
    if (done == -ENOENT) return Status::PathNotFound(path);
    if (done == -ENOSPC) return Status::NoSpace(path);
    return Status::IOError(path, std::strerror(static_cast<int>(-done)));
  }
  template <class Into>
  static Status read(File& file, const std::string& path, uint64_t offset, size_t bytes,
                     Into& result, char* scratch) {
    const ssize_t got = read_all(file, scratch, bytes, offset);
    *result = rocksdb::Slice(scratch, got < 0 ? 0 : static_cast<size_t>(got));
    return of(path, got);
  }

  class Sequential final : public rocksdb::FSSequentialFile {
   public:
    Sequential(std::string path, std::unique_ptr<File> file)
        : path_(std::move(path)), file_(std::move(file)) {}
    Status Read(size_t bytes, const Options&, rocksdb::Slice* result, char* scratch,
                Context) override {
      const Status done = read(*file_, path_, at_, bytes, result, scratch);
      at_ += result->size();
      return done;
    }
    Status Skip(uint64_t bytes) override {
      at_ += bytes;
      return Status::OK();
    }

   private:
    const std::string path_;
    const std::unique_ptr<File> file_;
    uint64_t at_ = 0;
  };

  class Random final : public rocksdb::FSRandomAccessFile {
   public:
    Random(std::string path, std::unique_ptr<File> file)
        : path_(std::move(path)), file_(std::move(file)) {}
    Status Read(uint64_t offset, size_t bytes, const Options&, rocksdb::Slice* result,
                char* scratch, Context) const override {
      return read(*file_, path_, offset, bytes, result, scratch);
    }

   private:
    const std::string path_;
    const std::unique_ptr<File> file_;
  };

  class Writable final : public rocksdb::FSWritableFile {
   public:
    Writable(std::string path, std::unique_ptr<File> file)
        : path_(std::move(path)), file_(std::move(file)) {}
    using FSWritableFile::Append;
    Status Append(const rocksdb::Slice& bytes, const Options&, Context) override {
      const int written = write_all(*file_, bytes.data(), bytes.size(), at_);
      if (written == 0) at_ += bytes.size();
      return of(path_, written);
    }
    Status Close(const Options&, Context) override { return Status::OK(); }
    Status Flush(const Options&, Context) override { return Status::OK(); }
    Status Sync(const Options&, Context) override { return of(path_, sync_all(*file_)); }
    uint64_t GetFileSize(const Options&, Context) override { return at_; }

   private:
    const std::string path_;
    const std::unique_ptr<File> file_;
    uint64_t at_ = 0;
  };

  class Directory final : public rocksdb::FSDirectory {
   public:
    Directory(FaultDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
    Status Fsync(const Options&, Context) override {
      return of(path_, disk_.sync_directory(path_));
    }

   private:
    FaultDisk& disk_;
    const std::string path_;
  };

  template <class Made, class Base>
  Status make(const std::string& path, Access access, std::unique_ptr<Base>* made) {
    std::unique_ptr<File> file;
    if (const int opened = disk_.open(path, access, file); opened < 0) return of(path, opened);
    *made = std::make_unique<Made>(path, std::move(file));
    return Status::OK();
  }
  std::vector<Listed> in(const std::string& path) {
    std::vector<Listed> files;
    disk_.list(path.ends_with('/') ? path.substr(0, path.size() - 1) : path, files);
    return files;
  }

  FaultDisk& disk_;
};

}  // namespace watchword::journal
