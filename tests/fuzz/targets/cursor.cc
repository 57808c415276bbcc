// Cursors of lists. Input: a byte that says how, then the text of a cursor, or a place and changes
// to the cursor of it.
#include "api/handlers/cursor.h"

#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kBound{"GET/api/v1/identities\0status=active", 35};

void require_refused_elsewhere(std::string_view text) {
  require(!api::read_cursor(text, kKey, "GET/api/v1/identities"), "not of another filter");
  require(!api::read_cursor(text, "another key of this length ......", kBound), "nor installation");
}

void run(std::string_view input) {
  Pieces pieces(input);
  if (pieces.byte() % 2 == 0) {
    const auto cursor = api::read_cursor(pieces.rest(), kKey, kBound);
    if (cursor) require(api::write_cursor(*cursor, kKey, kBound) == pieces.rest(), "one text each");
    return;
  }
  const auto partition = static_cast<uint32_t>(pieces.number(4));
  const api::Cursor cursor{partition, std::string(pieces.take(pieces.byte()))};
  const std::string text = api::write_cursor(cursor, kKey, kBound);
  require(api::read_cursor(text, kKey, kBound) == cursor, "what was written is read");
  require_refused_elsewhere(text);
  std::string changed = text;
  while (!pieces.empty()) {
    const size_t at = pieces.number(2) % (changed.size() + 1);
    changed = changed.substr(0, at) + std::string(pieces.take(1)) +
              changed.substr(std::min(changed.size(), at + pieces.byte() % 2));
  }
  require(changed == text || !api::read_cursor(changed, kKey, kBound), "a changed one is refused");
}

const Registered kTarget{{"cursor", run, 512}};

}  // namespace
}  // namespace watchword::fuzz
