#include "api/import/run.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "events/base/time.h"
#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"

namespace watchword::import {
namespace {

constexpr size_t kBatchBytes = 512 * 1024;

// Each record knows the line that it came from, for the case that the server refuses it.
struct Pending {
  Record record;
  size_t line = 0;  // in Block::lines
};
struct KeptLine {
  uint64_t number = 0;
  std::string text;
};
struct Block {
  std::vector<KeptLine> lines;
  std::vector<Pending> records;
};

int64_t written_ms(const std::string& path, int64_t now_ms) {
  struct stat status {};
  if (path == "-" || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return now_ms;
  return int64_t{status.st_mtime} * kSecondMs;
}

// The file of lines that were not taken, made with the first of them.
class Rejects {
 public:
  explicit Rejects(std::string path) : path_(std::move(path)) {}

  Result<bool> keep(std::string_view line) {
    const bool first = !file_.is_open();
    if (first) file_.open(path_, std::ios::binary | std::ios::trunc);
    file_ << line << '\n' << std::flush;
    if (!file_) return Error{Errc::io, "import.rejects", path_ + " cannot be written"};
    return first;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::ofstream file_;
};

std::string first_digest(const Plan& plan) {
  std::string seed = "watchword import 1 " + std::string(name_of(plan.format));
  if (plan.options.year) seed += " year " + std::to_string(*plan.options.year);
  return crypto::hex(
      crypto::view(crypto::sha256(seed + " offset " + std::to_string(plan.options.utc_offset_ms))));
}

class Import {
 public:
  Import(const Plan& plan, const Outside& outside, Summary& summary)
      : plan_(plan), outside_(outside), summary_(summary), rejects_(plan.rejects) {
    for (const std::string& file : plan.files) progress_.bytes_total += size_of(file);
  }

  Result<> run() {
    for (const std::string& file : plan_.files) {
      if (auto done = run_file(file); !done) return done;
      bytes_before_ += size_of(file);
    }
    return Nothing{};
  }

 private:
  Result<> run_file(const std::string& file) {
    file_ = file;
    progress_.file = file_;
    if (plan_.rejects.empty())
      rejects_ = Rejects(file == "-" ? "stdin.rejected" : file + ".rejected");
    auto input = open_input(file);
    if (!input) return input.error();
    Reader reader(std::move(*input), unit_of(plan_.format));
    Options options = plan_.options;
    if (options.anchor_ms == 0) options.anchor_ms = written_ms(file, outside_.now_ms());
    options.now_ms = outside_.now_ms();
    parse_ = parser_of(plan_.format, options);
    digest_ = first_digest(plan_);
    return run_blocks(reader);
  }

  Result<> run_blocks(Reader& reader) {
    for (bool more = true; more;) {
      Block block;
      while (more && block.lines.size() < kBlockLines) {
        auto line = reader.next();
        if (!line) return located(line.error(), summary_.lines);
        more = line->has_value();
        if (!more) break;
        if (auto taken = take(**line, block); !taken) return taken;
      }
      progress_.bytes = bytes_before_ + reader.bytes_taken();
      if (auto sent = send(block); !sent) return sent;
    }
    return Nothing{};
  }

  Result<> take(const Line& line, Block& block) {
    ++summary_.lines;
    block.lines.push_back({line.number, std::string(line.text)});
    std::vector<Record> records;
    const Result<> parsed =
        line.too_long ? Result<>(Error{Errc::invalid, "import.unreadable", "longer than 1 MiB"})
                      : parse_(line.text, records);
    if (!parsed) {
      ++summary_.unreadable;
      return keep(block.lines.back(), parsed.error().detail);
    }
    summary_.records += records.size();
    for (Record& record : records)
      block.records.push_back({std::move(record), block.lines.size() - 1});
    return Nothing{};
  }

  Result<> keep(const KeptLine& line, std::string reason) {
    if (summary_.named.size() < kNamedLines)
      summary_.named.push_back({file_, line.number, std::move(reason)});
    const auto first = rejects_.keep(line.text);
    if (!first) return first.error();
    if (*first) summary_.kept_in.push_back(rejects_.path());
    return Nothing{};
  }

  Error located(const Error& error, uint64_t line) const {
    return {error.code, error.reason,
            file_ + " near line " + std::to_string(line) + ": " + error.detail};
  }

  void chain(const Block& block) {
    crypto::Sha256 hash;
    hash.update(digest_);
    for (const KeptLine& line : block.lines) {
      hash.update(line.text);
      hash.update("\n");
    }
    digest_ = crypto::hex(crypto::view(hash.finish()));
  }

  // A body of the API may have 1 MiB; half of that leaves room for whatever else. With a speed, a
  // batch holds what falls into one second.
  size_t batch_end(const Block& block, size_t begin) const {
    const int64_t first_ms = block.records[begin].record.time_ms;
    const double most_ms = plan_.speed > 0 ? plan_.speed * 1000 : 1e18;
    size_t end = begin, bytes = 0;
    for (; end < block.records.size() && end - begin < kBatchRecords; ++end) {
      const Record& record = block.records[end].record;
      const bool late = static_cast<double>(record.time_ms - first_ms) > most_ms;
      if (end > begin && (late || bytes + record.json.size() > kBatchBytes)) break;
      bytes += record.json.size();
    }
    return end;
  }

  Result<> send(const Block& block) {
    if (block.lines.empty()) return Nothing{};
    chain(block);
    std::vector<size_t> ends;
    for (size_t at = 0; at < block.records.size(); at = ends.back())
      ends.push_back(batch_end(block, at));
    for (size_t i = 0, begin = 0; i < ends.size(); begin = ends[i++]) {
      wait_for(block.records[begin].record.time_ms);
      if (auto sent = send_batch(block, begin, ends[i], i + 1, ends.size()); !sent) return sent;
    }
    report();
    return Nothing{};
  }

  Result<> send_batch(const Block& block, size_t begin, size_t end, size_t part, size_t parts) {
    Batch batch{"[", end - begin, digest_, part, parts};
    for (size_t i = begin; i < end; ++i) {
      if (i > begin) batch.body += ',';
      batch.body += block.records[i].record.json;
    }
    batch.body += ']';
    const auto answer = outside_.send(batch);
    if (!answer) return located(answer.error(), block.lines[block.records[begin].line].number);
    summary_.accepted += answer->accepted;
    summary_.duplicates += answer->duplicates;
    for (const Refusal& refusal : answer->rejected)
      if (auto kept = keep_refused(block, begin + refusal.index, refusal); !kept) return kept;
    report();
    return Nothing{};
  }

  Result<> keep_refused(const Block& block, size_t index, const Refusal& refusal) {
    ++summary_.rejected;
    if (index >= block.records.size()) return Nothing{};
    return keep(block.lines[block.records[index].line], refusal.code + ": " + refusal.detail);
  }

  // With a speed, the first record of a batch goes when its moment has come.
  void wait_for(int64_t time_ms) {
    if (plan_.speed <= 0) return;
    const int64_t now_ms = outside_.now_ms();
    if (!begun_) {
      begun_ = true;
      first_event_ms_ = time_ms;
      first_sent_ms_ = now_ms;
    }
    const auto due_ms =
        first_sent_ms_ +
        static_cast<int64_t>(static_cast<double>(time_ms - first_event_ms_) / plan_.speed);
    if (due_ms > now_ms) outside_.sleep_ms(due_ms - now_ms);
  }

  void report() {
    progress_.lines = summary_.lines;
    progress_.records = summary_.records;
    if (outside_.progress) outside_.progress(progress_);
  }

  const Plan& plan_;
  const Outside& outside_;
  Summary& summary_;
  Rejects rejects_;
  Parse parse_;
  Progress progress_;
  std::string file_, digest_;
  uint64_t bytes_before_ = 0;
  bool begun_ = false;
  int64_t first_event_ms_ = 0, first_sent_ms_ = 0;
};

}  // namespace

Result<> run(const Plan& plan, const Outside& outside, Summary& summary) {
  return Import(plan, outside, summary).run();
}

std::string summary_text(const Summary& summary, double seconds) {
  char rate[64];
  std::snprintf(rate, sizeof rate, "%.1f s, %.0f observations/s", seconds,
                static_cast<double>(summary.records) / std::max(seconds, 0.001));
  std::string out = std::to_string(summary.lines) + " lines, " + std::to_string(summary.records) +
                    " observations: " + std::to_string(summary.accepted) + " new, " +
                    std::to_string(summary.duplicates) + " known already, " +
                    std::to_string(summary.rejected) + " refused, " +
                    std::to_string(summary.unreadable) + " lines unreadable (" + rate + ")\n";
  for (const Place& place : summary.named)
    out += "  " + place.file + ":" + std::to_string(place.line) + ": " + place.reason + "\n";
  for (const std::string& path : summary.kept_in)
    out += "  lines that were not taken are in " + path + "\n";
  return out;
}

}  // namespace watchword::import
