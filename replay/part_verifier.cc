#include "replay/part_verifier.h"

#include <filesystem>

#include "processors/fold/fold.h"
#include "replay/compare.h"
#include "replay/manifest.h"
#include "stores/journal/frame.h"
#include "stores/views/principal_index.h"

namespace watchword::replay {
namespace {

constexpr int kTries = 5;  // a running node may drop files between listing and opening them

}  // namespace

PartVerifier::PartVerifier(const std::string& directory, uint32_t number, bool is_running,
                           Count count)
    : directory_(directory), number_(number), is_running_(is_running), count_(std::move(count)) {
  out_.name = part_name(number);
}

void PartVerifier::find(const Error& error) {
  findings_.push_back({out_.name, std::string(error.reason), error.detail});
}

// RocksDB names the damaged file itself, but for a few of the bytes at its end.
void PartVerifier::find_in_rows(const Error& error) {
  find({error.code, error.reason,
        part_directory(directory_, number_) + "/rows: " + error.detail});
}

// A running node writes checkpoints on: only those that were logged before the rows were opened must be in them.
uint64_t PartVerifier::open() {
  if (is_running_)
    if (const auto before = open_journal(directory_, number_))
      logged_before_rows_ = (*before)->tail().seq;
  open_rows();
  auto journal = open_journal(directory_, number_);
  if (!journal) {
    find(journal.error());
    return 0;
  }
  journal_ = std::move(*journal);
  return journal_->size_bytes();
}

Result<std::unique_ptr<rows::Database>> PartVerifier::open_database() const {
  const std::string rows = part_directory(directory_, number_) + "/rows";
  auto opened = rows::Database::open_read_only(rows);
  for (int i = 1; !opened && is_running_ && i < kTries; ++i)
    opened = rows::Database::open_read_only(rows);
  return opened;
}

// Opens the files by their names once more: a running node may have dropped some since, then the newer ones are read.
Result<> PartVerifier::check_files() {
  auto checked = database_->verify();
  for (int i = 1; !checked && checked.error().code == Errc::io && is_running_ && i < kTries; ++i) {
    const auto newer = open_database();
    if (!newer) return newer.error();
    checked = (*newer)->verify();
  }
  return checked;
}

void PartVerifier::open_rows() {
  const std::string rows = part_directory(directory_, number_) + "/rows";
  if (!std::filesystem::exists(rows)) {
    notes_.push_back(out_.name + ": no rows here, they are made again from the journal");
    return;
  }
  if (!is_running_)
    if (auto checked = check_manifest(rows); !checked) find(checked.error());
  auto opened = open_database();
  if (!opened) return find_in_rows(opened.error());
  const auto stamp = (*opened)->stamp();
  if (!stamp) return find_in_rows(stamp.error());
  stamp_ = *stamp;
  database_ = std::move(*opened);
}

void PartVerifier::run() {
  if (database_)
    if (auto checked = check_files(); !checked) find_in_rows(checked.error());
  const std::string index = part_directory(directory_, number_) + "/index";
  if (auto checked = views::PrincipalIndex::verify(index); !checked) find(checked.error());
  if (!journal_) return;
  auto plan = read_all();
  if (!plan) return find(plan.error());
  notes_.insert(notes_.end(), plan->left_out.begin(), plan->left_out.end());
  check_checkpoint(checkpoint_logged_);
  if (auto folded = fold_all(std::move(*plan)); !folded) find(folded.error());
  state_.reset();
}

Result<DigestPlan> PartVerifier::read_all() {
  std::vector<LoggedDigest> logged;
  const auto read = journal_->read(1, [&](const journal::Stored& stored) -> Result<> {
    const auto view = journal::FrameView::open(stored.bytes);
    if (!view) return view.error();
    if (stored.time_ms < out_.last_ms)
      return Error{Errc::corrupt, "replay.time", "frame " + std::to_string(stored.seq) +
                                                     " is dated before the one before it"};
    ++out_.frames;
    entries_.push_back(0);
    out_.claims += stored.is_claim;
    out_.bytes += stored.bytes.size();
    out_.first_ms = out_.first_ms == 0 ? stored.time_ms : out_.first_ms;
    out_.last_ms = stored.time_ms;
    return view->each(
        [&](uint32_t, const v1::Event& event) -> Result<> {
          ++out_.events;
          ++entries_.back();
          if (event.control().has_digest()) {
            logged.push_back(read_digest(event.control().digest(), stored.seq));
            if (stored.seq <= logged_before_rows_) checkpoint_logged_ = logged.back().to_seq;
          }
          return {};
        },
        [&](uint32_t, const journal::Judged&) -> Result<> {
          ++out_.observations;
          ++entries_.back();
          return {};
        });
  });
  if (!read) return read.error();
  out_.digests_logged = logged.size();
  DigestPlan plan = plan_digests(std::move(logged));
  for (auto& sentence : plan.left_out) sentence = out_.name + ": " + sentence;
  return plan;
}

// A digest is logged once the checkpoint is on disk: rows that stand before it have lost what was written.
void PartVerifier::check_checkpoint(uint64_t last_digest_to) {
  if (!database_) return;
  const std::string stands = "the rows stand at frame " + std::to_string(stamp_.seq);
  if (stamp_.seq == 0)
    notes_.push_back(out_.name + ": no checkpoint was written yet, so no rows to compare");
  else if (stamp_.fold_version != fold::kFoldVersion)
    notes_.push_back(out_.name + ": the rows are of fold " + std::to_string(stamp_.fold_version) +
                     " and were not compared");
  else if (stamp_.seq > journal_->tail().seq)
    find({Errc::corrupt, "replay.lost_frames",
          stands + ", but the journal ends at " + std::to_string(journal_->tail().seq)});
  else if (stamp_.seq < last_digest_to)
    find({Errc::corrupt, "replay.lost_checkpoint",
          stands + ", but a checkpoint at " + std::to_string(last_digest_to) + " was written"});
}

Result<> PartVerifier::fold_all(DigestPlan plan) {
  state_ = std::make_unique<fold::State>(number_, nullptr, 0);
  if (auto opened = state_->open(); !opened) return opened;
  DigestChecker checker(std::move(plan));
  auto read = journal_->read(1, [&](const journal::Stored& stored) -> Result<> {
    auto folded = fold_one(stored, checker);
    count_(stored.bytes.size(), entries_[stored.seq - 1]);
    return folded;
  });
  out_.digests_compared = checker.compared();
  return read;
}

Result<> PartVerifier::fold_one(const journal::Stored& stored, DigestChecker& checker) {
  if (auto folded = fold::fold_frame(*state_, stored); !folded)
    return Error{folded.error().code, folded.error().reason,
                 "frame " + std::to_string(stored.seq) + ": " + folded.error().detail};
  if (auto same = checker.at(*state_, stored.seq); !same) find(same.error());
  if (database_ && stored.seq == stamp_.seq && stamp_.fold_version == fold::kFoldVersion)
    compare_rows(stored);
  return {};
}

void PartVerifier::compare_rows(const journal::Stored& stored) {
  out_.checkpoint_seq = stored.seq;
  if (stored.hash != stamp_.frame_hash)
    find({Errc::corrupt, "replay.other_history",
          "the rows were made of another frame " + std::to_string(stored.seq) +
              " than the journal holds"});
  const auto compared = compare(*state_, *database_);
  if (!compared) return find_in_rows(compared.error());
  out_.rows_compared = compared->rows;
  out_.index_keys_compared = compared->index_keys;
  if (compared->same()) return;
  find({Errc::corrupt, "replay.rows",
        key_text(*compared->first_key) + " is " + compared->first_what + " in the rows (" +
            std::to_string(compared->missing) + " missing, " + std::to_string(compared->extra) +
            " extra, " + std::to_string(compared->different) + " different in all)"});
}

void PartVerifier::report(Verified& out) {
  out.parts.push_back(out_);
  out.findings.insert(out.findings.end(), findings_.begin(), findings_.end());
  out.notes.insert(out.notes.end(), notes_.begin(), notes_.end());
}

}  // namespace watchword::replay
