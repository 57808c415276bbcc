// RocksDB behind values: one database a partition, WAL off (the journal is the log), rows and the position that they stand
// at in one write. Every status is looked at: anything but OK or NotFound is an error that the caller must not serve past.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "stores/rows/batch.h"

namespace rocksdb {
class Env;
}

namespace watchword::rows {

// The journal position that the stored rows stand at.
struct Stamp {
  uint64_t seq = 0;
  uint32_t fold_version = 0;
  std::array<uint8_t, 32> frame_hash{};  // chained hash of frame `seq`
};

// Block cache and write buffers shared by all partitions of a process.
class Shared {
 public:
  // `env`: where files are and background work runs, for tests (in memory, or failing); must outlive every Database. nullptr:
  // the machine's.
  Shared(size_t block_cache_bytes, size_t write_buffer_bytes, rocksdb::Env* env = nullptr);
  ~Shared();
  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  std::unique_ptr<Parts> parts_;
};

// All calls from any thread; writes from one at a time.
class Database {
 public:
  // Errors: io "rows.open", corrupt "rows.corrupt" (the caller quarantines the folder and rebuilds from the journal).
  static Result<std::unique_ptr<Database>> open(const std::string& directory, const Shared& shared);
  // Of a folder that another process may have open: what its last flush left. Reads only. Holds every file open, so that
  // it stays readable when the other process drops files; opening may fail if that happens meanwhile: try again.
  static Result<std::unique_ptr<Database>> open_read_only(const std::string& directory,
                                                          rocksdb::Env* env = nullptr);
  ~Database();

  Result<std::optional<std::string>> get(std::string_view key) const;
  // As get, for many keys at once, in their order.
  Result<std::vector<std::optional<std::string>>> multi_get(const std::vector<std::string>& keys) const;
  // Rows and stamp in ONE write batch, then a flush: durable when it returns. After an error the same may be tried again: the
  // database is then opened anew first, for which `shared` of open() must still be there.
  Result<> write(const std::vector<Batch::Record>& sorted, const Stamp& stamp);
  Result<Stamp> stamp() const;  // seq 0 if nothing was ever written
  // Keys with `prefix`, from `from` (a whole key) on, in order, until `visit` says false.
  Result<> scan(std::string_view prefix, std::string_view from,
                const std::function<bool(std::string_view key, std::string_view value)>& visit) const;
  // Every byte of every table file against the checksums of its blocks and of the whole file. Reads them all. Errors:
  // corrupt "rows.corrupt", names the file.
  Result<> verify() const;
  // A consistent copy by hard links, for backup.
  Result<> copy_to(const std::string& directory) const;
  uint64_t disk_bytes() const;

 private:
  struct Impl;
  Result<> reopen();
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchword::rows
