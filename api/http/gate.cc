#include "api/http/gate.h"

#include <algorithm>

#include "api/http/characters.h"

namespace watchword::http {
namespace {

using std::string_view;

constexpr std::array<string_view, static_cast<size_t>(Known::count_)> kKnownNames{
    "",
    "host",
    "authorization",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "expect",
    "trailer",
    "upgrade",
    "user-agent",
    "accept",
    "cookie",
    "origin",
    "idempotency-key",
    "watchword-position",
    "cf-ray",
    "traceparent",
    "last-event-id",
    "x-forwarded-for",
    "x-forwarded-method",
    "x-forwarded-uri"};

constexpr size_t kBuckets = 128;

// A name's bucket from its length and two characters; the multipliers are searched below so that no
// two known names share one.
constexpr size_t bucket_of(string_view name, size_t a, size_t b) {
  return (name.size() * a + static_cast<size_t>(name.front() | 0x20) * b +
          static_cast<size_t>(name.back() | 0x20)) %
         kBuckets;
}

struct KnownTable {
  size_t a = 0, b = 0;
  std::array<Known, kBuckets> bucket{};
};

constexpr bool filled(KnownTable& table) {
  table.bucket.fill(Known::none);
  for (size_t i = 1; i < kKnownNames.size(); ++i) {
    Known& place = table.bucket[bucket_of(kKnownNames[i], table.a, table.b)];
    if (place != Known::none) return false;
    place = static_cast<Known>(i);
  }
  return true;
}

constexpr KnownTable searched() {
  KnownTable table;
  for (table.a = 1; table.a < kBuckets; ++table.a)
    for (table.b = 1; table.b < kBuckets; ++table.b)
      if (filled(table)) return table;
  return {};
}
constexpr KnownTable kKnownTable = searched();
static_assert(kKnownTable.a != 0, "no multipliers separate the known names");

Known known_of(string_view name) {
  const Known known = kKnownTable.bucket[bucket_of(name, kKnownTable.a, kKnownTable.b)];
  return known != Known::none && equals_ignoring_case(name, kKnownNames[static_cast<size_t>(known)])
             ? known
             : Known::none;
}

constexpr bool may_repeat(Known known) {
  return known == Known::none || known == Known::connection || known == Known::accept ||
         known == Known::cookie || known == Known::x_forwarded_for;
}

struct Method {
  string_view text;
  Verb verb;
};
constexpr std::array kMethods{Method{"GET", Verb::get},        Method{"POST", Verb::post},
                              Method{"HEAD", Verb::head},      Method{"PUT", Verb::put},
                              Method{"PATCH", Verb::patch},    Method{"DELETE", Verb::del},
                              Method{"OPTIONS", Verb::options}};

constexpr size_t kMethodBytesMax = 32;
constexpr size_t kNameBytesMax = 256;

string_view trimmed(string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_dot_segment(string_view segment) {
  size_t dots = 0;
  while (!segment.empty()) {
    const bool escaped =
        segment.size() >= 3 && segment[0] == '%' && segment[1] == '2' && lower(segment[2]) == 'e';
    if (!escaped && segment.front() != '.') return false;
    segment.remove_prefix(escaped ? 3 : 1);
    ++dots;
  }
  return dots == 1 || dots == 2;
}

// RFC 3986 6.2.2.3: a client removes dot segments; one that arrives is meant for another reader of
// the path.
bool has_dot_segment(string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    if (is_dot_segment(path.substr(0, end))) return true;
    path.remove_prefix(end);
  }
  return false;
}

bool has_bad_escape(string_view text) {
  for (size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 3)) {
    if (text.size() - at < 3) return true;
    const int high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
    if (high < 0 || low < 0 || high + low == 0) return true;
  }
  return false;
}

class Inspector {
 public:
  Inspector(string_view block, const GateLimits& limits, Head& head)
      : block_(block), limits_(limits), head_(head) {}

  GateVerdict run() {
    if (block_.size() > std::min(limits_.block_bytes_max, kBlockBytesLimit))
      return {431, "http.head.too_large"};
    if (!block_.ends_with("\r\n\r\n")) return {400, "http.head.incomplete"};
    reset();
    if (auto refused = request_line(); !refused.accepted()) return refused;
    while (at_ + 2 < block_.size())
      if (auto refused = field(); !refused.accepted()) return refused;
    return framing();
  }

 private:
  void reset() {
    head_.block = block_;
    head_.field_count = 0;
    head_.first.fill(0);
    head_.body = Head::Body::none;
    head_.content_length = 0;
    head_.expects_continue = false;
  }

  GateVerdict request_line() {
    const size_t end = block_.find("\r\n");
    const string_view line = block_.substr(0, end);
    at_ = end + 2;
    const size_t space = line.find(' ');
    const size_t last = line.rfind(' ');
    if (space == line.npos || space == last) return {400, "http.request_line.malformed"};
    if (auto refused = method(line.substr(0, space)); !refused.accepted()) return refused;
    if (auto refused = version(line.substr(last + 1)); !refused.accepted()) return refused;
    return target(line.substr(space + 1, last - space - 1));
  }

  GateVerdict method(string_view text) {
    if (text.empty() || text.size() > kMethodBytesMax || !all_in(kToken, text))
      return {400, "http.method.malformed"};
    head_.method = text;
    head_.verb = Verb::other;
    for (const auto& known : kMethods)
      if (known.text == text) head_.verb = known.verb;
    // CONNECT is for proxies, and TRACE shows headers to whoever can script a client.
    if (text == "CONNECT" || text == "TRACE") return {501, "http.method.not_served"};
    return {};
  }

  GateVerdict version(string_view text) {
    const bool shaped = text.size() == 8 && text.starts_with("HTTP/") && text[5] >= '0' &&
                        text[5] <= '9' && text[6] == '.' && text[7] >= '0' && text[7] <= '9';
    if (!shaped) return {400, "http.version.malformed"};
    if (text[5] != '1' || text[7] > '1') return {505, "http.version.not_served"};
    head_.minor_one = head_.keep_alive = text[7] == '1';
    return {};
  }

  GateVerdict target(string_view text) {
    if (text.size() > limits_.target_bytes_max) return {414, "http.target.too_long"};
    head_.target = head_.path = text;
    head_.query = {};
    if (text == "*" && head_.verb == Verb::options) return {};
    if (text.empty() || text.front() != '/') return {400, "http.target.not_origin_form"};
    if (!all_in(kTarget, text)) return {400, "http.target.bad_character"};
    if (has_bad_escape(text)) return {400, "http.target.bad_escape"};
    if (const size_t mark = text.find('?'); mark != text.npos) {
      head_.path = text.substr(0, mark);
      head_.query = text.substr(mark + 1);
    }
    if (has_dot_segment(head_.path)) return {400, "http.target.dot_segment"};
    return {};
  }

  GateVerdict field() {
    const size_t name_at = at_;
    while (is_in(kToken, block_[at_])) ++at_;
    if (block_[at_] != ':' || at_ == name_at) return bad_name(name_at);
    const string_view name = block_.substr(name_at, at_ - name_at);
    if (name.size() > kNameBytesMax) return {431, "http.header.name_too_long"};
    const size_t value_at = ++at_;
    if (!find_line_end()) return {400, "http.header.control_character"};
    const string_view value = trimmed(block_.substr(value_at, at_ - value_at));
    at_ += 2;
    return remember(name, value);
  }

  GateVerdict bad_name(size_t name_at) const {
    const char stopped = block_[at_];
    if (at_ == name_at && (stopped == ' ' || stopped == '\t')) return {400, "http.header.folded"};
    if (stopped == ' ' || stopped == '\t') return {400, "http.header.space_before_colon"};
    return {400, "http.header.bad_name"};
  }

  // Leaves at_ on the CR of the line's CR LF; false when another control character but HTAB comes
  // first.
  bool find_line_end() {
    const char* const end = block_.data() + block_.size();
    const char* found = find_control(block_.data() + at_, end);
    while (found != end && *found == '\t') found = find_control(found + 1, end);
    at_ = static_cast<size_t>(found - block_.data());
    return end - found >= 2 && found[0] == '\r' && found[1] == '\n';
  }

  GateVerdict remember(string_view name, string_view value) {
    if (head_.field_count >= std::min(limits_.headers_max, kHeadersLimit))
      return {431, "http.header.too_many"};
    const Known known = known_of(name);
    head_.fields[head_.field_count++] = {offset(name), static_cast<uint16_t>(name.size()),
                                         offset(value), static_cast<uint16_t>(value.size()), known};
    if (known == Known::none) return {};
    uint8_t& first = head_.first[static_cast<size_t>(known)];
    if (first != 0 && !may_repeat(known)) return {400, "http.header.repeated"};
    if (first == 0) first = static_cast<uint8_t>(head_.field_count);
    if (known == Known::connection) connection(value);
    return {};
  }

  uint16_t offset(string_view part) const {
    return static_cast<uint16_t>(part.data() - block_.data());
  }

  // RFC 9112 9.3: `close` wins; `keep-alive` matters to 1.0 alone.
  void connection(string_view value) {
    while (!value.empty()) {
      const size_t end = std::min(value.find(','), value.size());
      const string_view option = trimmed(value.substr(0, end));
      if (equals_ignoring_case(option, "close")) closing_ = true;
      if (equals_ignoring_case(option, "keep-alive")) head_.keep_alive = true;
      value.remove_prefix(std::min(end + 1, value.size()));
    }
  }

  GateVerdict framing() {
    if (closing_) head_.keep_alive = false;
    if (auto refused = host(); !refused.accepted()) return refused;
    if (head_.find(Known::trailer)) return {400, "http.trailer.refused"};
    const auto coding = head_.find(Known::transfer_encoding);
    const auto length = head_.find(Known::content_length);
    if (coding && length) return {400, "http.length.two_ways"};
    if (coding)
      if (auto refused = transfer_coding(*coding); !refused.accepted()) return refused;
    if (length)
      if (auto refused = content_length(*length); !refused.accepted()) return refused;
    return expectation();
  }

  GateVerdict host() const {
    const auto host = head_.find(Known::host);
    if (!host && head_.minor_one) return {400, "http.host.missing"};
    if (host && (host->empty() || !all_in(kAuthority, *host))) return {400, "http.host.malformed"};
    return {};
  }

  GateVerdict transfer_coding(string_view value) {
    if (!head_.minor_one) return {400, "http.transfer_encoding.http_1_0"};
    if (equals_ignoring_case(value, "chunked")) {
      head_.body = Head::Body::chunked;
      return {};
    }
    // RFC 9112 6.1: 501 when the framing is understood and only the coding is not; anything else is
    // ambiguous.
    const size_t comma = value.rfind(',');
    const bool framed =
        comma != value.npos && equals_ignoring_case(trimmed(value.substr(comma + 1)), "chunked");
    const string_view others = framed ? value.substr(0, comma) : string_view();
    if (framed && !others.empty() && all_in(kToken, others) &&
        !equals_ignoring_case(others, "chunked"))
      return {501, "http.transfer_encoding.not_served"};
    return {400, "http.transfer_encoding.malformed"};
  }

  GateVerdict content_length(string_view value) {
    if (value.empty() || value.size() > 19) return {400, "http.content_length.malformed"};
    uint64_t length = 0;
    for (const char c : value) {
      if (c < '0' || c > '9') return {400, "http.content_length.malformed"};
      length = length * 10 + static_cast<uint64_t>(c - '0');
    }
    if (length > limits_.body_bytes_max) return {413, "http.body.too_large"};
    head_.content_length = length;
    head_.body = length ? Head::Body::length : Head::Body::none;
    return {};
  }

  GateVerdict expectation() {
    const auto expect = head_.find(Known::expect);
    if (!expect || !head_.minor_one) return {};
    if (!equals_ignoring_case(*expect, "100-continue")) return {417, "http.expect.not_served"};
    head_.expects_continue = head_.body != Head::Body::none;
    return {};
  }

  string_view block_;
  const GateLimits& limits_;
  Head& head_;
  size_t at_ = 0;
  bool closing_ = false;
};

}  // namespace

std::string_view verb_text(Verb verb) {
  for (const auto& known : kMethods)
    if (known.verb == verb) return known.text;
  return {};
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::optional<std::string_view> Head::find(Known known) const {
  const uint8_t place = first[static_cast<size_t>(known)];
  if (place == 0) return {};
  return value(fields[place - 1u]);
}

std::optional<std::string_view> Head::find(std::string_view wanted) const {
  for (size_t i = 0; i < field_count; ++i)
    if (equals_ignoring_case(name(fields[i]), wanted)) return value(fields[i]);
  return {};
}

size_t block_length(std::string_view bytes) {
  const size_t at = bytes.find("\r\n\r\n");
  return at == bytes.npos ? 0 : at + 4;
}

GateVerdict inspect(std::string_view block, const GateLimits& limits, Head& head) {
  return Inspector(block, limits, head).run();
}

GateVerdict inspect_partial(std::string_view bytes, const GateLimits& limits) {
  size_t lines = 0;
  for (size_t at = bytes.find('\n'); at != bytes.npos; at = bytes.find('\n', at + 1), ++lines)
    if (at == 0 || bytes[at - 1] != '\r') return {400, "http.head.bare_line_feed"};
  if (bytes.find('\0') != bytes.npos) return {400, "http.head.nul"};
  if (lines == 0 && bytes.size() > limits.target_bytes_max + 64)
    return {414, "http.target.too_long"};
  if (bytes.size() >= limits.block_bytes_max) return {431, "http.head.too_large"};
  return {};
}

}  // namespace watchword::http
