// Whether bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
#pragma once
#include <cstddef>
#include <string_view>

namespace watchword::http {

// Length of the sequence at the start of `text`, 1..4; 0 when it is not UTF-8 or `text` is empty.
size_t utf8_sequence(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace watchword::http
