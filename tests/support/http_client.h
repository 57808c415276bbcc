// A small blocking HTTP/1.1 client for tests. It sends what it is told, also what no decent client
// would, and reads strictly.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace watchword::testing {

struct HttpReply {
  int status = 0;  // 0: the connection ended before a whole answer came
  std::string head;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;    // decoded when it was chunked
  bool whole = false;  // false: cut off in the middle

  // First of that name, ASCII case ignored; "" when absent.
  std::string header(std::string_view name) const;
  size_t count(std::string_view name) const;
};

struct HttpClientOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  bool tls = false;              // the certificate is not checked
  std::string ca_file;           // unless named here: then it must verify
  int timeout_ms = 10'000;       // for each wait
  int receive_buffer_bytes = 0;  // a small one makes a slow reader
};

// One connection, kept alive. Not thread-safe.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  HttpClient(std::string address, uint16_t port)
      : HttpClient(HttpClientOptions{std::move(address), port}) {}
  // "http://127.0.0.1:8080", "https://…"
  static HttpClientOptions options_for(std::string_view url);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  bool connected() const;

  // One request with Host and, for a body, Content-Length; connects again when the server has
  // closed in between. `headers` are lines without CR LF: {"Authorization: Bearer x"}.
  HttpReply request(std::string_view method, std::string_view target,
                    const std::vector<std::string>& headers = {}, std::string_view body = {});
  HttpReply get(std::string_view target, const std::vector<std::string>& headers = {}) {
    return request("GET", target, headers);
  }
  HttpReply post(std::string_view target, std::string_view body,
                 const std::vector<std::string>& headers = {}) {
    return request("POST", target, headers, body);
  }

  // Exactly these bytes; false when the connection is gone.
  bool send_raw(std::string_view bytes);
  // The next final answer; 1xx are skipped unless asked for. `to_head`: it answers a HEAD request.
  HttpReply read_reply(bool to_head = false, bool with_interim = false);
  // Whatever comes next, up to `max`; "" at the end or the timeout.
  std::string read_some(size_t max = 65536);
  // True when the server ends the connection within `timeout_ms`, whatever it sends before.
  bool ends_within(int timeout_ms);
  void finish_sending();  // half-close
  void reconnect();
  void close();
  int descriptor() const;
  std::string peer_certificate_subject() const;  // with TLS
  std::string protocol() const;                  // "TLSv1.3"

 private:
  struct Link;
  bool fill();
  std::optional<std::string> read_line();
  bool read_exactly(size_t size, std::string& into);
  bool read_chunks(std::string& into);

  HttpClientOptions options_;
  std::unique_ptr<Link> link_;
  std::string buffered_;
};

}  // namespace watchword::testing
