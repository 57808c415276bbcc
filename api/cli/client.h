// A blocking HTTP/1.1 client for the command line: one server, one connection that is kept, every
// step with a time limit.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "events/base/result.h"

namespace watchword::cli {

struct Connection {
  std::string url;      // http or https; a path in front of the routes is allowed
  std::string token;    // sent as Bearer; empty: none
  std::string ca_file;  // PEM; empty: the system's
  int timeout_s = 30;   // of each step: connect, send, answer
};

// What is empty in `given` comes from WATCHWORD_URL, WATCHWORD_TOKEN or WATCHWORD_TOKEN_FILE,
// WATCHWORD_CA_FILE; the URL at last is http://127.0.0.1:8080. A token file that is given beats the
// variables. Errors: io "cli.token_file.unreadable".
Result<Connection> connection_from(Connection given, std::string token_file = {});

struct Request {
  std::string method = "GET";
  std::string target;  // "/api/v1/events?mode=history"
  std::string body;
  std::string content_type = "application/json";  // sent with a body only
  std::vector<std::pair<std::string, std::string>> headers;
  // May be sent again on a new connection when the kept one breaks. GET always may, and so may what
  // has an Idempotency-Key.
  bool repeatable = false;
};
struct Response {
  unsigned status = 0;
  std::map<std::string, std::string, std::less<>>
      headers;  // names in lower case; of several the last
  std::string body;

  bool ok() const { return status >= 200 && status < 300; }
  std::string_view header(std::string_view lower_case_name) const;
};

// One thread at a time.
class Client {
 public:
  // Errors: invalid "cli.url.malformed"; io "cli.tls.ca_file".
  static Result<Client> make(const Connection& connection);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // Any status is a Response. Errors, each with a sentence that names the server: unavailable
  // "cli.connect", "cli.tls.handshake", "cli.send", "cli.answer" (a broken or malformed answer),
  // "cli.timeout".
  Result<Response> send(const Request& request);
  // For answers without an end: hands over each piece as it comes until `take` says false or the
  // server closes. The body of the Response is filled only when the status is no success. No time
  // limit between pieces.
  Result<Response> stream(const Request& request,
                          const std::function<bool(std::string_view)>& take);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The sentence that a person reads: title, detail and each named place of problem+json, or OAuth's
// error_description, and the request's id; else the status. Never the body as it is.
std::string sentence_of(const Response& response);
// The same as an Error, by the status.
Error error_of(const Response& response);

}  // namespace watchword::cli
