// The chunked transfer coding (RFC 9112 7.1), read strictly: sizes are 1 to 8 hex digits, nothing
// but CR LF after them. Chunk extensions and trailer fields are refused: no client here needs them,
// and proxies disagree about both.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace watchword::http {

class ChunkedDecoder {
 public:
  enum class State : uint8_t { more, done, malformed, too_large };

  explicit ChunkedDecoder(uint64_t body_bytes_max = UINT64_MAX) : body_bytes_max_(body_bytes_max) {}

  // Appends the decoded bytes to `body` and cuts what was read from the front of `input`; after
  // done, the rest of `input` is the next request. malformed and too_large are final.
  State feed(std::string_view& input, std::string& body);
  // Why it is malformed, in static storage.
  std::string_view reason() const { return reason_; }

 private:
  enum class Part : uint8_t {
    size,
    size_line_feed,
    data,
    data_carriage_return,
    data_line_feed,
    end,
    end_line_feed
  };

  State take_data(std::string_view& input, std::string& body);
  State take_framing(char c);
  State take_size(char c);
  State expect(char seen, char wanted, Part next, std::string_view reason);
  State fail(std::string_view reason);

  uint64_t body_bytes_max_;
  uint64_t chunk_ = 0;  // bytes of the current chunk still to come
  uint8_t digits_ = 0;
  Part part_ = Part::size;
  State state_ = State::more;
  std::string_view reason_;
};

}  // namespace watchword::http
