// Text forms of bytes. Decoding takes the one canonical form only, so that no two texts mean the same bytes.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace watchword::crypto {

// RFC 4648 section 5, no padding (RFC 7515 section 2).
std::string base64url(std::string_view bytes);
// nullopt: padding, white space, a character of plain base64, an impossible length, or trailing bits that are not zero.
std::optional<std::string> from_base64url(std::string_view text);

// Lower case.
std::string hex(std::string_view bytes);
// Lower or upper case, an even number of digits.
std::optional<std::string> from_hex(std::string_view text);

}  // namespace watchword::crypto
