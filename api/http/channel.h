// Bytes to and from one peer without blocking, over plain TCP or TLS. Does not own the descriptor.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

struct ssl_st;
struct ssl_ctx_st;

namespace watchword::http {

struct Transfer {
  enum class State : uint8_t {
    done,
    wants_read,
    wants_write,
    closed
  };  // wants_…: wait until the socket is, then repeat
  State state = State::done;
  size_t bytes = 0;
};

class Channel {
 public:
  // A null context is plain TCP. `descriptor` is non-blocking.
  Channel(int descriptor, std::shared_ptr<ssl_ctx_st> context);

  bool secure() const { return ssl_ != nullptr; }
  Transfer handshake();  // done at once on plain TCP
  Transfer receive(char* into, size_t size);
  Transfer send(std::string_view bytes);  // `bytes` is not empty
  void finish_sending();                  // close_notify, then FIN

 private:
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  Transfer tls_outcome(int returned);

  int descriptor_;
  std::unique_ptr<ssl_st, Free> ssl_;
  bool failed_ = false;  // after a fatal error OpenSSL must not be asked to shut down
};

}  // namespace watchword::http
