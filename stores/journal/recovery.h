// Finds where a partition's segment files end, and tells a torn tail from corruption.
#pragma once
#include "stores/journal/catalog.h"
#include "stores/journal/journal.h"

namespace watchword::journal {

struct Recovered {
  Tail tail;
  Place end;                // the next record goes here
  uint64_t torn_bytes = 0;  // what was not zero behind the end
};

enum class Repair : uint8_t {
  cut,   // zero a torn tail, sync what stays, drop free segments but one: before a claim
  none,  // another process may be writing: change nothing, and look again after `patience_ms`
         // before calling anything corrupt
};

// Verifies the last 8 MiB of segments at least (read() verifies the rest as it is read), by the
// rule: a bad record s is a torn tail iff no later record has synced >= s, and its header is all
// zero or, with a good header, at least one of its sectors is. Errors: io; corrupt, detail "<file>
// at byte <offset>: <what>".
Result<Recovered> recover(Disk& disk, Catalog& catalog, uint32_t partition, Repair repair,
                          int patience_ms = 0);

}  // namespace watchword::journal
