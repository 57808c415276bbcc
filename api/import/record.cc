#include "api/import/record.h"

#include <algorithm>

#include "api/observe/draft.h"
#include "api/observe/utf8.h"
#include "events/base/time.h"
#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"

namespace watchword::import {
namespace {

constexpr size_t kMaxEqualLines = 65'536;

// `text` is clean.
void add_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') out += '\\';
    if (byte >= 0x20) {
      out += letter;
      continue;
    }
    out.append(byte < 0x10 ? "\\u000" : "\\u001");
    out += "0123456789abcdef"[byte & 15];
  }
  out += '"';
}

void add_text(std::string& out, std::string_view name, std::string_view text, size_t max_bytes) {
  if (text.empty()) return;
  out.append(out.empty() ? "{\"" : ",\"").append(name).append("\":");
  add_quoted(out, clean(text, max_bytes));
}

void add_number(std::string& out, std::string_view name, uint64_t number) {
  if (number == 0) return;
  out.append(",\"").append(name).append("\":").append(std::to_string(number));
}

void add_attributes(std::string& out, const Seen& seen) {
  if (seen.attributes.empty()) return;
  std::string map;
  for (const auto& [key, value] : seen.attributes) add_text(map, key, value, 256);
  out.append(",\"attributes\":").append(map).append("}");
}

}  // namespace

Error unreadable(std::string detail) {
  return {Errc::invalid, "import.unreadable", std::move(detail)};
}

void Seen::add(std::string_view key, std::string value) {
  if (!value.empty() && attributes.size() < observe::kMaxAttributes)
    attributes.emplace_back(key, std::move(value));
}

std::string clean(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty() && out.size() < max_bytes) {
    const size_t bytes = text[0] == '\0' ? 0 : observe::character_bytes(text);
    if (bytes == 0)
      out += "\xef\xbf\xbd";
    else
      out.append(text.substr(0, bytes));
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  out.resize(observe::cut_utf8(out, max_bytes).size());
  return out;
}

Record record_of(const Seen& seen) {
  std::string out;
  add_text(out, "id", seen.id, observe::kMaxIdBytes);
  add_text(out, "time", rfc3339(seen.time_ms), 64);
  add_text(out, "source", seen.source, observe::kMaxSourceBytes);
  add_text(out, "subject", seen.subject, observe::kMaxSubjectBytes);
  add_text(out, "token_id", seen.token_id, observe::kMaxReferenceBytes);
  add_text(out, "session_id", seen.session_id, observe::kMaxReferenceBytes);
  add_text(out, "action", seen.action, observe::kMaxActionBytes);
  add_text(out, "outcome", seen.outcome, 16);
  add_text(out, "source_ip", seen.source_ip, 45);
  add_text(out, "user_agent", seen.user_agent, observe::kMaxUserAgentBytes);
  add_text(out, "endpoint", seen.endpoint, observe::kMaxEndpointBytes);
  add_text(out, "resource", seen.resource, observe::kMaxResourceBytes);
  add_number(out, "request_size", seen.request_size);
  add_number(out, "response_size", seen.response_size);
  add_number(out, "count", std::min(seen.count, observe::kMaxCount));
  add_attributes(out, seen);
  return {out + "}", seen.time_ms};
}

std::string LineIds::next(std::string_view prefix, std::string_view content) {
  const crypto::Digest digest = crypto::sha256(content);
  std::string id = std::string(prefix) + "-" + crypto::hex(crypto::view(digest).substr(0, 16));
  if (met_.size() >= kMaxEqualLines) met_.clear();
  const uint32_t ordinal = met_[id]++;
  return ordinal == 0 ? id : id + "-" + std::to_string(ordinal + 1);
}

}  // namespace watchword::import
