#include "api/cli/client.h"

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/url.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

namespace watchword::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

using TlsStream = beast::ssl_stream<beast::tcp_stream>;
using Message = http::request<http::string_body>;

constexpr uint64_t kMaxAnswerBytes = 256u << 20;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Result<std::string> token_in(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!file || !(file >> token))
    return Error{Errc::io, "cli.token_file.unreadable", path + " holds no token"};
  return token;
}

bool may_repeat(const Request& request) {
  const auto is_key = [](const auto& header) {
    return beast::iequals(header.first, "Idempotency-Key");
  };
  return request.repeatable || request.method == "GET" || request.method == "HEAD" ||
         std::any_of(request.headers.begin(), request.headers.end(), is_key);
}

// A name or value that would end its line and begin another.
bool is_safe(std::string_view text) {
  return text.find_first_of("\r\n") == text.npos && text.find('\0') == text.npos;
}

template <class Fields>
Response response_of(const Fields& message) {
  Response response;
  response.status = message.result_int();
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& letter : name)
      if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter + 32);
    response.headers[name] = std::string(field.value());
  }
  return response;
}

}  // namespace

struct Client::Impl {
  Connection connection;
  std::string host, port, base;
  bool secure = false;
  asio::io_context loop{1};
  ssl::context tls{ssl::context::tls_client};
  std::unique_ptr<TlsStream> stream;  // its lower layer alone is used for http
  bool connected = false;
  beast::flat_buffer buffer;

  beast::tcp_stream& socket() { return stream->next_layer(); }
  std::string server() const { return connection.url; }

  // Runs one asynchronous step to its end; the stream's own timer bounds it.
  template <class Start>
  error_code finish(Start start) {
    error_code result;
    loop.restart();
    start([&](error_code error, auto&&...) { result = error; });
    loop.run();
    return result;
  }
  void limit() { socket().expires_after(std::chrono::seconds(connection.timeout_s)); }

  Error failure(std::string_view reason, const error_code& error) {
    connected = false;
    if (error == beast::error::timeout)
      return {Errc::unavailable, "cli.timeout",
              server() + " did not answer within " + std::to_string(connection.timeout_s) + " s"};
    return {Errc::unavailable, reason, server() + ": " + error.message()};
  }

  Result<> connect() {
    buffer.clear();
    stream = std::make_unique<TlsStream>(loop, tls);
    error_code error;
    asio::ip::tcp::resolver resolver(loop);
    const auto addresses = resolver.resolve(host, port, error);
    if (error) return failure("cli.connect", error);
    limit();
    error = finish([&](auto done) { socket().async_connect(addresses, done); });
    if (error) return failure("cli.connect", error);
    socket().socket().set_option(asio::ip::tcp::no_delay(true), error);
    if (secure)
      if (auto shaken = handshake(); !shaken) return shaken;
    connected = true;
    return Nothing{};
  }

  Result<> handshake() {
    SSL_set_tlsext_host_name(stream->native_handle(), host.c_str());
    stream->set_verify_callback(ssl::host_name_verification(host));
    limit();
    const error_code error =
        finish([&](auto done) { stream->async_handshake(ssl::stream_base::client, done); });
    if (error) return failure("cli.tls.handshake", error);
    return Nothing{};
  }

  Message message_of(const Request& request) const {
    Message message;
    message.version(11);
    message.method_string(request.method);
    message.target(base + request.target);
    message.set(http::field::host,
                host.find(':') == host.npos ? host + ":" + port : "[" + host + "]:" + port);
    message.set(http::field::user_agent, "watchword/" WATCHWORD_VERSION);
    message.set(http::field::accept, "application/json, application/x-ndjson");
    if (!connection.token.empty())
      message.set(http::field::authorization, "Bearer " + connection.token);
    if (!request.body.empty()) message.set(http::field::content_type, request.content_type);
    for (const auto& [name, value] : request.headers) message.set(name, value);
    message.body() = request.body;
    message.prepare_payload();
    return message;
  }

  error_code write(const Message& message) {
    limit();
    return finish([&](auto done) {
      if (secure)
        http::async_write(*stream, message, done);
      else
        http::async_write(socket(), message, done);
    });
  }

  template <class Parser>
  error_code read_header(Parser& parser) {
    limit();
    return finish([&](auto done) {
      if (secure)
        http::async_read_header(*stream, buffer, parser, done);
      else
        http::async_read_header(socket(), buffer, parser, done);
    });
  }
  template <class Parser>
  error_code read_rest(Parser& parser) {
    return finish([&](auto done) {
      if (secure)
        http::async_read(*stream, buffer, parser, done);
      else
        http::async_read(socket(), buffer, parser, done);
    });
  }
  template <class Parser>
  error_code read_some(Parser& parser) {
    return finish([&](auto done) {
      if (secure)
        http::async_read_some(*stream, buffer, parser, done);
      else
        http::async_read_some(socket(), buffer, parser, done);
    });
  }

  // Sends and reads the header; a kept connection that the server has closed meanwhile is opened
  // again once.
  template <class Parser>
  Result<> exchange(const Request& request, std::optional<Parser>& parser) {
    const Message message = message_of(request);
    for (bool kept = connected;; kept = false) {
      if (!connected)
        if (auto opened = connect(); !opened) return opened;
      parser.emplace();
      parser->body_limit(kMaxAnswerBytes);
      error_code error = write(message);
      const bool sent = !error;
      if (!error) error = read_header(*parser);
      if (!error) return Nothing{};
      const Error told = failure(sent ? "cli.answer" : "cli.send", error);
      if (!kept || !may_repeat(request) || error == beast::error::timeout) return told;
    }
  }
};

std::string_view Response::header(std::string_view lower_case_name) const {
  const auto found = headers.find(lower_case_name);
  return found == headers.end() ? std::string_view() : found->second;
}

Result<Connection> connection_from(Connection given, std::string token_file) {
  if (given.url.empty()) given.url = environment("WATCHWORD_URL");
  if (given.url.empty()) given.url = "http://127.0.0.1:8080";
  if (given.ca_file.empty()) given.ca_file = environment("WATCHWORD_CA_FILE");
  if (given.token.empty() && token_file.empty()) given.token = environment("WATCHWORD_TOKEN");
  if (token_file.empty()) token_file = environment("WATCHWORD_TOKEN_FILE");
  if (!given.token.empty() || token_file.empty()) return given;
  auto token = token_in(token_file);
  if (!token) return token.error();
  given.token = std::move(*token);
  return given;
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Client> Client::make(const Connection& connection) {
  const auto url = boost::urls::parse_uri(connection.url);
  const bool known =
      url && (url->scheme() == "http" || url->scheme() == "https") && !url->host().empty();
  if (!known || !is_safe(connection.token))
    return Error{Errc::invalid, "cli.url.malformed",
                 "\"" + connection.url + "\" is no http:// or https:// URL"};
  auto impl = std::make_unique<Impl>();
  impl->connection = connection;
  impl->secure = url->scheme() == "https";
  impl->host = std::string(url->host_address());
  impl->port = url->has_port() ? std::string(url->port()) : impl->secure ? "443" : "80";
  impl->base = std::string(url->encoded_path());
  while (impl->base.ends_with('/')) impl->base.pop_back();
  if (!impl->secure) return Client(std::move(impl));  // reading the system's roots takes 30 ms
  error_code error;
  impl->tls.set_verify_mode(ssl::verify_peer);
  if (connection.ca_file.empty())
    impl->tls.set_default_verify_paths(error);
  else
    impl->tls.load_verify_file(connection.ca_file, error);
  if (error) return Error{Errc::io, "cli.tls.ca_file", connection.ca_file + ": " + error.message()};
  return Client(std::move(impl));
}

Result<Response> Client::send(const Request& request) {
  std::optional<http::response_parser<http::string_body>> parser;
  if (auto sent = impl_->exchange(request, parser); !sent) return sent.error();
  impl_->limit();
  if (const error_code error = impl_->read_rest(*parser))
    return impl_->failure("cli.answer", error);
  impl_->connected = parser->get().keep_alive();
  Response response = response_of(parser->get());
  response.body = std::move(parser->get().body());
  return response;
}

Result<Response> Client::stream(const Request& request,
                                const std::function<bool(std::string_view)>& take) {
  std::optional<http::response_parser<http::string_body>> parser;
  if (auto sent = impl_->exchange(request, parser); !sent) return sent.error();
  Response response = response_of(parser->get());
  parser->body_limit(boost::none);
  bool wanted = true;
  while (wanted && !parser->is_done()) {
    impl_->socket().expires_never();
    const error_code error = impl_->read_some(*parser);
    if (error == http::error::end_of_stream || error == asio::error::eof) break;
    if (error && error != http::error::need_buffer) return impl_->failure("cli.answer", error);
    std::string& piece = parser->get().body();
    if (!response.ok())
      response.body += piece;
    else if (!piece.empty())
      wanted = take(piece);
    piece.clear();
  }
  impl_->connected = false;  // what the server sends on is not for the next request
  return response;
}

}  // namespace watchword::cli
