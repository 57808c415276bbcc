// The words of the HTTP contract for what the schemas number.
#include "processors/publisher/render.h"

namespace watchword::publisher {

std::string_view name_of(v1::TokenStatus status) {
  static constexpr std::string_view kNames[] = {"unknown", "active", "expired", "revoked", "exhausted"};
  return status >= 0 && status < 5 ? kNames[status] : kNames[0];
}

std::string_view name_of(v1::IdentityStatus status) {
  static constexpr std::string_view kNames[] = {"unknown", "active", "suspended", "retired"};
  return status >= 0 && status < 4 ? kNames[status] : kNames[0];
}

std::string_view name_of(v1::IdentityKind kind) {
  static constexpr std::string_view kNames[] = {"Unknown", "ServiceAccount", "AIAgent",
                                                "ApiKey",  "Human",          "Foreign"};
  return kind >= 0 && kind < 6 ? kNames[kind] : kNames[0];
}

std::string_view name_of(v1::Severity severity) {
  static constexpr std::string_view kNames[] = {"none", "low", "medium", "high", "critical"};
  return severity >= 0 && severity < 5 ? kNames[severity] : kNames[0];
}

std::string_view name_of(v1::AlertStatus status) {
  static constexpr std::string_view kNames[] = {"unknown", "open", "acknowledged", "closed"};
  return status >= 0 && status < 4 ? kNames[status] : kNames[0];
}

std::string_view name_of(v1::Verdict verdict) {
  static constexpr std::string_view kNames[] = {"none",   "true_positive", "false_positive",
                                                "benign", "duplicate",     "accepted_risk"};
  return verdict >= 0 && verdict < 6 ? kNames[verdict] : kNames[0];
}

std::string_view name_of(v1::Outcome outcome) {
  static constexpr std::string_view kNames[] = {"unknown", "success", "failure", "denied"};
  return outcome >= 0 && outcome < 4 ? kNames[outcome] : kNames[0];
}

}  // namespace watchword::publisher
