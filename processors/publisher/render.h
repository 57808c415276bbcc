// Rows and facts as the JSON of the HTTP contract: one place for API answers and public topics. Times RFC 3339; ids as text.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <string>

#include "events/base/ids.h"
#include "processors/detectors/baseline.h"
#include "processors/fold/rows.h"
#include "schemas/frame.pb.h"

namespace watchword::publisher {

// Opens what is sealed for a person; nullopt: its key is gone, it was erased.
using Opener = std::function<std::optional<std::string>(const Id& principal, const v1::Sealed&)>;

// What stands beside an identity's row.
struct IdentityMore {
  uint32_t risk = 0;  // 1/65536
  bool baseline_established = false;  // as the settings of learning have it
};

boost::json::object render(const v1::IdentityState& row, const IdentityMore& more, const Opener& open);
// `status` is the one that holds now; `usage` may be null.
boost::json::object render(const v1::JitTokenState& row, v1::TokenStatus status, const fold::Usage* usage);
boost::json::object render_usage(const v1::JitTokenState& row, const fold::Usage* usage);
boost::json::object render(const v1::ServiceTokenState& row, v1::TokenStatus status);
boost::json::object render(const v1::AlertState& row);
// One event of a timeline, an audit list or a public topic: type, subject, what happened.
boost::json::object render(const v1::Event& event, const Position& position, uint32_t index);
// An observation of a timeline.
boost::json::object render_observation(std::string_view bytes, uint32_t conclusion,
                                       std::string_view signals, const Position& position,
                                       uint32_t index);

// "<partition>-<seq>-<index>": the same however often it is published.
std::string event_id(const Position& position, uint32_t index);
double risk_of(uint32_t parts);  // 1/65536 → 0..1
std::string_view name_of(v1::TokenStatus status);
std::string_view name_of(v1::IdentityStatus status);
std::string_view name_of(v1::IdentityKind kind);  // ServiceAccount, AIAgent, ApiKey, Human, Foreign
std::string_view name_of(v1::Severity severity);
std::string_view name_of(v1::AlertStatus status);
std::string_view name_of(v1::Verdict verdict);
std::string_view name_of(v1::Outcome outcome);
// "10.0.1.7", "10.0.1.0/24" of a person; empty for none.
std::string network_text(std::string_view bytes);
// RFC 3339, or null for 0: never.
boost::json::value time_or_null(int64_t at_ms);
// The dotted name of a fact: "jit_token.issued", "identity.suspended".
std::string type_of(const v1::Event& event);

}  // namespace watchword::publisher
