#include "api/http/response.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "api/http/characters.h"
#include "api/http/gate.h"
#include "events/crypto/hash.h"

namespace watchword::http {
namespace {

constexpr std::string_view kSecurityHeaders =
    "X-Content-Type-Options: nosniff\r\n"
    "X-Frame-Options: DENY\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n";
constexpr std::string_view kStrictTransport = "Strict-Transport-Security: max-age=31536000\r\n";

constexpr std::array<std::string_view, 12> kOwnNames{"content-length",
                                                     "transfer-encoding",
                                                     "connection",
                                                     "date",
                                                     "server",
                                                     "content-type",
                                                     "cache-control",
                                                     "x-content-type-options",
                                                     "x-frame-options",
                                                     "content-security-policy",
                                                     "strict-transport-security",
                                                     "trailer"};

struct Status {
  uint16_t code;
  std::string_view text;
};
constexpr std::array kStatuses{Status{100, "Continue"},
                               Status{200, "OK"},
                               Status{201, "Created"},
                               Status{202, "Accepted"},
                               Status{204, "No Content"},
                               Status{206, "Partial Content"},
                               Status{301, "Moved Permanently"},
                               Status{302, "Found"},
                               Status{303, "See Other"},
                               Status{304, "Not Modified"},
                               Status{307, "Temporary Redirect"},
                               Status{308, "Permanent Redirect"},
                               Status{400, "Bad Request"},
                               Status{401, "Unauthorized"},
                               Status{403, "Forbidden"},
                               Status{404, "Not Found"},
                               Status{405, "Method Not Allowed"},
                               Status{406, "Not Acceptable"},
                               Status{408, "Request Timeout"},
                               Status{409, "Conflict"},
                               Status{410, "Gone"},
                               Status{411, "Length Required"},
                               Status{412, "Precondition Failed"},
                               Status{413, "Content Too Large"},
                               Status{414, "URI Too Long"},
                               Status{415, "Unsupported Media Type"},
                               Status{417, "Expectation Failed"},
                               Status{421, "Misdirected Request"},
                               Status{422, "Unprocessable Content"},
                               Status{426, "Upgrade Required"},
                               Status{428, "Precondition Required"},
                               Status{429, "Too Many Requests"},
                               Status{431, "Request Header Fields Too Large"},
                               Status{500, "Internal Server Error"},
                               Status{501, "Not Implemented"},
                               Status{502, "Bad Gateway"},
                               Status{503, "Service Unavailable"},
                               Status{504, "Gateway Timeout"},
                               Status{505, "HTTP Version Not Supported"},
                               Status{507, "Insufficient Storage"}};

void append_number(uint64_t number, std::string& out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

void append_header(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void write_status_line(uint16_t status, std::string& out) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  out.append("HTTP/1.1 ");
  append_number(status, out);
  out.append(" ").append(status_text(status)).append("\r\n");
}

bool has_no_content(uint16_t status) { return status < 200 || status == 204 || status == 304; }

// RFC 9112 6.3: a chunked body, or on 1.0 one that ends with the connection; else a length.
void write_framing(const Response& response, const Wire& wire, std::string& out) {
  if (has_no_content(response.status)) return;
  if (response.streaming()) {
    append_header("Content-Type", response.content_type, out);
    if (wire.minor_one) out.append("Transfer-Encoding: chunked\r\n");
    return;
  }
  if (!response.body.empty()) append_header("Content-Type", response.content_type, out);
  out.append("Content-Length: ");
  append_number(response.body.size(), out);
  out.append("\r\n");
}

}  // namespace

bool Response::set(std::string_view name, std::string_view value) {
  if (name.empty() || !all_in(kToken, name)) return false;
  const char* const end = value.data() + value.size();
  if (find_control(value.data(), end) != end) return false;
  for (const std::string_view own : kOwnNames)
    if (equals_ignoring_case(name, own)) return false;
  append_header(name, value, headers_);
  return true;
}

void Response::stream(std::string_view type, Producer producer) {
  content_type = type;
  producer_ = std::move(producer);
}

void clear_secret(std::string& text) {
  constexpr size_t kKeptBytes = 64 * 1024;  // one large answer does not stay in memory for ever
  crypto::cleanse(text.data(), text.size());
  if (text.capacity() > kKeptBytes) std::string().swap(text);
  text.clear();
}

void Response::reset() {
  status = 200;
  content_type = "application/json";
  cache_control = "no-store";
  clear_secret(body);
  headers_.clear();
  producer_ = nullptr;
  close_ = false;
}

void write_response(const Response& response, const Wire& wire, std::string& out) {
  write_status_line(response.status, out);
  append_header("Date", wire.date, out);
  write_framing(response, wire, out);
  append_header("Cache-Control", response.cache_control, out);
  out.append(kSecurityHeaders);
  if (wire.secure) out.append(kStrictTransport);
  out.append(response.headers());
  if (!wire.keep_alive) out.append("Connection: close\r\n");
  if (wire.keep_alive && !wire.minor_one) out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
  if (wire.head_only || has_no_content(response.status)) return;
  if (!response.streaming()) out.append(response.body);
  if (response.streaming() && wire.minor_one) write_chunk(response.body, out);
  if (response.streaming() && !wire.minor_one) out.append(response.body);
}

void write_chunk(std::string_view piece, std::string& out) {
  if (piece.empty()) return;
  char digits[16];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, piece.size(), 16).ptr);
  out.append("\r\n").append(piece).append("\r\n");
}

std::string_view status_text(uint16_t status) {
  const auto found =
      std::find_if(kStatuses.begin(), kStatuses.end(), [&](auto& s) { return s.code == status; });
  return found == kStatuses.end() ? std::string_view("Unknown") : found->text;
}

std::string imf_fixdate(int64_t unix_s) {
  const time_t at = unix_s;
  std::tm parts{};
  gmtime_r(&at, &parts);
  char text[32];
  const size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

}  // namespace watchword::http
