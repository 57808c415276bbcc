#include "api/http/request.h"

#include "api/http/characters.h"
#include "events/base/clock.h"

namespace watchword::http {
namespace {

constexpr CharacterTable kRay = table_of("-");
constexpr CharacterTable kBearer = table_of("-._~+/=");

// https://www.w3.org/TR/trace-context/#traceparent-header: version 00, or a later one with the same
// beginning.
std::string_view trace_id(std::string_view parent) {
  if (parent.size() < 55 || parent[2] != '-' || parent[35] != '-' || parent[52] != '-') return {};
  if (parent.starts_with("ff") || (parent.starts_with("00") && parent.size() != 55)) return {};
  const std::string_view id = parent.substr(3, 32);
  for (const char c : id)
    if (hex_digit(c) < 0 || lower(c) != c) return {};
  return id.find_first_not_of('0') == id.npos ? std::string_view() : id;
}

}  // namespace

std::string minted_request_id() {
  std::string id;
  for (const uint8_t byte : system_entropy().draw<16>()) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

void Request::fill(std::string_view body, const Address& remote, bool secure) {
  body_ = body;
  route_path_ = {};
  remote_ = remote;
  secure_ = secure;
  query_read_ = false;
  id_.clear();
}

Result<const Form*> Request::query() {
  if (!query_read_) query_result_ = query_.read(head_.query);
  query_read_ = true;
  if (!query_result_) return query_result_.error();
  return &query_;
}

std::string_view Request::media_type() const {
  std::string_view type = header(Known::content_type).value_or(std::string_view());
  type = type.substr(0, type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return type;
}

std::optional<std::string_view> Request::bearer() const {
  constexpr std::string_view kScheme = "Bearer ";
  std::string_view value = header(Known::authorization).value_or(std::string_view());
  if (!equals_ignoring_case(value.substr(0, kScheme.size()), kScheme)) return {};
  value.remove_prefix(kScheme.size());
  if (value.empty() || !all_in(kBearer, value)) return {};
  return value;
}

std::string_view Request::id() {
  if (!id_.empty()) return id_;
  const std::string_view ray = header(Known::cf_ray).value_or(std::string_view());
  if (!ray.empty() && ray.size() <= 64 && all_in(kRay, ray)) return id_ = ray;
  id_ = trace_id(header(Known::traceparent).value_or(std::string_view()));
  if (id_.empty()) id_ = minted_request_id();
  return id_;
}

}  // namespace watchword::http
