#include "api/import/format.h"

#include "api/import/record.h"
#include "api/observe/draft.h"

namespace watchword::import {

std::optional<Format> format_of(std::string_view name) {
  for (const Format format : {Format::cloudtrail, Format::sshd, Format::jsonl})
    if (name_of(format) == name) return format;
  return std::nullopt;
}

std::string_view name_of(Format format) {
  switch (format) {
    case Format::cloudtrail:
      return "cloudtrail";
    case Format::sshd:
      return "sshd";
    case Format::jsonl:
      return "jsonl";
  }
  return "";
}

Unit unit_of(Format format) { return format == Format::cloudtrail ? Unit::record : Unit::line; }

Parse parser_of(Format format, const Options& options) {
  switch (format) {
    case Format::cloudtrail:
      return cloudtrail_parser();
    case Format::sshd:
      return sshd_parser(options);
    case Format::jsonl:
      return jsonl_parser(options);
  }
  return {};
}

Parse jsonl_parser(const Options& options) {
  return [now_ms = options.now_ms](std::string_view line, std::vector<Record>& out) -> Result<> {
    if (line.find_first_not_of(" \t\r") == line.npos) return Nothing{};
    const auto batch = observe::read(observe::Form::json, line, now_ms);
    if (!batch) return unreadable(batch.error().detail);
    if (!batch->single) return unreadable("a line must hold one observation");
    if (!batch->rejections.empty()) return unreadable(batch->rejections[0].detail);
    out.push_back({std::string(line), batch->drafts[0].time_ms});
    return Nothing{};
  };
}

}  // namespace watchword::import
