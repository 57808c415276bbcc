// Reads a vault file at open, and repairs what a crash may have left half done.
#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "stores/keys/file.h"
#include "stores/keys/vault_record.h"

namespace watchword::keys {

struct HeldKey {
  uint64_t number = 0;  // of its record
  WrappedKey wrapped;
};

// Some 90 bytes a principal. Keys stay wrapped: unwrapping costs less than the seal that follows it.
struct Loaded {
  boost::unordered_flat_map<Id, HeldKey, IdHash> keys;
  boost::unordered_flat_set<Id, IdHash> erased;  // had a key once that is gone
  uint64_t records = 0;
};

// A bad record s is a torn tail iff it has the shape of one and no later whole record says that s was durable; the file is
// then cut at s. A key whose erasure is recorded is blanked if that had not happened yet. What is read is durable when this
// returns. Errors: corrupt ("vault.record", names file, record and byte), denied ("vault.other_key"), io.
Result<Loaded> load_vault(File& file, const crypto::Key256& wrap);

}  // namespace watchword::keys
