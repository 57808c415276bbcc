// Scopes of RFC 6749 section 3.3.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "schemas/identity.pb.h"

namespace watchword::policy {

inline constexpr size_t kMaxScopes = 100;
inline constexpr size_t kMaxScopeBytes = 128;
using Scopes = google::protobuf::RepeatedPtrField<std::string>;

// scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), at most kMaxScopeBytes.
bool is_scope(std::string_view text);

// The same scopes in the same order, each once. Errors: invalid "scope.malformed"; unprocessable "scope.too_many".
Result<std::vector<std::string>> distinct_scopes(std::span<const std::string> scopes);

bool holds_scope(const Scopes& allowed, std::string_view scope);

// What is granted: all that was requested. One scope outside `allowed`, or none at all, refuses the whole request,
// never narrows it. Errors: those of distinct_scopes; invalid "scope.none_requested"; invalid "scope.invalid_scope"
// (RFC 6749 section 5.2; its detail names the first scope that is not allowed).
Result<std::vector<std::string>> granted_scopes(std::span<const std::string> requested,
                                                const Scopes& allowed);

}  // namespace watchword::policy
