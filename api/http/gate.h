// The strict gate: reads the raw header block of one request and refuses whatever two readers could
// understand in two ways. It is the only reader of header bytes (RFC 9112, RFC 9110); what passes
// has one length, one host and one credential. Stricter than the RFCs where they leave a choice: no
// bare LF, no obs-fold (9112 5.2), no list or repetition in Content-Length (9112 6.3 rule 5), no
// transfer coding but `chunked` (6.1), no trailers (6.5.1), no absolute or authority form, no dot
// segments. Pure, allocates nothing, one pass over the block.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace watchword::http {

enum class Verb : uint8_t {
  get,
  head,
  post,
  put,
  patch,
  del,
  options,
  other,  // any other well-formed method; only a route for every verb serves it
  any,    // in route tables alone: matches each of the above
};
std::string_view verb_text(Verb verb);  // "DELETE"; "" for other and any

// Headers that have a meaning here. All but connection, accept, cookie and x_forwarded_for may
// stand only once.
enum class Known : uint8_t {
  none,
  host,
  authorization,
  content_length,
  content_type,
  transfer_encoding,
  connection,
  expect,
  trailer,
  upgrade,
  user_agent,
  accept,
  cookie,
  origin,
  idempotency_key,
  watchword_position,
  cf_ray,
  traceparent,
  last_event_id,
  x_forwarded_for,
  x_forwarded_method,
  x_forwarded_uri,
  count_,
};

struct GateLimits {
  size_t block_bytes_max = 16 * 1024;    // 431
  size_t target_bytes_max = 8 * 1024;    // 414
  size_t headers_max = 100;              // 431
  uint64_t body_bytes_max = UINT64_MAX;  // 413, by Content-Length
};

inline constexpr size_t kBlockBytesLimit = 64 * 1024 - 1;  // block_bytes_max may not be set higher
inline constexpr size_t kHeadersLimit = 128;               // nor headers_max

// What an accepted block says. The views point into the block.
struct Head {
  struct Field {
    uint16_t name_at = 0, name_size = 0, value_at = 0,
             value_size = 0;  // value without the space around it
    Known known = Known::none;
  };
  enum class Body : uint8_t { none, length, chunked };

  Verb verb = Verb::other;
  Body body = Body::none;
  bool minor_one = true;          // HTTP/1.1, else 1.0
  bool keep_alive = true;         // RFC 9112 9.3
  bool expects_continue = false;  // RFC 9110 10.1.1; never on 1.0
  uint64_t content_length = 0;
  std::string_view block, method, target, path, query;  // query without its '?'
  uint16_t field_count = 0;
  std::array<Field, kHeadersLimit> fields;
  std::array<uint8_t, static_cast<size_t>(Known::count_)>
      first;  // index + 1 of a known field, 0 for absent

  std::string_view name(const Field& field) const {
    return block.substr(field.name_at, field.name_size);
  }
  std::string_view value(const Field& field) const {
    return block.substr(field.value_at, field.value_size);
  }
  std::optional<std::string_view> find(Known known) const;
  std::optional<std::string_view> find(
      std::string_view name) const;  // first of that name, ASCII case ignored
};

// status 0 says accepted; else what to answer (400 413 414 417 431 501 505) and the reason, in
// static storage.
struct GateVerdict {
  uint16_t status = 0;
  std::string_view reason;
  bool accepted() const { return status == 0; }
};

// `block` ends with the empty line (CR LF CR LF). `head` is overwritten; its content counts only
// when accepted.
GateVerdict inspect(std::string_view block, const GateLimits& limits, Head& head);

// Length of the header block at the start of `bytes`, the empty line included; 0 while it is not
// complete.
size_t block_length(std::string_view bytes);

// Whether an incomplete block can be refused already (a bare LF or a NUL in it, too long): the
// answer is given before more is read.
GateVerdict inspect_partial(std::string_view bytes, const GateLimits& limits);

bool equals_ignoring_case(std::string_view left, std::string_view right);  // ASCII

}  // namespace watchword::http
