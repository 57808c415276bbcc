// Verifies one partition; verify.h is what others include. One thread.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "processors/fold/state.h"
#include "replay/digests.h"
#include "replay/folder.h"
#include "replay/verify.h"
#include "stores/rows/database.h"

namespace watchword::replay {

class PartVerifier {
 public:
  using Count = std::function<void(uint64_t bytes, uint64_t events)>;
  PartVerifier(const std::string& directory, uint32_t number, bool is_running, Count count);

  // Fixes what is compared: first the rows, then the journal, so that the rows are never ahead. Gives the journal's bytes.
  uint64_t open();
  void run();
  void report(Verified& out);

 private:
  void find(const Error& error);
  void find_in_rows(const Error& error);
  Result<std::unique_ptr<rows::Database>> open_database() const;
  void open_rows();
  Result<> check_files();
  // Every frame and entry, and where the node logged digests.
  Result<DigestPlan> read_all();
  Result<> fold_all(DigestPlan plan);
  Result<> fold_one(const journal::Stored& stored, DigestChecker& checker);
  void compare_rows(const journal::Stored& stored);
  void check_checkpoint(uint64_t last_digest_to);

  const std::string directory_;
  const uint32_t number_;
  const bool is_running_;
  const Count count_;
  PartVerified out_;
  std::vector<Finding> findings_;
  std::vector<std::string> notes_;
  std::unique_ptr<rows::Database> database_;
  std::unique_ptr<journal::Journal> journal_;
  rows::Stamp stamp_;
  uint64_t logged_before_rows_ = ~uint64_t{0};  // the journal's end before the rows were opened
  uint64_t checkpoint_logged_ = 0;              // the last checkpoint known by then
  std::unique_ptr<fold::State> state_;
  std::vector<uint32_t> entries_;  // of each frame
};

}  // namespace watchword::replay
