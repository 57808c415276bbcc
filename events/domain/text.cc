#include "events/domain/text.h"

#include <algorithm>
#include <array>
#include <map>

namespace watchword::domain {
namespace {

struct Span {
  char32_t first, last;
};
constexpr std::array kHidden{
    Span{0x00, 0x1f},       Span{0x7f, 0x9f},       Span{0xad, 0xad},     Span{0x34f, 0x34f},
    Span{0x61c, 0x61c},     Span{0x115f, 0x1160},   Span{0x17b4, 0x17b5}, Span{0x180b, 0x180f},
    Span{0x200b, 0x200f},   Span{0x2028, 0x202e},   Span{0x2060, 0x206f}, Span{0x2800, 0x2800},
    Span{0x3164, 0x3164},   Span{0xfeff, 0xfeff},   Span{0xffa0, 0xffa0}, Span{0xfff9, 0xfffb},
    Span{0xfffe, 0xffff},   Span{0x1d173, 0x1d17a}, Span{0xe0000, 0xe0fff},
};
// Fine in prose; in a name they look like the plain space, or like nothing.
constexpr std::array kNotInNames{
    Span{0xa0, 0xa0},     Span{0x1680, 0x1680}, Span{0x2000, 0x200a}, Span{0x202f, 0x202f},
    Span{0x205f, 0x205f}, Span{0x3000, 0x3000}, Span{0xfe00, 0xfe0f},
};

bool is_within(std::span<const Span> spans, char32_t character) {
  return std::ranges::any_of(spans, [&](const Span& span) {
    return character >= span.first && character <= span.last;
  });
}

size_t sequence_bytes(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

// Takes one character off the front. No surrogate, no overlong form, nothing above U+10FFFF.
std::optional<char32_t> take_character(std::string_view& text) {
  static constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t bytes = sequence_bytes(lead);
  if (bytes == 0 || bytes > text.size()) return std::nullopt;
  char32_t character = bytes == 1 ? lead : lead & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    character = character << 6 | (next & 0x3f);
  }
  if (character < kLeast[bytes] || character > 0x10ffff) return std::nullopt;
  if (character >= 0xd800 && character < 0xe000) return std::nullopt;
  text.remove_prefix(bytes);
  return character;
}

Result<> check_pair(const std::string& key, const std::string& value) {
  const auto key_length = printable_length(key);
  if (!key_length || *key_length == 0 || *key_length > kMaxMetadataKeyCharacters) {
    return Error{Errc::invalid, "metadata.key_malformed", "a key is 1 to 64 printable characters"};
  }
  if (!printable_length(value, Lines::many)) {
    return Error{Errc::invalid, "metadata.value_malformed", "a value is printable text"};
  }
  return {};
}

}  // namespace

std::optional<size_t> printable_length(std::string_view text, Lines lines) {
  size_t length = 0;
  for (; !text.empty(); ++length) {
    const auto character = take_character(text);
    if (!character) return std::nullopt;
    if (lines == Lines::many && (*character == '\n' || *character == '\t')) continue;
    if (is_within(kHidden, *character)) return std::nullopt;
  }
  return length;
}

bool is_name(std::string_view text) {
  const auto length = printable_length(text);
  for (std::string_view rest = text; length && !rest.empty();)
    if (is_within(kNotInNames, *take_character(rest))) return false;
  return length && *length >= 1 && *length <= kMaxNameCharacters && text.front() != ' ' &&
         text.back() != ' ';
}

Result<> check_reason(std::string_view reason) {
  const auto length = printable_length(reason, Lines::many);
  if (!length) return Error{Errc::invalid, "reason.malformed", "a reason is printable text"};
  if (*length > kMaxReasonCharacters) {
    return Error{Errc::unprocessable, "reason.too_long", "a reason has at most 512 characters"};
  }
  return {};
}

Result<Metadata> canonical_metadata(Pairs pairs) {
  if (pairs.size() > kMaxMetadataPairs) {
    return Error{Errc::unprocessable, "metadata.too_many", "at most 32 pairs"};
  }
  std::map<std::string_view, std::string_view> sorted;
  size_t bytes = 0;
  for (const auto& [key, value] : pairs) {
    if (const auto good = check_pair(key, value); !good) return good.error();
    if (!sorted.emplace(key, value).second) {
      return Error{Errc::invalid, "metadata.key_repeated", key};
    }
    bytes += key.size() + value.size();
  }
  if (bytes > kMaxMetadataBytes) {
    return Error{Errc::unprocessable, "metadata.too_large", "at most 4096 bytes in all"};
  }
  Metadata metadata;
  for (const auto& [key, value] : sorted) {
    auto& pair = *metadata.Add();
    pair.set_key(std::string(key));
    pair.set_value(std::string(value));
  }
  return metadata;
}

}  // namespace watchword::domain
