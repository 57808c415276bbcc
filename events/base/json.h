// JSON from outside, read strictly (RFC 8259 and I-JSON, RFC 7493). Boost.JSON alone keeps the last of two equal members
// and turns over-long integers into doubles; a gate must not guess which of them a peer meant.
#pragma once
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <string_view>

#include "events/base/result.h"

namespace watchword {

struct JsonLimits {
  size_t max_depth = 32;             // objects and arrays inside each other
  size_t max_bytes = 1024 * 1024;
  bool allow_nul = false;            // "\u0000" inside a string or a key
};

// Exactly one JSON value with nothing but white space around it. Thread-safe. The value's memory comes from `storage`.
// Integers are int64, above that uint64; other numbers are finite doubles.
//
// Every error is `invalid` (too_large for max_bytes) and its detail says what is wrong and where, counting bytes from 0:
// `duplicate key "x" at byte 17`. Reasons: json.syntax, json.utf8, json.duplicate_key, json.too_deep, json.too_large,
// json.number, json.nul, json.trailing, json.incomplete.
Result<boost::json::value> parse_json_strict(std::string_view text, const JsonLimits& limits = {},
                                             boost::json::storage_ptr storage = {});

}  // namespace watchword
