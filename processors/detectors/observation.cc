#include "processors/detectors/observation.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <protozero/pbf_reader.hpp>

#include "events/base/address.h"

namespace watchword::detectors {
namespace {

using protozero::pbf_wire_type;

constexpr size_t kMaxEndpoint = 256;

// Zero says "unknown", so no value may hash to it.
uint32_t short_hash(std::string_view value) {
  if (value.empty()) return 0;
  const auto hash = static_cast<uint32_t>(XXH3_64bits(value.data(), value.size()));
  return hash == 0 ? 1 : hash;
}

uint32_t hash_agent(std::string_view user_agent) {
  if (user_agent.empty()) return 0;
  const uint32_t hash = short_hash(family_of(user_agent)) & ~1u;
  return (hash == 0 ? 2 : hash) | (is_browser(user_agent) ? 0u : 1u);
}

// std::string_view::find_first_of calls memchr for each character: ten times slower on short text.
template <class Stops>
std::string_view until(std::string_view text, Stops stops) {
  size_t end = 0;
  while (end < text.size() && !stops(text[end])) ++end;
  return text.substr(0, end);
}

enum Class : uint8_t { kDigit = 1, kHexOrHyphen = 2, kBoundary = 4 };
constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> out{};
  for (char c = '0'; c <= '9'; ++c) out[static_cast<size_t>(c)] = kDigit | kHexOrHyphen;
  for (char c = 'a'; c <= 'f'; ++c) out[static_cast<size_t>(c)] = kHexOrHyphen;
  for (char c = 'A'; c <= 'F'; ++c) out[static_cast<size_t>(c)] = kHexOrHyphen;
  out['-'] = kHexOrHyphen;
  for (const char c : {'/', '?', '#'}) out[static_cast<size_t>(c)] = kBoundary;
  return out;
}();

// One pass: writes the path, and takes a segment back when its end shows that it is an id.
class Normaliser {
 public:
  explicit Normaliser(std::string_view endpoint) {
    for (const char c : endpoint.substr(0, kMaxEndpoint)) {
      const uint8_t is = kClasses[static_cast<uint8_t>(c)];
      if (is == kBoundary) {
        end_segment();
        if (c != '/') return;
        begin_ = size_ + 1;
        all_ = kDigit | kHexOrHyphen;
        any_ = 0;
      } else {
        all_ &= is;
        any_ |= is;
      }
      text_[size_++] = c;
    }
    end_segment();
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  void end_segment() {
    const size_t length = size_ - begin_;
    const bool is_number = length >= 3 && (all_ & kDigit) != 0;
    const bool is_hex = length >= 16 && (all_ & kHexOrHyphen) != 0 && (any_ & kDigit) != 0;
    if (!is_number && !is_hex) return;
    std::memcpy(text_.data() + begin_, "{id}", 4);
    size_ = begin_ + 4;
  }
  std::array<char, kMaxEndpoint * 5 / 4 + 4> text_;  // of three digits it makes four characters
  size_t size_ = 0, begin_ = 0;
  uint8_t all_ = kDigit | kHexOrHyphen, any_ = 0;
};

void hash_features(Seen& seen) {
  seen.event_hash = XXH3_64bits_withSeed(seen.id.data(), seen.id.size(),
                                         XXH3_64bits(seen.source.data(), seen.source.size()));
  seen.network_hash = short_hash(seen.network.substr(0, seen.network.size() == 4 ? 3 : 6));
  seen.agent_hash = hash_agent(seen.user_agent);
  seen.client_hash = short_hash(seen.client_id);
  seen.endpoint_hash = short_hash(Normaliser(seen.endpoint).view());
  seen.scope_hash = short_hash(seen.scope);
  if (seen.device != 0)
    seen.device_hash = std::max(1u, static_cast<uint32_t>(seen.device ^ seen.device >> 32));
}

std::string_view text(protozero::pbf_reader& reader) {
  const auto view = reader.get_view();
  return {view.data(), view.size()};
}

void take_id(protozero::pbf_reader& reader, Id& id) {
  const auto view = reader.get_view();
  if (view.size() == sizeof id.bytes)
    std::memcpy(id.bytes.data(), view.data(), sizeof id.bytes);
  else
    id = {};
}

// Tag and wire type are matched together: a field of the wrong type is no field of ours.
constexpr uint32_t bytes_of(uint32_t field) {
  return protozero::tag_and_type(field, pbf_wire_type::length_delimited);
}
constexpr uint32_t varint_of(uint32_t field) {
  return protozero::tag_and_type(field, pbf_wire_type::varint);
}
constexpr uint32_t fixed_of(uint32_t field) {
  return protozero::tag_and_type(field, pbf_wire_type::fixed64);
}
constexpr uint32_t kKnownFields = 28;

// False: a field that we know, with another wire type than its own.
bool take_field(protozero::pbf_reader& reader, Seen& seen) {
  // clang-format off
  switch (reader.tag_and_type()) {
    case bytes_of(1): seen.id = text(reader); break;
    case fixed_of(2): seen.time_ms = static_cast<int64_t>(reader.get_fixed64()); break;
    case bytes_of(3): seen.source = text(reader); break;
    case bytes_of(4): take_id(reader, seen.principal); break;
    case bytes_of(5): take_id(reader, seen.token_id); break;
    case bytes_of(6): take_id(reader, seen.session_id); break;
    case bytes_of(7): seen.action = text(reader); break;
    case varint_of(8): seen.outcome = static_cast<v1::Outcome>(reader.get_uint32() & 3); break;
    case bytes_of(9): seen.network = text(reader); break;
    case bytes_of(10): seen.user_agent = text(reader); break;
    case fixed_of(11): seen.device = reader.get_fixed64(); break;
    case bytes_of(12): seen.client_id = text(reader); break;
    case bytes_of(13): seen.endpoint = text(reader); break;
    case bytes_of(14): seen.resource = text(reader); break;
    case bytes_of(15): seen.scope = text(reader); break;
    case varint_of(16): seen.response_code = reader.get_uint32(); break;
    case varint_of(17): seen.request_size = reader.get_uint64(); break;
    case varint_of(18): seen.response_size = reader.get_uint64(); break;
    case varint_of(19): seen.records = reader.get_uint64(); break;
    case varint_of(20): seen.latency_ms = reader.get_uint32(); break;
    case bytes_of(21): take_id(reader, seen.actor); break;
    case bytes_of(22): reader.skip(); break;
    case varint_of(23): seen.count = std::max(1u, reader.get_uint32()); break;
    case varint_of(24): seen.kind = static_cast<uint8_t>(reader.get_uint32()); break;
    case varint_of(25): seen.authenticated = reader.get_bool(); break;
    case varint_of(26): seen.imported = reader.get_bool(); break;
    case bytes_of(27): seen.country = text(reader); break;
    case varint_of(28): seen.asn = reader.get_uint32(); break;
    default:
      if (reader.tag() <= kKnownFields) return false;
      reader.skip();
  }
  // clang-format on
  return true;
}

bool read_fields(std::string_view bytes, Seen& seen) {
  try {
    protozero::pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next())
      if (!take_field(reader, seen)) return false;
  } catch (const protozero::exception&) {
    return false;
  }
  const size_t network = seen.network.size();
  return seen.time_ms >= 0 && !seen.principal.is_nil() &&
         (network == 0 || network == 4 || network == 16);
}

std::string_view product_at(std::string_view user_agent, size_t begin) {
  return until(user_agent.substr(begin),
               [](char c) { return c == '/' || c == ' ' || c == '(' || c == ';'; });
}

}  // namespace

Result<Seen> read_observation(std::string_view bytes) {
  Result<Seen> result;  // the one value returned, so that it is built in its place
  if (read_fields(bytes, *result))
    hash_features(*result);
  else
    result = Error{Errc::invalid, "observation.unreadable", "not the bytes of an Observation"};
  return result;
}

bool is_browser(std::string_view user_agent) { return user_agent.starts_with("Mozilla/"); }

std::string_view family_of(std::string_view user_agent) {
  if (!is_browser(user_agent)) return product_at(user_agent, 0);
  const size_t space = user_agent.rfind(' ');
  if (space == std::string_view::npos) return "Mozilla";
  const std::string_view last = product_at(user_agent, space + 1);
  if (last != "Safari") return last.empty() ? "Mozilla" : last;
  return user_agent.find("Chrome/") != std::string_view::npos ? "Chrome" : last;
}

std::string normalised_endpoint(std::string_view endpoint) {
  return std::string(Normaliser(endpoint).view());
}

std::string prefix_text(std::string_view network) {
  const Address address = Address::from_view(network);
  if (!address.known()) return "unknown";
  return address.truncated(address.is_ipv4() ? 24 : 48).text() +
         (address.is_ipv4() ? "/24" : "/48");
}

Id principal_of(std::string_view bytes) {
  protozero::pbf_reader fields(bytes.data(), bytes.size());
  try {
    if (!fields.next(v1::Observation::kPrincipalFieldNumber)) return {};
    const auto raw = fields.get_view();
    return Id::from_view({raw.data(), raw.size()});
  } catch (const protozero::exception&) {
    return {};  // whoever reads it will say so
  }
}

}  // namespace watchword::detectors
