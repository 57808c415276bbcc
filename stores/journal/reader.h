// Reads the durable frames of one partition's segment files; shared by the writing and the
// read-only journal.
#pragma once
#include "stores/journal/catalog.h"
#include "stores/journal/journal.h"

namespace watchword::journal {

// Journal::read() up to `tail`.
Result<> read_segments(Disk& disk, Catalog& catalog, uint32_t partition, uint64_t from_seq,
                       const Tail& tail, const Visit& visit);
// Journal::frame() up to `tail`.
Result<std::string> read_one(Disk& disk, Catalog& catalog, uint64_t seq, const Tail& tail);

}  // namespace watchword::journal
