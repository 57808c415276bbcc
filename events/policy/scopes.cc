#include "events/policy/scopes.h"

#include <algorithm>

namespace watchword::policy {

bool is_scope(std::string_view text) {
  return !text.empty() && text.size() <= kMaxScopeBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c >= 0x21 && c <= 0x7e && c != '"' && c != '\\';
         });
}

Result<std::vector<std::string>> distinct_scopes(std::span<const std::string> scopes) {
  if (scopes.size() > kMaxScopes) {
    return Error{Errc::unprocessable, "scope.too_many",
                 "at most " + std::to_string(kMaxScopes) + " scopes"};
  }
  std::vector<std::string> distinct;
  for (const std::string& scope : scopes) {
    if (!is_scope(scope)) {
      return Error{Errc::invalid, "scope.malformed",
                   "a scope is 1 to 128 visible ASCII characters without \" and \\"};
    }
    if (std::find(distinct.begin(), distinct.end(), scope) == distinct.end()) {
      distinct.push_back(scope);
    }
  }
  return distinct;
}

bool holds_scope(const Scopes& allowed, std::string_view scope) {
  return std::find(allowed.begin(), allowed.end(), scope) != allowed.end();
}

Result<std::vector<std::string>> granted_scopes(std::span<const std::string> requested,
                                                const Scopes& allowed) {
  auto distinct = distinct_scopes(requested);
  if (!distinct) return distinct;
  if (distinct->empty()) return Error{Errc::invalid, "scope.none_requested", "name a scope"};
  for (const std::string& scope : *distinct) {
    if (!holds_scope(allowed, scope)) return Error{Errc::invalid, "scope.invalid_scope", scope};
  }
  return distinct;
}

}  // namespace watchword::policy
