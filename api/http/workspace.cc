#include "api/http/workspace.h"

#include <algorithm>
#include <cstring>

namespace watchword::http {
namespace {

constexpr size_t kKeptBytes = 64 * 1024;

void clear_string(std::string& text) {
  if (text.capacity() > kKeptBytes) std::string().swap(text);
  text.clear();
}

}  // namespace

InputBuffer::Room InputBuffer::room(size_t wanted) {
  const size_t held = end_ - begin_;
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ < capacity_ && begin_ + wanted <= capacity_)
    return {bytes_.get() + end_, capacity_ - end_};
  // Doubling, not the announced size at once: a peer that promises a megabyte has to send it to
  // make us hold it.
  size_t needed =
      std::max(kBlockBytes, std::min(std::max(wanted, held + 1), std::max(held, kBlockBytes) * 2));
  if (needed <= capacity_ && held < capacity_) {
    std::memmove(bytes_.get(), bytes_.get() + begin_, held);
  } else {
    std::unique_ptr<char[]> larger(new char[needed]);
    if (held) std::memcpy(larger.get(), bytes_.get() + begin_, held);
    bytes_ = std::move(larger);
    capacity_ = needed;
  }
  begin_ = 0;
  end_ = held;
  return {bytes_.get() + end_, capacity_ - end_};
}

void InputBuffer::clear() {
  begin_ = end_ = 0;
  if (capacity_ <= kKeptBytes) return;
  bytes_.reset();
  capacity_ = 0;
}

void Workspace::clear() {
  input.clear();
  clear_string(output);
  clear_string(decoded_body);
  output_sent = 0;
  response.reset();
}

}  // namespace watchword::http
