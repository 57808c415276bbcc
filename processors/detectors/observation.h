// An observation read in place: views into its bytes, and the hashed features that baselines count.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "schemas/observation.pb.h"

namespace watchword::detectors {

// Views live as long as the bytes. Hashes are XXH3 of the value, 0: unknown. What they are taken
// of: network: its /24 (IPv4) or /48; agent: family_of(user_agent), lowest bit set unless it is a
// browser; client: client_id; endpoint: normalised_endpoint(); device: the gateway's hash; scope:
// as it stands.
struct Seen {
  std::string_view id, source, action, network, user_agent, client_id, endpoint, resource, scope;
  Id principal, token_id, session_id, actor;
  int64_t time_ms = 0;
  v1::Outcome outcome = v1::OUTCOME_UNSPECIFIED;
  uint64_t device = 0, request_size = 0, response_size = 0, records = 0;
  uint32_t response_code = 0, latency_ms = 0, count = 1, asn = 0;
  uint8_t kind = 0;  // v1::IdentityKind
  bool authenticated = false, imported = false;
  std::string_view country;
  uint64_t event_hash = 0;  // of source and id, for duplicates
  uint32_t network_hash = 0, agent_hash = 0, client_hash = 0, endpoint_hash = 0, device_hash = 0,
           scope_hash = 0;
};

// Fields that it does not know are left out; of a field that stands twice the last one counts.
// Errors: invalid "observation.unreadable" (cut off, wrong wire type, no principal of 16 bytes, odd
// network length, a time before 1970).
Result<Seen> read_observation(std::string_view bytes);

// The principal alone; nil when there is none. For looking ahead.
Id principal_of(std::string_view bytes);

// The product that leads a user agent, without version: "aws-cli/2.1 Python/3" is "aws-cli".
// Browsers all begin with Mozilla; for them the last product (Safari only if Chrome is not named
// too).
std::string_view family_of(std::string_view user_agent);
bool is_browser(std::string_view user_agent);

// The path without query and fragment; segments that are ids (3 digits and more, or 16 and more hex
// digits and hyphens) become "{id}". What stands behind 256 bytes is left out.
std::string normalised_endpoint(std::string_view endpoint);

// "203.0.113.0/24", "2001:db8:1::/48"; "unknown" for none.
std::string prefix_text(std::string_view network);

}  // namespace watchword::detectors
