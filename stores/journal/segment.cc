#include "stores/journal/segment.h"

#include <unistd.h>

#include <cstdio>

#include "stores/journal/reader.h"
#include "stores/journal/record.h"
#include "stores/journal/recovery.h"
#include "stores/journal/segment_writer.h"

namespace watchword::journal {
namespace {

std::string folder(const std::string& directory, uint32_t partition) {
  return directory + "/" + std::to_string(partition);
}

bool is_usable(uint64_t bytes) { return bytes % kSectorBytes == 0 && bytes >= 512 * 1024; }

[[noreturn]] void end_process(const Error& error) {
  std::fprintf(stderr, "journal: %.*s: %s; ending at once\n", static_cast<int>(error.reason.size()),
               error.reason.data(), error.detail.c_str());
  ::_exit(74);  // EX_IOERR
}

class ReadOnlyJournal final : public Journal {
 public:
  ReadOnlyJournal(Disk& disk, uint32_t partition, std::unique_ptr<Catalog> catalog,
                  const Recovered& end)
      : disk_(disk), partition_(partition), catalog_(std::move(catalog)), end_(end) {}

  Result<Tail> claim(std::string_view, const std::array<uint8_t, 16>&, int64_t) override {
    return Error{Errc::denied, "journal.read_only", ""};
  }
  void append(std::string, Appended appended) override {
    appended(Error{Errc::denied, "journal.read_only", ""});
  }
  Result<> read(uint64_t from_seq, const Visit& visit) const override {
    return read_segments(disk_, *catalog_, partition_, from_seq, end_.tail, visit);
  }
  Result<std::string> frame(uint64_t seq) const override {
    return read_one(disk_, *catalog_, seq, end_.tail);
  }
  Tail tail() const override { return end_.tail; }
  Space space() const override { return Space::none; }
  uint64_t size_bytes() const override {
    return catalog_->bytes_before(end_.end.number) + end_.end.offset;
  }

 private:
  Disk& disk_;
  const uint32_t partition_;
  const std::unique_ptr<Catalog> catalog_;
  const Recovered end_;
};

}  // namespace

Result<std::unique_ptr<Journal>> open_segments(SegmentOptions options) {
  if (!is_usable(options.segment_bytes) ||
      (options.reserve_bytes != 0 && !is_usable(options.reserve_bytes)))
    return Error{Errc::invalid, "journal.segment.options", "whole sectors, at least 512 KiB"};
  // A reserve in a segment's place is told by its length.
  if (options.reserve_bytes >= options.segment_bytes)
    options.reserve_bytes = options.segment_bytes - kSectorBytes;
  if (!options.disk) options.disk = &system_disk();
  if (!options.on_fatal) options.on_fatal = end_process;
  const std::string own = folder(options.directory, options.partition);
  if (int made = options.disk->make_directory(own); made < 0)
    return disk_error("journal.segment.folder", own, made);
  if (int synced = options.disk->sync_directory(options.directory); synced < 0)
    return disk_error("journal.segment.folder_sync", options.directory, synced);
  auto catalog = Catalog::open(*options.disk, own);
  if (!catalog) return catalog.error();
  const auto end = recover(*options.disk, **catalog, options.partition, Repair::cut);
  if (!end) return end.error();
  if (end->torn_bytes != 0 && options.note)
    options.note("cut a torn tail of " + std::to_string(end->torn_bytes) + " bytes at " +
                 (*catalog)->describe(end->end));
  return open_writer(std::move(options), own, std::move(*catalog), *end);
}

Result<std::unique_ptr<Journal>> open_segments_read_only(const std::string& directory,
                                                         uint32_t partition, Disk* disk,
                                                         int patience_ms) {
  Disk& used = disk ? *disk : system_disk();
  const std::string own = folder(directory, partition);
  std::vector<Listed> files;
  if (used.list(own, files) < 0) return Error{Errc::not_found, "journal.segment.no_folder", own};
  auto catalog = Catalog::open(used, own);
  if (!catalog) return catalog.error();
  const auto end = recover(used, **catalog, partition, Repair::none, patience_ms);
  if (!end) return end.error();
  return std::unique_ptr<Journal>(
      std::make_unique<ReadOnlyJournal>(used, partition, std::move(*catalog), *end));
}

}  // namespace watchword::journal
