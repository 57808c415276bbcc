#include "api/http/chunked.h"

#include <algorithm>

#include "api/http/characters.h"

namespace watchword::http {

ChunkedDecoder::State ChunkedDecoder::feed(std::string_view& input, std::string& body) {
  while (state_ == State::more && !input.empty()) {
    if (part_ == Part::data) {
      state_ = take_data(input, body);
      continue;
    }
    state_ = take_framing(input.front());
    input.remove_prefix(1);
  }
  return state_;
}

ChunkedDecoder::State ChunkedDecoder::take_data(std::string_view& input, std::string& body) {
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(chunk_, input.size()));
  body.append(input.substr(0, taken));
  input.remove_prefix(taken);
  chunk_ -= taken;
  if (chunk_ == 0) part_ = Part::data_carriage_return;
  return State::more;
}

ChunkedDecoder::State ChunkedDecoder::take_framing(char c) {
  switch (part_) {
    case Part::size: return take_size(c);
    case Part::size_line_feed:
      return expect(c, '\n', chunk_ == 0 ? Part::end : Part::data,
                    "http.chunk.bare_carriage_return");
    case Part::data: break;
    case Part::data_carriage_return:
      return expect(c, '\r', Part::data_line_feed, "http.chunk.longer_than_its_size");
    case Part::data_line_feed:
      return expect(c, '\n', Part::size, "http.chunk.bare_carriage_return");
    case Part::end: return expect(c, '\r', Part::end_line_feed, "http.chunk.trailer_refused");
    case Part::end_line_feed:
      if (c != '\n') return fail("http.chunk.bare_carriage_return");
      return State::done;
  }
  return State::more;
}

ChunkedDecoder::State ChunkedDecoder::take_size(char c) {
  if (c == '\r' && digits_ > 0) {
    digits_ = 0;
    part_ = Part::size_line_feed;
    if (chunk_ > body_bytes_max_) return State::too_large;
    body_bytes_max_ -= chunk_;
    return State::more;
  }
  if (c == ';') return fail("http.chunk.extension_refused");
  const int digit = hex_digit(c);
  if (digit < 0 || digits_ == 8) return fail("http.chunk.bad_size");
  chunk_ = (digits_++ == 0 ? 0 : chunk_ * 16) + static_cast<uint64_t>(digit);
  return State::more;
}

ChunkedDecoder::State ChunkedDecoder::expect(char seen, char wanted, Part next,
                                             std::string_view reason) {
  if (seen != wanted) return fail(reason);
  part_ = next;
  return State::more;
}

ChunkedDecoder::State ChunkedDecoder::fail(std::string_view reason) {
  reason_ = reason;
  return State::malformed;
}

}  // namespace watchword::http
