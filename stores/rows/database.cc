#include "stores/rows/database.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <cstring>
#include <shared_mutex>

#include "events/base/crash_point.h"
#include "stores/rows/table_guard.h"

namespace watchword::rows {
namespace {

constexpr std::string_view kStampKey{"\0stamp", 6};

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

Error failed(const rocksdb::Status& status, std::string_view reason) {
  const bool corrupt = status.IsCorruption() || status.IsInvalidArgument();
  return Error{corrupt ? Errc::corrupt : Errc::io, corrupt ? "rows.corrupt" : reason,
               status.ToString()};
}

std::string encode(const Stamp& stamp) {
  std::string out(44, '\0');
  std::memcpy(out.data(), &stamp.seq, 8);
  std::memcpy(out.data() + 8, &stamp.fold_version, 4);
  std::memcpy(out.data() + 12, stamp.frame_hash.data(), 32);
  return out;
}

}  // namespace

struct Shared::Parts {
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> buffers;
  rocksdb::Env* env = nullptr;
};

Shared::Shared(size_t block_cache_bytes, size_t write_buffer_bytes, rocksdb::Env* env)
    : parts_(new Parts) {
  parts_->env = env;
  parts_->cache = rocksdb::NewLRUCache(block_cache_bytes);
  parts_->buffers = std::make_shared<rocksdb::WriteBufferManager>(write_buffer_bytes);
}
Shared::~Shared() = default;

// Everybody reads under the shared lock; only replacing takes it alone.
struct Database::Impl {
  std::unique_ptr<rocksdb::DB> db;
  const Shared::Parts* shared = nullptr;
  mutable std::shared_mutex reopening;
  bool write_failed = false;
  bool only_reads = false;  // what stands in `db` until the disk lets a whole one be opened
  std::string directory;

  // Readers see the one or the other, never none.
  void replace(rocksdb::DB* fresh) {
    std::unique_ptr<rocksdb::DB> old(fresh);
    {
      const std::unique_lock lock(reopening);
      db.swap(old);
    }
    old->Close();
  }
};

namespace {

// RocksDB's own LOG file ends the process by an assertion at the second line that a full disk refuses. What goes wrong
// comes back as a status.
class NoLog final : public rocksdb::Logger {
 public:
  NoLog() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options options_for(const Shared::Parts* shared) {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.max_write_buffer_number = 2;
  options.write_buffer_size = 256u << 20;  // a checkpoint is one batch and flushes itself
  options.compression = rocksdb::kNoCompression;
  options.paranoid_checks = true;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.level_compaction_dynamic_level_bytes = true;
  options.level0_file_num_compaction_trigger = 6;
  options.info_log = std::make_shared<NoLog>();
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(10));
  table.optimize_filters_for_memory = true;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.block_size = 8u << 10;
  table.checksum = rocksdb::kXXH3;  // Debian builds RocksDB without the CPU's CRC32C
  if (shared != nullptr) {
    table.block_cache = shared->cache;
    options.write_buffer_manager = shared->buffers;
    if (shared->env != nullptr) options.env = shared->env;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// Holds every file open, so that it stays readable when a whole database beside it drops files.
rocksdb::Options options_for_reading(const Shared::Parts* shared) {
  rocksdb::Options options = options_for(shared);
  options.create_if_missing = false;
  options.max_open_files = -1;
  return options;
}

}  // namespace

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() {
  if (impl_->db) impl_->db->Close();
}

Result<std::unique_ptr<Database>> Database::open(const std::string& directory,
                                                 const Shared& shared) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Options options = options_for(&shared.parts());
  if (auto checked = check_properties(*options.env, directory); !checked) return checked.error();
  const auto status = rocksdb::DB::Open(options, directory, &db);
  // CURRENT names a file that is not there.
  if (status.IsPathNotFound()) return Error{Errc::corrupt, "rows.corrupt", status.ToString()};
  if (!status.ok()) return failed(status, "rows.open");
  auto impl = std::make_unique<Impl>();
  impl->db.reset(db);
  impl->shared = &shared.parts();
  impl->directory = directory;
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Result<std::unique_ptr<Database>> Database::open_read_only(const std::string& directory,
                                                           rocksdb::Env* env) {
  rocksdb::DB* db = nullptr;
  rocksdb::Options options = options_for_reading(nullptr);
  if (env != nullptr) options.env = env;
  if (auto checked = check_properties(*options.env, directory); !checked) return checked.error();
  const auto status = rocksdb::DB::OpenForReadOnly(options, directory, &db);
  if (!status.ok()) return failed(status, "rows.open");
  auto impl = std::make_unique<Impl>();
  impl->db.reset(db);
  impl->directory = directory;
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Result<std::optional<std::string>> Database::get(std::string_view key) const {
  std::string value;
  const std::shared_lock lock(impl_->reopening);
  const auto status = impl_->db->Get(rocksdb::ReadOptions(), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return failed(status, "rows.read");
  return std::optional<std::string>{std::move(value)};
}

Result<std::vector<std::optional<std::string>>> Database::multi_get(
    const std::vector<std::string>& keys) const {
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  const std::shared_lock lock(impl_->reopening);
  impl_->db->MultiGet(rocksdb::ReadOptions(), impl_->db->DefaultColumnFamily(), keys.size(),
                      slices.data(), values.data(), statuses.data());
  std::vector<std::optional<std::string>> out(keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    if (!statuses[i].ok()) return failed(statuses[i], "rows.read");
    out[i] = values[i].ToString();
  }
  return out;
}

Result<> Database::write(const std::vector<Batch::Record>& sorted, const Stamp& stamp) {
  rocksdb::WriteBatch batch;
  for (const auto& record : sorted)
    if (record.removed)
      batch.Delete(slice(record.key));
    else
      batch.Put(slice(record.key), slice(record.value));
  batch.Put(slice(kStampKey), encode(stamp));
  if (impl_->write_failed)
    if (auto reopened = reopen(); !reopened) return reopened;
  const std::shared_lock lock(impl_->reopening);
  impl_->write_failed = true;
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  auto status = impl_->db->Write(options, &batch);
  if (!status.ok()) return failed(status, "rows.write");
  crash_point(CrashPoint::checkpoint_written);
  status = impl_->db->Flush(rocksdb::FlushOptions());
  if (!status.ok()) return failed(status, "rows.flush");
  crash_point(CrashPoint::checkpoint_flushed);
  impl_->write_failed = false;
  return {};
}

// A failed flush stops RocksDB for good, whatever becomes of the disk: only a new one goes on. Opening it writes files,
// which the same full disk refuses, so reads go on meanwhile from what was flushed.
Result<> Database::reopen() {
  rocksdb::DB* db = nullptr;
  if (!impl_->only_reads) {
    const auto status = rocksdb::DB::OpenForReadOnly(options_for_reading(impl_->shared), impl_->directory, &db);
    if (!status.ok()) return failed(status, "rows.reopen");
    impl_->replace(db);
    impl_->only_reads = true;
  }
  const auto status = rocksdb::DB::Open(options_for(impl_->shared), impl_->directory, &db);
  if (!status.ok()) return failed(status, "rows.reopen");
  impl_->replace(db);
  impl_->only_reads = false;
  return {};
}

Result<Stamp> Database::stamp() const {
  auto found = get(kStampKey);
  if (!found) return found.error();
  Stamp stamp;
  if (!*found) return stamp;
  if ((*found)->size() != 44) return Error{Errc::corrupt, "rows.stamp", "the position is unreadable"};
  std::memcpy(&stamp.seq, (*found)->data(), 8);
  std::memcpy(&stamp.fold_version, (*found)->data() + 8, 4);
  std::memcpy(stamp.frame_hash.data(), (*found)->data() + 12, 32);
  return stamp;
}

Result<> Database::scan(
    std::string_view prefix, std::string_view from,
    const std::function<bool(std::string_view, std::string_view)>& visit) const {
  const std::shared_lock lock(impl_->reopening);
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(rocksdb::ReadOptions()));
  for (it->Seek(slice(from < prefix ? prefix : from)); it->Valid(); it->Next()) {
    const std::string_view key{it->key().data(), it->key().size()};
    if (!key.starts_with(prefix)) break;
    if (!visit(key, {it->value().data(), it->value().size()})) break;
  }
  if (!it->status().ok()) return failed(it->status(), "rows.scan");
  return {};
}

Result<> Database::verify() const {
  const std::shared_lock lock(impl_->reopening);
  auto status = impl_->db->VerifyChecksum();
  if (status.ok()) status = impl_->db->VerifyFileChecksums(rocksdb::ReadOptions());
  if (!status.ok()) return failed(status, "rows.verify");
  return {};
}

Result<> Database::copy_to(const std::string& directory) const {
  const std::shared_lock lock(impl_->reopening);
  rocksdb::Checkpoint* raw = nullptr;
  auto status = rocksdb::Checkpoint::Create(impl_->db.get(), &raw);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
  if (status.ok()) status = checkpoint->CreateCheckpoint(directory);
  if (!status.ok()) return failed(status, "rows.copy");
  return {};
}

uint64_t Database::disk_bytes() const {
  uint64_t bytes = 0;
  const std::shared_lock lock(impl_->reopening);
  impl_->db->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
  return bytes;
}

}  // namespace watchword::rows
