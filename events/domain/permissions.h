// What an `sk_` token may be allowed to do: every permission there is, once. Routes name theirs from this table.
#pragma once
#include <algorithm>
#include <array>
#include <ranges>
#include <string_view>

namespace watchword::domain {

inline constexpr std::string_view kAdmin = "admin";  // includes every other; waives no policy
inline constexpr std::string_view kEventWrite = "event_write";

inline constexpr std::array<std::string_view, 11> kPermissions{
    kAdmin,          "identity_write", "token_issue", "token_revoke", "introspect", "api_read",
    "system_status", "audit_log",      kEventWrite,   "alert_triage", "audit_read"};

constexpr bool is_permission(std::string_view name) {
  return std::ranges::find(kPermissions, name) != kPermissions.end();
}

// Whether a holder of `held` may do what needs `permission`.
template <std::ranges::input_range Held>
constexpr bool permits(const Held& held, std::string_view permission) {
  return std::ranges::any_of(held, [&](std::string_view one) {
    return one == permission || one == kAdmin;
  });
}

}  // namespace watchword::domain
