// One observation on its way out. Text may be anything that a log holds: it leaves as clean UTF-8
// within the API's limits.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/import/format.h"

namespace watchword::import {

struct Seen {
  std::string id, source, subject, token_id, session_id, action, outcome, source_ip, user_agent,
      endpoint, resource;
  int64_t time_ms = 0;
  // 0: not known; a count is cut to the API's most.
  uint64_t request_size = 0, response_size = 0, count = 0;
  std::vector<std::pair<std::string_view, std::string>> attributes;

  // Empty values are left out.
  void add(std::string_view key, std::string value);
};

// Without NUL and broken UTF-8 (each byte becomes U+FFFD), cut to `max_bytes`.
std::string clean(std::string_view text, size_t max_bytes);
Record record_of(const Seen& seen);

// Ids for lines that have none: a hash of what the line says, and which of equal lines it is. Equal
// lines stand near each other; after 65,536 others the count begins again, at the same place in
// each run.
class LineIds {
 public:
  std::string next(std::string_view prefix, std::string_view content);

 private:
  std::unordered_map<std::string, uint32_t> met_;
};

Error unreadable(std::string detail);

}  // namespace watchword::import
