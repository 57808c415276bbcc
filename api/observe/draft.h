// Outside input read strictly into drafts: everything that a sender may say of an event, checked,
// and nothing else.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/address.h"
#include "events/base/ids.h"
#include "events/base/result.h"
#include "events/base/time.h"
#include "schemas/identity.pb.h"
#include "schemas/observation.pb.h"

namespace watchword::observe {

// Limits in bytes of UTF-8, all inclusive. A user agent is cut to its limit at the start of a
// character; every other text that is longer is refused. No text may hold a NUL. An empty text,
// like null, means absent.
inline constexpr size_t kMaxIdBytes = 256;
inline constexpr size_t kMaxSourceBytes = 256;
inline constexpr size_t kMaxSubjectBytes = 512;    // subject and actor
inline constexpr size_t kMaxReferenceBytes = 256;  // token_id, session_id, device_id, client_id
inline constexpr size_t kMaxActionBytes = 64;
inline constexpr size_t kMaxUserAgentBytes = 256;
inline constexpr size_t kMaxEndpointBytes = 1024;  // endpoint and scope
inline constexpr size_t kMaxResourceBytes = 2048;
inline constexpr size_t kMaxAttributes = 16;
inline constexpr size_t kMaxAttributeKeyBytes = 64;
inline constexpr size_t kMaxAttributeValueBytes = 1024;
inline constexpr uint64_t kMaxCount = 1'000'000;
inline constexpr int64_t kMaxAheadMs = 10 * kMinuteMs;
inline constexpr int64_t kEarliestMs = 946'684'800'000;  // 2000-01-01

struct Attribute {
  std::string_view key, value;
};

// One observation as its sender tells it. Views live as long as the Batch and the body that it was
// read from. Exactly one of `principal` and `subject` is set on reading; for a subject the caller
// derives `principal` (foreign_principal_id) and seals the text before finish(). The same holds for
// `actor` and `actor_subject`, which are both empty when nobody acts for another.
struct Draft {
  size_t index = 0;  // place in the body, from 0
  std::string_view id, source, action, user_agent, client_id, endpoint, resource, scope;
  int64_t time_ms = 0;
  v1::Outcome outcome = v1::OUTCOME_UNSPECIFIED;
  Id principal, actor;
  std::string subject, actor_subject;
  Id token_id, session_id;  // an id of ours, or foreign_reference() of any other text
  Address source_ip;        // whole; finish() keeps what may be kept
  uint64_t device = 0;      // XXH3 of device_id
  uint64_t response_code = 0, request_size = 0, response_size = 0, records = 0, latency_ms = 0;
  uint64_t count = 0;  // how many alike it stands for; 0 is 1
  std::span<const Attribute> attributes;
  std::string_view country;  // concluded by the gateway, never read from outside
  uint32_t asn = 0;
};

// Codes: not_an_object, unknown_field, wrong_type, duplicate_field, missing_field, invalid_value,
// too_long, time_out_of_range, unreadable (an NDJSON line or a Protobuf record that is no such
// thing).
struct Rejection {
  size_t index = 0;
  std::string_view code;
  std::string detail;      // a sentence that names the field; no value of it
  std::string id, source;  // as far as they were read
  // Only of time_out_of_range, for the dead-letter stream: v1::Observation without principal,
  // subject, actor and network.
  std::string original;
};

struct Batch {
  std::vector<Draft> drafts;          // in the order of the body
  std::vector<Rejection> rejections;  // in the order of the body
  bool single = false;                // the body was one object, not a list
  std::unique_ptr<std::pmr::monotonic_buffer_resource> arena;  // texts with escapes, attributes
};

enum class Form : uint8_t { json, ndjson, cloud_event, cloud_events, protobuf };

// By media type, parameters ignored. Empty and curl's default (application/x-www-form-urlencoded)
// are JSON. nullopt: a type that carries no observations (415).
std::optional<Form> form_of(std::string_view content_type);

// Reads a whole body. One bad observation is a rejection and stops no other; only a body that is no
// JSON, NDJSON or Protobuf at all is an error: invalid "observe.json.syntax" (line and column in
// its detail), "observe.json.shape", "observe.protobuf.syntax". Depth at most 32. Thread-safe.
// CloudEvents 1.0: `id`, `source` and `time` of the event stand in where its data has none.
Result<Batch> read(Form form, std::string_view body, int64_t now_ms);

// A stable stand-in for a token or session id of another issuer: 16 bytes that no id of ours can
// equal (no RFC 9562 version).
Id foreign_reference(std::string_view source, std::string_view text);

// v1::Observation bytes, fields in ascending order, networks of people truncated
// (policy::recorded_network), subjects left out.
std::string finish(const Draft& draft, v1::IdentityKind kind, bool authenticated, bool imported);

}  // namespace watchword::observe
