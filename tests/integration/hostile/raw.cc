#include "tests/integration/hostile/raw.h"

#include <poll.h>
#include <sys/socket.h>

#include <boost/json/parse.hpp>
#include <charconv>

#include "api/http/utf8.h"

namespace watchword::testing {
namespace {

// One answer off the front of `bytes`; nullopt when it is not there whole.
std::optional<HttpReply> take_reply(std::string_view& bytes) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == bytes.npos || !bytes.starts_with("HTTP/1.1 ")) return {};
  HttpReply reply;
  reply.head = bytes.substr(0, end + 4);
  std::from_chars(bytes.data() + 9, bytes.data() + 12, reply.status);
  size_t at = bytes.find("\r\n") + 2;
  while (at < end + 2) {
    const size_t line_end = bytes.find("\r\n", at);
    const std::string_view line = bytes.substr(at, line_end - at);
    const size_t colon = line.find(':');
    std::string_view value = colon == line.npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    reply.headers.emplace_back(line.substr(0, colon), value);
    at = line_end + 2;
  }
  size_t length = 0;
  const std::string told = reply.header("Content-Length");
  std::from_chars(told.data(), told.data() + told.size(), length);
  if (bytes.size() < end + 4 + length) return {};
  reply.body = bytes.substr(end + 4, length);
  reply.whole = true;
  bytes.remove_prefix(end + 4 + length);
  return reply;
}

void read_replies(Heard& heard) {
  std::string_view rest = heard.bytes;
  heard.replies.clear();
  while (auto reply = take_reply(rest)) heard.replies.push_back(std::move(*reply));
}

Heard exchange(const std::string& url, std::string_view bytes, int patience_ms, size_t enough) {
  HttpClient client(HttpClient::options_for(url));
  Heard heard;
  client.send_raw(bytes);
  char chunk[65536];
  while (client.connected()) {
    pollfd waiting{client.descriptor(), POLLIN, 0};
    if (poll(&waiting, 1, patience_ms) != 1) break;
    const ssize_t got = recv(client.descriptor(), chunk, sizeof chunk, 0);
    heard.closed = got <= 0;
    if (got <= 0) break;
    heard.bytes.append(chunk, static_cast<size_t>(got));
    read_replies(heard);
    if (heard.replies.size() >= enough) break;
  }
  return heard;
}

bool is_token(std::string_view name) {
  return !name.empty() && name.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789-") == name.npos;
}

}  // namespace

std::string Heard::statuses() const {
  std::string out;
  for (const auto& reply : replies) out.append(std::to_string(reply.status)).append(" ");
  return out.append(closed ? "closed" : "open");
}

Heard say(const std::string& url, std::string_view bytes, int patience_ms) {
  return exchange(url, bytes, patience_ms, SIZE_MAX);
}

Heard say_for(const std::string& url, std::string_view bytes, size_t replies) {
  return exchange(url, bytes, 10'000, replies);
}

std::string flaw_of(const HttpReply& reply) {
  if (reply.status == 0) return "no answer";
  for (const auto& [name, value] : reply.headers) {
    if (!is_token(name)) return "header name: " + name;
    for (const char c : value)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "header value: " + name;
  }
  if (!http::is_utf8(reply.body)) return "the body is not UTF-8";
  boost::json::error_code failed;
  const std::string type = reply.header("Content-Type");
  const bool lines = type.find("ndjson") != type.npos;
  std::string_view rest = reply.body;
  while (type.find("json") != type.npos && !rest.empty() && !failed) {
    const size_t end = lines ? std::min(rest.find('\n'), rest.size()) : rest.size();
    if (end > 0) boost::json::parse(rest.substr(0, end), failed);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return failed ? "the body is not JSON" : "";
}

double metric(const Node& node, std::string_view name) {
  const std::string text = "\n" + node.operations().get("/metrics").reply.body;
  const size_t at = text.find("\n" + std::string(name) + " ");
  if (at == text.npos) return -1;
  return std::strtod(text.c_str() + at + name.size() + 2, nullptr);
}

uint64_t requests_seen(const Node& node) {
  return static_cast<uint64_t>(metric(node, "watchword_http_requests_total"));
}

uint16_t port_of(std::string_view url) { return HttpClient::options_for(url).port; }

}  // namespace watchword::testing
