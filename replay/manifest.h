// RocksDB forgives a damaged end of its MANIFEST as a torn write and opens an older state; a check of every byte does not.
#pragma once
#include <string>

#include "events/base/result.h"

namespace watchword::replay {

// Every record of the MANIFEST that CURRENT names, of a database that nobody writes to (RocksDB wiki, "Write Ahead Log File
// Format"). An absent folder is fine. Errors: corrupt "replay.manifest" (names file and offset), io.
Result<> check_manifest(const std::string& rows_directory);

}  // namespace watchword::replay
