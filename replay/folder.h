// The shape of a node's data folder, for those who only read it: lock · control/ and p<n>/ with journal/ rows/ index/ each ·
// keys/. processors/runtime/engine.h writes it. Any thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "events/base/result.h"
#include "stores/journal/journal.h"

namespace watchword::replay {

inline constexpr uint32_t kControl = ~0u;  // the number of the control partition

std::string part_name(uint32_t number);  // "control", "p0"
std::string part_directory(const std::string& directory, uint32_t number);

// Takes no lock and changes nothing. Errors: those of journal::open_segments_read_only.
Result<std::unique_ptr<journal::Journal>> open_journal(const std::string& directory, uint32_t number);

// What the control journal says. Errors: not_found "replay.no_folder"; corrupt "replay.not_initialised", and those of
// reading the control journal.
Result<uint32_t> partitions_of(const std::string& directory);

// Numbers n for which there is a p<n>/, in order.
std::vector<uint32_t> part_folders(const std::string& directory);

// Calls `visit` for the frames from..to (both included) and no further. Errors: those of Journal::read and of `visit`.
Result<> read_range(const journal::Journal& journal, uint64_t from, uint64_t to,
                    const journal::Visit& visit);
// The same to the durable end, until `visit` says false.
Result<> read_while(const journal::Journal& journal, uint64_t from,
                    const std::function<Result<bool>(const journal::Stored&)>& visit);

// Holds the folder's lock while it lives, so that no node starts; not held: a node is running.
class FolderLock {
 public:
  static Result<FolderLock> try_take(const std::string& directory);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();
  bool held() const { return held_; }

 private:
  FolderLock(int file, bool held) : file_(file), held_(held) {}
  int file_;
  bool held_;
};

}  // namespace watchword::replay
