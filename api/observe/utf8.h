// UTF-8 as RFC 3629 has it: no surrogates, nothing over-long, nothing above U+10FFFF.
#pragma once
#include <cstddef>
#include <string_view>

namespace watchword::observe {

// Bytes of the character that begins `text`, 0 if none does. `text` must not be empty.
size_t character_bytes(std::string_view text);
bool is_utf8(std::string_view text);
// At most max_bytes of a valid text, cut at the start of a character.
std::string_view cut_utf8(std::string_view text, size_t max_bytes);

}  // namespace watchword::observe
