// Where a page of a list ended, as text that only we can write: base64url of a MAC and of the place.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace watchword::api {

struct Cursor {
  uint32_t partition = 0;
  std::string after;  // index key of the last item given; empty: from the partition's first
  bool operator==(const Cursor&) const = default;
};

// `bound`: the list that it belongs to; with another one, or another key, it is refused.
std::string write_cursor(const Cursor& cursor, std::string_view key, std::string_view bound);
// nullopt for anything that write_cursor did not write.
std::optional<Cursor> read_cursor(std::string_view text, std::string_view key,
                                  std::string_view bound);

}  // namespace watchword::api
