// Rows in a RocksDB whose disk is the test's, and what a fold of the journal says that they should
// be.
#pragma once
#include <memory>
#include <string>

#include "tests/suites/runtime/task_kit.h"
#include "tests/support/fault_files.h"

namespace watchword::images {

using runtime::testing::ManualClock;
using runtime::testing::Partition;

inline const std::string kRows = "d/rows";

// The rows' folder on a disk, as a process has it open.
struct OpenRows {
  explicit OpenRows(journal::FaultDisk& disk)
      : env(rocksdb::NewCompositeEnv(std::make_shared<journal::FaultFiles>(disk))),
        shared(1u << 20, 64u << 20, env.get()) {
    auto opened = rows::Database::open(kRows, shared);
    if (opened)
      database = std::move(*opened);
    else
      error = opened.error();
  }
  std::unique_ptr<rocksdb::Env> env;
  rows::Shared shared;
  std::unique_ptr<rows::Database> database;
  std::optional<Error> error;
};

// Every row in the database, as all_rows writes them; the error if one cannot be read.
inline Result<std::string> stored_rows(const rows::Database& database) {
  std::string out;
  auto read = database.scan("", "", [&](std::string_view key, std::string_view value) {
    if (key[0] != '\0') out.append(key).append("=").append(value).append("\n");
    return true;
  });
  if (!read) return read.error();
  return out;
}

// Rows in memory alone, of the frames up to `to`.
inline std::string folded_rows(const journal::Journal& journal, uint64_t to) {
  fold::State state(0, nullptr, 0);
  EXPECT_TRUE(state.open().ok());
  EXPECT_TRUE(journal
                  .read(1,
                        [&](const journal::Stored& stored) -> Result<> {
                          if (stored.seq > to) return {};
                          return fold::fold_frame(state, stored);
                        })
                  .ok());
  return runtime::testing::all_rows(state);
}

// Folds what stands behind the database's stamp and writes a checkpoint, as a node does that starts
// and stops. One that fails is tried again, as the task does.
inline Result<std::string> rows_after_the_tail(rows::Database& database,
                                               const journal::Journal& journal) {
  fold::State state(0, &database, 0);
  if (auto opened = state.open(); !opened) return opened.error();
  rows::Stamp last;
  auto read = journal.read(1, [&](const journal::Stored& stored) -> Result<> {
    last = {stored.seq, fold::kFoldVersion, stored.hash};
    if (stored.seq <= state.seq()) return {};
    return fold::fold_frame(state, stored);
  });
  if (!read) return read.error();
  rows::Batch batch;
  state.freeze(batch);
  while (state.encode_some(1'000) > 0) {
  }
  auto written = database.write(batch.sorted(), last);
  for (int again = 0; !written && again < 3; ++again)
    written = database.write(batch.sorted(), last);
  if (!written) return written.error();
  return stored_rows(database);
}

}  // namespace watchword::images
