#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>

namespace watchword::testing {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

int connect_to(const HttpClientOptions& options) {
  sockaddr_storage to{};
  socklen_t size = sizeof(sockaddr_in);
  auto* four = reinterpret_cast<sockaddr_in*>(&to);
  if (inet_pton(AF_INET, options.address.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(options.port);
  } else {
    auto* six = reinterpret_cast<sockaddr_in6*>(&to);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(options.port);
    inet_pton(AF_INET6, options.address.c_str(), &six->sin6_addr);
    size = sizeof(sockaddr_in6);
  }
  const int descriptor = ::socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (options.receive_buffer_bytes > 0)
    ::setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer_bytes, sizeof(int));
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&to), size) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

void parse_head(HttpReply& reply) {
  size_t at = reply.head.find("\r\n");
  if (reply.head.size() > 12)
    std::from_chars(reply.head.data() + 9, reply.head.data() + 12, reply.status);
  while (at != std::string::npos && at + 2 < reply.head.size()) {
    const size_t from = at + 2;
    at = reply.head.find("\r\n", from);
    const std::string line = reply.head.substr(from, at - from);
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const size_t value = line.find_first_not_of(' ', colon + 1);
    reply.headers.emplace_back(line.substr(0, colon),
                               value == std::string::npos ? "" : line.substr(value));
  }
}

}  // namespace

struct HttpClient::Link {
  int descriptor = -1;
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;

  ~Link() {
    if (ssl) SSL_free(ssl);
    if (context) SSL_CTX_free(context);
    if (descriptor >= 0) ::close(descriptor);
  }

  void start_tls(const HttpClientOptions& options) {
    context = SSL_CTX_new(TLS_client_method());
    if (!options.ca_file.empty()) {
      SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr);
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    }
    ssl = SSL_new(context);
    SSL_set_fd(ssl, descriptor);
    if (SSL_connect(ssl) == 1) return;
    ::close(descriptor);
    descriptor = -1;
  }

  bool wait_readable(int timeout_ms) const {
    if (ssl && SSL_pending(ssl) > 0) return true;
    pollfd waiting{descriptor, POLLIN, 0};
    return ::poll(&waiting, 1, timeout_ms) == 1;
  }

  ssize_t receive(char* into, size_t size) {
    return ssl ? SSL_read(ssl, into, static_cast<int>(size)) : ::recv(descriptor, into, size, 0);
  }

  ssize_t send(std::string_view bytes) {
    return ssl ? SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size()))
               : ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
};

std::string HttpReply::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (same_name(key, name)) return value;
  return {};
}

size_t HttpReply::count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(
      headers.begin(), headers.end(), [&](auto& each) { return same_name(each.first, name); }));
}

HttpClient::HttpClient(HttpClientOptions options) : options_(std::move(options)) {
  std::signal(SIGPIPE, SIG_IGN);
  reconnect();
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

HttpClientOptions HttpClient::options_for(std::string_view url) {
  HttpClientOptions options;
  options.tls = url.starts_with("https://");
  url.remove_prefix(std::min(url.find("://") + 3, url.size()));
  url = url.substr(0, url.find('/'));
  const size_t colon = url.rfind(':');
  std::string_view host = url.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  options.address = host == "localhost" ? "127.0.0.1" : std::string(host);
  std::from_chars(url.data() + colon + 1, url.data() + url.size(), options.port);
  return options;
}

void HttpClient::reconnect() {
  buffered_.clear();
  link_ = std::make_unique<Link>();
  link_->descriptor = connect_to(options_);
  if (options_.tls && link_->descriptor >= 0) link_->start_tls(options_);
}

bool HttpClient::connected() const { return link_ && link_->descriptor >= 0; }
void HttpClient::close() { link_ = std::make_unique<Link>(); }
int HttpClient::descriptor() const { return link_->descriptor; }
void HttpClient::finish_sending() { ::shutdown(link_->descriptor, SHUT_WR); }

std::string HttpClient::peer_certificate_subject() const {
  X509* certificate = link_->ssl ? SSL_get1_peer_certificate(link_->ssl) : nullptr;
  if (!certificate) return {};
  char subject[256];
  X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof subject);
  X509_free(certificate);
  return subject;
}

std::string HttpClient::protocol() const { return link_->ssl ? SSL_get_version(link_->ssl) : ""; }

bool HttpClient::send_raw(std::string_view bytes) {
  while (connected() && !bytes.empty()) {
    const ssize_t sent = link_->send(bytes);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return connected();
}

bool HttpClient::fill() {
  char chunk[65536];
  if (!connected() || !link_->wait_readable(options_.timeout_ms)) return false;
  const ssize_t got = link_->receive(chunk, sizeof chunk);
  if (got <= 0) return false;
  buffered_.append(chunk, static_cast<size_t>(got));
  return true;
}

std::string HttpClient::read_some(size_t max) {
  if (buffered_.empty() && !fill()) return {};
  std::string taken = buffered_.substr(0, max);
  buffered_.erase(0, taken.size());
  return taken;
}

bool HttpClient::ends_within(int timeout_ms) {
  using Steady = std::chrono::steady_clock;
  const auto until = Steady::now() + std::chrono::milliseconds(timeout_ms);
  char discarded[65536];
  while (connected()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now()).count();
    if (left < 0 || !link_->wait_readable(static_cast<int>(left))) return false;
    if (link_->receive(discarded, sizeof discarded) <= 0) return true;
  }
  return true;
}

std::optional<std::string> HttpClient::read_line() {
  size_t end;
  while ((end = buffered_.find("\r\n")) == std::string::npos)
    if (!fill()) return {};
  std::string line = buffered_.substr(0, end);
  buffered_.erase(0, end + 2);
  return line;
}

bool HttpClient::read_exactly(size_t size, std::string& into) {
  while (buffered_.size() < size)
    if (!fill()) break;
  const size_t taken = std::min(size, buffered_.size());
  into.append(buffered_, 0, taken);
  buffered_.erase(0, taken);
  return taken == size;
}

bool HttpClient::read_chunks(std::string& into) {
  while (true) {
    const auto line = read_line();
    size_t size = 0;
    if (!line ||
        std::from_chars(line->data(), line->data() + line->size(), size, 16).ec != std::errc())
      return false;
    if (!read_exactly(size, into)) return false;
    if (const auto end = read_line(); !end || !end->empty()) return false;
    if (size == 0) return true;
  }
}

HttpReply HttpClient::read_reply(bool to_head, bool with_interim) {
  HttpReply reply;
  size_t end;
  while ((end = buffered_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return reply;
  reply.head = buffered_.substr(0, end + 2);
  buffered_.erase(0, end + 4);
  parse_head(reply);
  if (reply.status / 100 == 1) {
    reply.whole = true;
    return with_interim ? reply : read_reply(to_head, with_interim);
  }
  const std::string length = reply.header("Content-Length");
  if (to_head || reply.status == 204 || reply.status == 304) {
    reply.whole = true;
  } else if (same_name(reply.header("Transfer-Encoding"), "chunked")) {
    reply.whole = read_chunks(reply.body);
  } else if (!length.empty()) {
    reply.whole = read_exactly(std::stoul(length), reply.body);
  } else {
    while (fill()) continue;
    reply.body.swap(buffered_);
    reply.whole = true;
  }
  return reply;
}

HttpReply HttpClient::request(std::string_view method, std::string_view target,
                              const std::vector<std::string>& headers, std::string_view body) {
  std::string text = std::string(method) + " " + std::string(target) +
                     " HTTP/1.1\r\nHost: " + options_.address + "\r\n";
  for (const auto& header : headers) text += header + "\r\n";
  if (!body.empty() || method == "POST")
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text.append("\r\n").append(body);
  // The server may have closed the kept connection; then nothing has been read, and once more is
  // safe in a test.
  HttpReply reply;
  for (int attempt = 0; attempt < 2 && reply.status == 0; ++attempt) {
    if (!connected() || attempt > 0) reconnect();
    if (send_raw(text)) reply = read_reply(method == "HEAD");
  }
  if (same_name(reply.header("Connection"), "close")) close();
  return reply;
}

}  // namespace watchword::testing
