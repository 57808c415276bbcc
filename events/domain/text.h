// What text may stand in an event: characters that a person can see, and not too many of them.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "events/base/result.h"
#include "schemas/envelope.pb.h"

namespace watchword::domain {

inline constexpr size_t kMaxNameCharacters = 128;
inline constexpr size_t kMaxReasonCharacters = 512;
inline constexpr size_t kMaxMetadataPairs = 32;
inline constexpr size_t kMaxMetadataKeyCharacters = 64;
inline constexpr size_t kMaxMetadataBytes = 4096;  // keys and values together

enum class Lines { one, many };  // many: line feeds and tabs are fine too

// Characters of well-formed UTF-8 (RFC 3629). nullopt when it is not, or holds a control, an invisible or a
// direction-changing character, with which one text could pass for another.
std::optional<size_t> printable_length(std::string_view text, Lines lines = Lines::one);

// 1..kMaxNameCharacters printable characters, no space at either end, and none but U+0020; no variation selectors.
bool is_name(std::string_view text);

// Why somebody did something; may be empty. Errors: invalid "reason.malformed", unprocessable "reason.too_long".
Result<> check_reason(std::string_view reason);

using Pairs = std::span<const std::pair<std::string, std::string>>;
using Metadata = google::protobuf::RepeatedPtrField<v1::KeyValue>;

// Sorted by key. Errors: invalid "metadata.key_malformed", "metadata.value_malformed", "metadata.key_repeated";
// unprocessable "metadata.too_many", "metadata.too_large".
Result<Metadata> canonical_metadata(Pairs pairs);

}  // namespace watchword::domain
