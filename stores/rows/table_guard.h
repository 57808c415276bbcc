// A look at table files before RocksDB reads them.
#pragma once
#include <string>

#include "events/base/result.h"

namespace rocksdb {
class Env;
}

namespace watchword::rows {

// RocksDB 7.8 reads a table's properties block before it checks that block's checksum, and a build
// with assertions, such as Debian's, ends the process over one bit in it: the one that says that a
// block has a hash index, which ours never have. Finds that bit in all table files of the folder.
// Everything else is left to RocksDB's own checks, also files that are not whole: no manifest names
// those. Two small reads a file. Errors: corrupt "rows.corrupt", names the file and byte.
Result<> check_properties(rocksdb::Env& env, const std::string& directory);

}  // namespace watchword::rows
