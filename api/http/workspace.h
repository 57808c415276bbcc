// The memory that a connection needs only while it works: taken from its core's pool when bytes
// arrive, given back when it idles.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "api/http/chunked.h"
#include "api/http/request.h"
#include "api/http/response.h"

namespace watchword::http {

// Bytes received and not yet used. What data() shows stays in place until room() or clear_front()
// is called. Bytes are overwritten as soon as they are used: requests carry tokens.
class InputBuffer {
 public:
  static constexpr size_t kBlockBytes = 4096;

  InputBuffer() = default;
  ~InputBuffer() { forget(begin_, end_); }
  InputBuffer(const InputBuffer&) = delete;
  InputBuffer& operator=(const InputBuffer&) = delete;

  std::string_view data() const { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  // Where to receive: at least one byte, as many as fit when `wanted` bytes in all are expected at
  // the front.
  struct Room {
    char* at;
    size_t size;
  };
  Room room(size_t wanted);
  void received(size_t size) { end_ += size; }
  void consume(size_t size);
  void keep_front(size_t size);  // forgets all but the first `size` bytes
  void clear();                  // and gives back what a large body took

 private:
  void forget(size_t from, size_t to);

  std::unique_ptr<char[]> bytes_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

struct Workspace {
  InputBuffer input;
  std::string output;
  size_t output_sent = 0;
  Request request;
  Response response;
  ChunkedDecoder decoder;
  std::string decoded_body;

  bool idle() const { return input.empty() && output.empty(); }
  void clear();
};

}  // namespace watchword::http
