// What a handler answers. Belongs to one request at a time; its strings are reused by the next one
// on the same core.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "events/base/result.h"

namespace watchword::http {

// Writes the next piece of a streaming answer into `chunk` (empty on entry); false says that this
// piece is the last. Runs on the connection's core, is not called again before its piece has been
// handed to the socket, and should return at least every few seconds (an SSE comment, or nothing)
// so that a reader who left and a server that stops are noticed. A piece left empty is not sent.
using Producer = std::function<boost::asio::awaitable<bool>(std::string& chunk)>;

// Empties a buffer that may have held a secret: overwrites it, and gives back what is above 64 KiB.
void clear_secret(std::string& text);

class Response {
 public:
  uint16_t status = 200;
  std::string_view content_type =
      "application/json";  // static storage; not sent with an empty body
  std::string_view cache_control =
      "no-store";  // static storage; change it for public documents alone
  std::string body;

  // Adds a header. False, and nothing added, when the name is not a token, when the value holds CR,
  // LF, NUL or another control character, or when the name is one that the server writes itself
  // (Content-Length, Transfer-Encoding, Connection, Date, Server, Content-Type, Cache-Control and
  // the security headers).
  [[nodiscard]] bool set(std::string_view name, std::string_view value);

  // Answers in chunks, pulled until the producer says that it has written the last one. `body` is
  // sent first. Never for HEAD.
  void stream(std::string_view type, Producer producer);

  bool streaming() const { return static_cast<bool>(producer_); }
  Producer& producer() { return producer_; }
  std::string_view headers() const { return headers_; }  // "Name: value\r\n" each
  void close_after() { close_ = true; }                  // ends the connection after this answer
  bool closes() const { return close_; }
  void reset();  // as new, memory kept

 private:
  std::string headers_;
  Producer producer_;
  bool close_ = false;
};

// What surrounds the answer on the wire.
struct Wire {
  bool keep_alive = true;
  bool minor_one = true;   // the request's version; a 1.0 peer gets no chunks but a body that ends
                           // with the connection
  bool head_only = false;  // HEAD: Content-Length of the body that GET would get, no body
  bool secure = false;     // adds Strict-Transport-Security
  std::string_view date;   // IMF-fixdate
};

// Appends status line and headers, and the body unless it is a stream. 1xx, 204 and 304 get neither
// body nor length (RFC 9110 8.6).
void write_response(const Response& response, const Wire& wire, std::string& out);
// Appends one chunk; nothing for an empty one, which would end the body.
void write_chunk(std::string_view piece, std::string& out);

std::string_view status_text(
    uint16_t status);                     // "Not Found"; "Unknown" for what is not in the registry
std::string imf_fixdate(int64_t unix_s);  // RFC 9110 5.6.7

}  // namespace watchword::http
