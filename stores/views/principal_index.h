// Which frames speak of a principal: what timelines, `at` and evidence read instead of the whole journal. Complete ranges of
// frames stand in sorted files, written by a background thread; the open tail stands in memory. Thread-safe.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "stores/journal/journal.h"
#include "stores/views/index_file.h"

namespace watchword::views {

class PrincipalIndex {
 public:
  // Files live in `directory`, created if absent. `mentions_per_file`: a range is closed at that many (principal, frame) pairs.
  static Result<std::unique_ptr<PrincipalIndex>> open(const std::string& directory,
                                                      size_t mentions_per_file = 1u << 22);
  // Of a folder that another process may have open: its whole files; changes nothing. An absent folder is an empty index.
  // What stands behind indexed_to() the caller adds. close_full_range() must not be called.
  static Result<std::unique_ptr<PrincipalIndex>> open_read_only(const std::string& directory);
  // Every byte of every file of the folder. Errors: corrupt "index.damaged", names the file and where.
  static Result<> verify(const std::string& directory);
  ~PrincipalIndex();

  // Frames must come in order, each once; those up to indexed_to() are ignored. `principals`: IdHash of each id named.
  void add(uint64_t seq, std::vector<uint64_t> principals);
  // Up to which seq ranges stand in files.
  uint64_t indexed_to() const;
  // Writes the open range to a file when it is full and nobody else does. Blocking; for a worker.
  Result<> close_full_range();
  // False while one is being written.
  bool range_is_full() const;

  // Seqs of frames that name the principal in [from, to], newest first, at most `limit`. Errors: corrupt "index.damaged"; the
  // file is dropped, and the next start makes it again.
  Result<std::vector<uint64_t>> frames_of(const Id& principal, uint64_t from, uint64_t to,
                                          size_t limit) const;
  uint64_t disk_bytes() const;

 private:
  explicit PrincipalIndex(std::string directory, size_t mentions_per_file);
  enum class Broken : uint8_t { remove, leave };
  Result<> load(Broken broken);
  Result<> write_range();
  static void forget(const std::string& path);

  const std::string directory_;
  const size_t mentions_per_file_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<IndexFile>> ranges_;                 // by seq
  std::vector<std::pair<uint64_t, std::vector<uint64_t>>> tail_;  // seq, sorted hashes
  size_t tail_mentions_ = 0;
  bool closing_ = false;
};

// The principals that a stored frame names, for catching up after a start.
Result<std::vector<uint64_t>> principals_of(std::string_view frame);

}  // namespace watchword::views
