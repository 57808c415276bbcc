#include "api/http/channel.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace watchword::http {
namespace {

using State = Transfer::State;

Transfer plain_outcome(ssize_t returned, State blocked) {
  if (returned > 0) return {State::done, static_cast<size_t>(returned)};
  if (returned < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {blocked, 0};
  return {State::closed, 0};
}

int clamped(size_t size) { return static_cast<int>(std::min<size_t>(size, INT_MAX)); }

}  // namespace

void Channel::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Channel::Channel(int descriptor, std::shared_ptr<ssl_ctx_st> context) : descriptor_(descriptor) {
  if (!context) return;
  ssl_.reset(SSL_new(context.get()));  // takes its own reference to the context
  if (!ssl_ || SSL_set_fd(ssl_.get(), descriptor) != 1) {
    failed_ = true;
    return;
  }
  SSL_set_accept_state(ssl_.get());
}

Transfer Channel::tls_outcome(int returned) {
  if (returned > 0) return {State::done, static_cast<size_t>(returned)};
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: return {State::wants_read, 0};
    case SSL_ERROR_WANT_WRITE: return {State::wants_write, 0};
    case SSL_ERROR_ZERO_RETURN: return {State::closed, 0};
    default: failed_ = true; return {State::closed, 0};
  }
}

Transfer Channel::handshake() {
  if (failed_) return {State::closed, 0};
  if (!ssl_) return {};
  ERR_clear_error();
  return tls_outcome(SSL_do_handshake(ssl_.get()));
}

Transfer Channel::receive(char* into, size_t size) {
  if (failed_) return {State::closed, 0};
  if (ssl_) {
    ERR_clear_error();
    return tls_outcome(SSL_read(ssl_.get(), into, clamped(size)));
  }
  ssize_t got;
  do got = ::recv(descriptor_, into, size, MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  return plain_outcome(got, State::wants_read);
}

Transfer Channel::send(std::string_view bytes) {
  if (failed_) return {State::closed, 0};
  if (ssl_) {
    ERR_clear_error();
    return tls_outcome(SSL_write(ssl_.get(), bytes.data(), clamped(bytes.size())));
  }
  ssize_t sent;
  do sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return plain_outcome(sent, State::wants_write);
}

void Channel::finish_sending() {
  if (ssl_ && !failed_ && SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace watchword::http
