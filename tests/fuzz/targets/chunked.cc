// The chunked transfer coding. Input: a byte that says in what pieces it arrives, then the coded
// body and what comes behind it.
#include "api/http/chunked.h"

#include <algorithm>
#include <optional>

#include "api/http/characters.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {
namespace {

using State = http::ChunkedDecoder::State;

constexpr uint64_t kBodyMax = 1000;

struct Decoded {
  State state = State::more;
  std::string body, rest;
};

Decoded decoded(std::string_view coded, size_t piece) {
  Decoded out;
  http::ChunkedDecoder decoder(kBodyMax);
  while (!coded.empty() && out.state == State::more) {
    auto arrived = coded.substr(0, piece);
    coded.remove_prefix(arrived.size());
    const size_t bytes = arrived.size();
    out.state = decoder.feed(arrived, out.body);
    require(arrived.size() <= bytes, "cut from the front");
    out.rest = arrived;
  }
  out.rest.append(coded);
  require((out.state == State::malformed) == !decoder.reason().empty(), "a reason for malformed");
  return out;
}

// RFC 9112 7.1 without extensions and trailers, as slowly as it reads: nullopt for anything else or
// an unfinished body.
std::optional<Decoded> by_the_book(std::string_view coded) {
  Decoded out;
  for (;;) {
    const size_t line = coded.find("\r\n");
    if (line == coded.npos || line == 0 || line > 8) return std::nullopt;
    size_t bytes = 0;
    for (const char c : coded.substr(0, line)) {
      if (http::hex_digit(c) < 0) return std::nullopt;
      bytes = bytes * 16 + static_cast<size_t>(http::hex_digit(c));
    }
    coded.remove_prefix(line + 2);
    if (out.body.size() + bytes > kBodyMax || coded.size() < bytes + 2) return std::nullopt;
    if (coded.substr(bytes, 2) != "\r\n") return std::nullopt;
    out.body.append(coded.substr(0, bytes));
    coded.remove_prefix(bytes + 2);
    if (bytes == 0) break;
  }
  out.rest = coded;
  return out;
}

void run(std::string_view input) {
  Pieces pieces(input);
  const size_t piece = 1 + pieces.byte() % 64;
  const auto whole = decoded(pieces.rest(), std::max<size_t>(1, pieces.rest().size()));
  const auto parts = decoded(pieces.rest(), piece);
  require(whole.state == parts.state && whole.body == parts.body && whole.rest == parts.rest,
          "the same however it arrives");
  require(whole.body.size() <= kBodyMax, "never more than was allowed");
  const auto expected = by_the_book(pieces.rest());
  require(expected.has_value() == (whole.state == State::done), "done when the book says so");
  if (expected)
    require(expected->body == whole.body && expected->rest == whole.rest, "what the book says");
}

const Registered kTarget{{"chunked", run}};

}  // namespace
}  // namespace watchword::fuzz
