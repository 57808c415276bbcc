// Ids, positions, event ids, and text that people may see. Input: the text.
#include "events/domain/text.h"

#include "api/http/utf8.h"
#include "api/import/record.h"
#include "api/observe/utf8.h"
#include "events/base/ids.h"
#include "events/crypto/encoding.h"
#include "events/policy/scopes.h"
#include "processors/publisher/topics.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

void require_names(std::string_view text) {
  if (const auto id = Id::parse(text)) {
    require(id->text() == lower(text), "an id has one text");
    require(Id::from_view(id->view()) == *id, "its bytes are all of it");
    require(id->slot() < kSlots, "a slot that exists");
  }
  if (const auto position = Position::parse(text))
    require(position->text() == text, "a position has one text");
  if (const auto place = publisher::parse_event_id(text))
    require(publisher::event_id(place->position, place->index) == text, "an event id has one text");
}

// RFC 3629, table 3-7 of the Unicode standard, as bits: decodes and asks whether it had to be so
// long.
bool is_utf8_slowly(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<uint8_t>(text[0]);
    const size_t bytes = first < 0x80       ? 1
                         : first >> 5 == 6  ? 2
                         : first >> 4 == 14 ? 3
                         : first >> 3 == 30 ? 4
                                            : 0;
    if (bytes == 0 || bytes > text.size()) return false;
    uint32_t point = bytes == 1 ? first : first & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; ++i) {
      if ((static_cast<uint8_t>(text[i]) & 0xc0) != 0x80) return false;
      point = point << 6 | (static_cast<uint8_t>(text[i]) & 0x3fu);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[bytes] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
      return false;
    text.remove_prefix(bytes);
  }
  return true;
}

void require_utf8(std::string_view text) {
  const bool valid = is_utf8_slowly(text);
  require(http::is_utf8(text) == valid && observe::is_utf8(text) == valid, "all agree on UTF-8");
  if (const auto length = domain::printable_length(text)) {
    require(valid && *length <= text.size(), "what is printable is UTF-8");
    require(domain::printable_length(text, domain::Lines::many) == length, "and so in many lines");
  }
  if (domain::is_name(text))
    require(!text.starts_with(' ') && !text.ends_with(' '), "a name's ends");
  if (policy::is_scope(text)) require(domain::is_name(text), "a scope can be seen");
  for (const size_t most : {0u, 1u, 5u, 64u}) {
    const auto cleaned = import::clean(text, most);
    require(is_utf8_slowly(cleaned) && cleaned.size() <= most, "cleaned text is UTF-8, and cut");
    require(cleaned.find('\0') == cleaned.npos, "and without NUL");
    if (!valid) continue;
    const auto cut = observe::cut_utf8(text, most);
    require(text.starts_with(cut) && cut.size() <= most && is_utf8_slowly(cut),
            "cut at a character");
  }
}

void require_encodings(std::string_view text) {
  require(crypto::from_base64url(crypto::base64url(text)) == text, "base64url there and back");
  require(crypto::from_hex(crypto::hex(text)) == text, "hex there and back");
  if (const auto bytes = crypto::from_base64url(text))
    require(crypto::base64url(*bytes) == text, "bytes have one base64url text");
  if (const auto bytes = crypto::from_hex(text))
    require(crypto::hex(*bytes) == lower(text), "bytes have one hex text");
}

void run(std::string_view input) {
  require_names(input);
  require_utf8(input);
  require_encodings(input);
}

const Registered kTarget{{"text", run, 512}};

}  // namespace
}  // namespace watchword::fuzz
