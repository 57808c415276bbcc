// Copies of a node's folder that pass verify, taken while it runs or not, and their way back.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "events/base/ids.h"
#include "events/base/result.h"

namespace watchword::replay {

struct Copied {
  std::vector<Position> positions;  // up to which each partition was copied, control first
  uint64_t bytes = 0;               // of journals, rows and keys
  bool was_running = false;
  bool with_rows = false;           // else they are made again from the journal at the next start
};

// Copies the keys, the whole durable records of every journal, and of a stopped node the rows; indexes are made again.
// `target` is made, or must be empty; all of it is durable when this returns, and "backup.json", written last, says so.
// Whoever has the copy has the keys in it: it is as secret as the folder. Errors: conflict "backup.not_empty"; corrupt when a
// journal is damaged; io; those of opening the journals.
Result<Copied> backup(const std::string& directory, const std::string& target);

// The way back, into a folder that is not there or empty. Errors: not_found "backup.incomplete" when `source` is no finished
// backup; conflict "backup.not_empty"; io.
Result<Copied> restore(const std::string& source, const std::string& directory);

}  // namespace watchword::replay
