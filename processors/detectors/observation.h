// An observation read in place: views into its bytes, and the hashed features that baselines count.
#pragma once
#include <cstdint>
#include <string_view>

#include "events/base/ids.h"
#include "events/base/result.h"
#include "schemas/observation.pb.h"

namespace watchword::detectors {

// Views live as long as the bytes. Hashes are XXH3 of the value, 0: unknown.
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
  uint32_t network_hash = 0, agent_hash = 0, client_hash = 0, endpoint_hash = 0, device_hash = 0, scope_hash = 0;
};

// Errors: invalid "observation.unreadable".
Result<Seen> read_observation(std::string_view bytes);

}  // namespace watchword::detectors
