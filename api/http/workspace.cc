#include "api/http/workspace.h"

#include <algorithm>
#include <cstring>

#include "events/crypto/hash.h"

namespace watchword::http {
namespace {

constexpr size_t kKeptBytes = 64 * 1024;

}  // namespace

void InputBuffer::forget(size_t from, size_t to) {
  if (from < to) crypto::cleanse(bytes_.get() + from, to - from);
}

void InputBuffer::consume(size_t size) {
  forget(begin_, begin_ + size);
  begin_ += size;
}

void InputBuffer::keep_front(size_t size) {
  forget(begin_ + size, end_);
  end_ = begin_ + size;
}

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
    forget(std::max(held, begin_), end_);
  } else {
    std::unique_ptr<char[]> larger(new char[needed]);
    if (held) std::memcpy(larger.get(), bytes_.get() + begin_, held);
    forget(begin_, end_);
    bytes_ = std::move(larger);
    capacity_ = needed;
  }
  begin_ = 0;
  end_ = held;
  return {bytes_.get() + end_, capacity_ - end_};
}

void InputBuffer::clear() {
  forget(begin_, end_);
  begin_ = end_ = 0;
  if (capacity_ <= kKeptBytes) return;
  bytes_.reset();
  capacity_ = 0;
}

void Workspace::clear() {
  input.clear();
  clear_secret(output);
  clear_secret(decoded_body);
  output_sent = 0;
  response.reset();
}

}  // namespace watchword::http
