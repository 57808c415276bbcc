// Rows in memory against the rows of a database, both ways, and the index keys that follow from the rows.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "processors/fold/state.h"

namespace watchword::replay {

struct Comparison {
  uint64_t rows = 0, index_keys = 0;  // of the database
  uint64_t missing = 0, extra = 0, different = 0;
  std::optional<std::string> first_key;  // of those, in key order
  std::string first_what;                // "missing", "extra" or "different"
  bool same() const { return missing + extra + different == 0; }
};

// `state` holds every row that there is (a fold from zero in memory). Errors: those of reading the database.
Result<Comparison> compare(fold::State& state, const rows::Database& database);

// "jit_token 0198…", "index jit_token_by_identity 4f…": a database key for people.
std::string key_text(std::string_view key);

}  // namespace watchword::replay
