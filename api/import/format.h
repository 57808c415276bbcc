// From a line of somebody's log to observations in the shape that POST /api/v1/events takes.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/import/reader.h"
#include "events/base/result.h"

namespace watchword::import {

enum class Format : uint8_t { cloudtrail, sshd, jsonl };
std::optional<Format> format_of(std::string_view name);
std::string_view name_of(Format format);
// CloudTrail comes wrapped in documents, the others do not.
Unit unit_of(Format format);

struct Options {
  std::optional<int>
      year;  // sshd: of the first line. Without it each line is the latest that `anchor_ms` allows
  int64_t anchor_ms = 0;  // sshd: when the log was last written; no line is more than a day younger
  int64_t utc_offset_ms = 0;  // sshd: what the host's clock is ahead of UTC
  int64_t now_ms = 0;         // jsonl: to tell what lies in the future
};

struct Record {
  std::string json;  // one observation object
  int64_t time_ms = 0;
};

// Appends what the line says, often nothing: other programs write into a log too. Same lines in,
// same ids out. Errors: invalid "import.unreadable", whose detail says why. Keeps what lines before
// it said; one thread, one file.
using Parse = std::function<Result<>(std::string_view line, std::vector<Record>& out)>;
Parse parser_of(Format format, const Options& options);

Parse cloudtrail_parser();
Parse sshd_parser(const Options& options);
Parse jsonl_parser(const Options& options);

}  // namespace watchword::import
