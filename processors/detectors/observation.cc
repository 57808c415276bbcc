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

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_id_segment(std::string_view segment) {
  if (segment.size() < 3) return false;
  if (std::all_of(segment.begin(), segment.end(), is_digit)) return true;
  return segment.size() >= 16 && std::any_of(segment.begin(), segment.end(), is_digit) &&
         std::all_of(segment.begin(), segment.end(), [](char c) { return is_hex(c) || c == '-'; });
}

std::string_view path_of(std::string_view endpoint) {
  return endpoint.substr(0, std::min(endpoint.find_first_of("?#"), kMaxEndpoint));
}

// Three digits in a row, or sixteen of hex: without them there is no id to take out.
bool may_hold_id(std::string_view path) {
  size_t digits = 0;
  for (const char c : path) digits += is_digit(c);
  return digits >= 1 && path.size() >= 3;
}

struct Normalised {
  std::array<char, kMaxEndpoint + 4> text;
  size_t size = 0;
  void append(std::string_view part) {
    const size_t fits = std::min(part.size(), text.size() - size);
    std::memcpy(text.data() + size, part.data(), fits);
    size += fits;
  }
  std::string_view view() const { return {text.data(), size}; }
};

void normalise(std::string_view path, Normalised& out) {
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    out.append(is_id_segment(segment) ? std::string_view("{id}") : segment);
    if (end < path.size()) out.append("/");
    at = end + 1;
  }
}

uint32_t hash_endpoint(std::string_view endpoint) {
  const std::string_view path = path_of(endpoint);
  if (!may_hold_id(path)) return short_hash(path);
  Normalised normalised;
  normalise(path, normalised);
  return short_hash(normalised.view());
}

void hash_features(Seen& seen) {
  seen.event_hash = XXH3_64bits_withSeed(seen.id.data(), seen.id.size(),
                                         XXH3_64bits(seen.source.data(), seen.source.size()));
  seen.network_hash = short_hash(seen.network.substr(0, seen.network.size() == 4 ? 3 : 6));
  seen.agent_hash = hash_agent(seen.user_agent);
  seen.client_hash = short_hash(seen.client_id);
  seen.endpoint_hash = hash_endpoint(seen.endpoint);
  seen.scope_hash = short_hash(seen.scope);
  if (seen.device != 0)
    seen.device_hash = std::max(1u, static_cast<uint32_t>(seen.device ^ seen.device >> 32));
}

std::string_view text(protozero::pbf_reader& reader) {
  const auto view = reader.get_view();
  return {view.data(), view.size()};
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
  switch (reader.tag_and_type()) {
    case bytes_of(1): seen.id = text(reader); break;
    case fixed_of(2): seen.time_ms = static_cast<int64_t>(reader.get_fixed64()); break;
    case bytes_of(3): seen.source = text(reader); break;
    case bytes_of(4): seen.principal = Id::from_view(text(reader)); break;
    case bytes_of(5): seen.token_id = Id::from_view(text(reader)); break;
    case bytes_of(6): seen.session_id = Id::from_view(text(reader)); break;
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
    case bytes_of(21): seen.actor = Id::from_view(text(reader)); break;
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
  return user_agent.substr(begin, user_agent.find_first_of("/ (;", begin) - begin);
}

}  // namespace

Result<Seen> read_observation(std::string_view bytes) {
  Result<Seen> result;
  if (!read_fields(bytes, *result))
    return Error{Errc::invalid, "observation.unreadable", "not the bytes of an Observation"};
  hash_features(*result);
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
  Normalised normalised;
  normalise(path_of(endpoint), normalised);
  return std::string(normalised.view());
}

std::string prefix_text(std::string_view network) {
  const Address address = Address::from_view(network);
  if (!address.known()) return "unknown";
  return address.truncated(address.is_ipv4() ? 24 : 48).text() + (address.is_ipv4() ? "/24" : "/48");
}

}  // namespace watchword::detectors
