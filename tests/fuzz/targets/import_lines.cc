// The importers. Input: a byte for the format, then lines of a log.
#include "api/import/format.h"
#include "tests/fuzz/observations.h"

namespace watchword::fuzz {
namespace {

using import::Format;

void require_taken(const import::Record& record, Format format) {
  const auto read = observe::read(observe::Form::json, record.json, kNowMs);
  require(read && read->single, "an importer writes one observation");
  for (const auto& rejection : read->rejections)
    require(rejection.code == "time_out_of_range" && format != Format::jsonl,
            "which the API takes, unless it is of another time");
  for (const auto& draft : read->drafts) {
    require(draft.time_ms == record.time_ms, "at the time that was read");
    require_draft(draft);
  }
}

std::vector<import::Record> parsed(Format format, std::string_view log) {
  const auto parse = import::parser_of(
      format, {.year = std::nullopt, .anchor_ms = kNowMs, .utc_offset_ms = 0, .now_ms = kNowMs});
  std::vector<import::Record> records;
  for (Pieces lines(log); !lines.empty();) {
    const size_t before = records.size();
    const auto taken = parse(lines.until('\n'), records);
    if (taken) continue;
    require(records.size() == before, "a line that cannot be read says nothing");
    require(!taken.error().detail.empty(), "and the reason is told");
  }
  return records;
}

void run(std::string_view input) {
  Pieces pieces(input);
  constexpr Format kFormats[] = {Format::sshd, Format::cloudtrail, Format::jsonl};
  const Format format = kFormats[pieces.byte() % 3];
  const auto records = parsed(format, pieces.rest());
  for (const auto& record : records) require_taken(record, format);
  const auto again = parsed(format, pieces.rest());
  require(again.size() == records.size(), "as many again");
  for (size_t i = 0; i < records.size(); ++i)
    require(again[i].json == records[i].json, "the same lines give the same records");
}

const Registered kTarget{{"import_lines", run}};

}  // namespace
}  // namespace watchword::fuzz
