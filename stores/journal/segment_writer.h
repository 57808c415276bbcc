// The writing half of the segment journal; segment.h is what others include.
#pragma once
#include "stores/journal/recovery.h"
#include "stores/journal/segment.h"

namespace watchword::journal {

// Goes on at `end` of what recover() left. `directory`: this partition's. Errors: io.
Result<std::unique_ptr<Journal>> open_writer(SegmentOptions options, const std::string& directory,
                                             std::unique_ptr<Catalog> catalog,
                                             const Recovered& end);

}  // namespace watchword::journal
