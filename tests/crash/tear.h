// What a power failure does to a journal's last, unsynced batch, done to its files by hand.
#pragma once
#include <cstdint>
#include <random>
#include <string>

namespace watchword::testing {

// `directory`: the segments of one partition, whose writer stood between a write and its sync.
// Zeroes some sectors of the records that no sync has covered, but never all of them. 0: there were
// too few sectors to tear; else how many it zeroed.
size_t tear_last_batch(const std::string& directory, std::mt19937_64& random);

}  // namespace watchword::testing
