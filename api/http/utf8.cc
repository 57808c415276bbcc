#include "api/http/utf8.h"

#include <cstdint>

namespace watchword::http {
namespace {

bool continues(std::string_view text, size_t at, uint8_t low = 0x80, uint8_t high = 0xbf) {
  const auto byte = static_cast<uint8_t>(text[at]);
  return byte >= low && byte <= high;
}

}  // namespace

size_t utf8_sequence(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return text.size() >= 2 && continues(text, 1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const uint8_t low = lead == 0xe0 ? 0xa0 : 0x80, high = lead == 0xed ? 0x9f : 0xbf;
    return text.size() >= 3 && continues(text, 1, low, high) && continues(text, 2) ? 3 : 0;
  }
  if (lead < 0xf0 || lead > 0xf4 || text.size() < 4) return 0;
  const uint8_t low = lead == 0xf0 ? 0x90 : 0x80, high = lead == 0xf4 ? 0x8f : 0xbf;
  return continues(text, 1, low, high) && continues(text, 2) && continues(text, 3) ? 4 : 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = utf8_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace watchword::http
