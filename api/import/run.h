// An import from end to end: files in, batches out, what could not be read kept. Knows no network:
// batches go to a function.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/import/format.h"

namespace watchword::import {

inline constexpr size_t kBatchRecords = 500;
inline constexpr uint64_t kBlockLines = 1000;
inline constexpr size_t kNamedLines = 10;

// A JSON array of observations. Its block is `block_digest`: SHA-256 over the digest of the block
// before it (of the first: over format and options) and 1,000 lines as they stand in the file, so
// that a server that has a whole block needs none of it again. A block's batches are numbered; none
// reaches into the next block. The same files give the same batches, byte for byte.
struct Batch {
  std::string body;
  size_t records = 0;
  std::string block_digest;  // 64 hex digits
  size_t part = 0, parts = 0;
};
struct Refusal {
  size_t index = 0;  // in the batch
  std::string code, detail;
};
struct Answer {
  uint64_t accepted = 0, duplicates = 0;
  std::vector<Refusal> rejected;
};
// Sends one batch and answers when it is durable; repeats and waits as it sees fit. An error ends
// the import.
using Send = std::function<Result<Answer>(const Batch&)>;

struct Place {
  std::string file;
  uint64_t line = 0;
  std::string reason;
};
struct Progress {
  std::string_view file;
  uint64_t bytes = 0, bytes_total = 0;  // of all files, as they lie on the disk; total 0: not known
  uint64_t lines = 0, records = 0;
};
struct Summary {
  uint64_t lines = 0, records = 0, accepted = 0, duplicates = 0;
  uint64_t unreadable = 0;   // lines; kept
  uint64_t rejected = 0;     // records that the server refused; their lines are kept
  std::vector<Place> named;  // the first ten of both
  std::vector<std::string> kept_in;
};

struct Plan {
  Format format = Format::jsonl;
  std::vector<std::string> files;  // "-" is standard input
  Options options;                 // without anchor_ms, each file's own time counts
  double speed = 0;                // times as fast as it happened; 0: as fast as it goes
  std::string rejects;             // where lines are kept; empty: FILE.rejected, stdin.rejected
};
// Where the world comes in.
struct Outside {
  Send send;
  std::function<void(const Progress&)> progress;
  std::function<int64_t()> now_ms;
  std::function<void(int64_t)> sleep_ms;
};

// In the order of the files; `summary` tells what was done also when it fails. A second run of the
// same command goes on where one stopped: what was taken comes back as duplicates. Errors: those of
// Reader and `send`, with file and line in front; io "import.rejects".
Result<> run(const Plan& plan, const Outside& outside, Summary& summary);

// The text that a person reads at the end.
std::string summary_text(const Summary& summary, double seconds);

}  // namespace watchword::import
