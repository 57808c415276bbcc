// What must hold of observations that were read, whatever they were read from.
#pragma once
#include <string>

#include "api/observe/draft.h"
#include "api/observe/utf8.h"
#include "processors/detectors/observation.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {

inline constexpr int64_t kNowMs = 1'750'000'000'000;  // 2025-06-15

// The bytes that go into the journal.
inline std::string stored(observe::Draft draft) {
  if (draft.principal.is_nil())
    draft.principal = foreign_principal_id(draft.subject, std::string(32, 'k'));
  return observe::finish(draft, v1::FOREIGN, false, false);
}

inline void require_text(std::string_view text, size_t bytes_max) {
  require(text.size() <= bytes_max, "a text within its limit");
  require(observe::is_utf8(text) && text.find('\0') == text.npos, "UTF-8 without NUL");
}

inline void require_draft(const observe::Draft& draft) {
  require(!draft.id.empty() && !draft.source.empty(), "an id and a source");
  require(draft.principal.is_nil() != draft.subject.empty(), "one of principal and subject");
  require(draft.time_ms >= observe::kEarliestMs && draft.time_ms <= kNowMs + observe::kMaxAheadMs,
          "a time that can be");
  require_text(draft.id, observe::kMaxIdBytes);
  require_text(draft.source, observe::kMaxSourceBytes);
  require_text(draft.subject, observe::kMaxSubjectBytes);
  require_text(draft.actor_subject, observe::kMaxSubjectBytes);
  require_text(draft.action, observe::kMaxActionBytes);
  require_text(draft.user_agent, observe::kMaxUserAgentBytes);
  require_text(draft.endpoint, observe::kMaxEndpointBytes);
  require_text(draft.resource, observe::kMaxResourceBytes);
  require_text(draft.scope, observe::kMaxEndpointBytes);
  require_text(draft.client_id, observe::kMaxReferenceBytes);
  require(draft.attributes.size() <= observe::kMaxAttributes, "attributes within their limit");
  for (const auto& [key, value] : draft.attributes) {
    require_text(key, observe::kMaxAttributeKeyBytes);
    require_text(value, observe::kMaxAttributeValueBytes);
  }
  require(draft.count <= observe::kMaxCount, "a count within its limit");
  require(draft.country.empty() && draft.asn == 0, "nothing that only we conclude");
}

// What detectors read of the stored bytes is what was sent.
inline void require_stored(const observe::Draft& draft) {
  const std::string bytes = stored(draft);
  const auto seen = detectors::read_observation(bytes);
  require(seen.ok(), "what is stored can be read");
  require(seen->id == draft.id && seen->source == draft.source && seen->action == draft.action &&
              seen->time_ms == draft.time_ms && seen->outcome == draft.outcome &&
              seen->endpoint == draft.endpoint && seen->resource == draft.resource &&
              seen->scope == draft.scope && seen->token_id == draft.token_id &&
              seen->session_id == draft.session_id && seen->user_agent == draft.user_agent &&
              seen->records == draft.records && seen->response_code == draft.response_code &&
              seen->latency_ms == draft.latency_ms && seen->request_size == draft.request_size &&
              seen->count == std::max<uint64_t>(1, draft.count),
          "what is read is what was sent");
  require(seen->kind == v1::FOREIGN && !seen->authenticated && !seen->imported,
          "nobody raises himself");
  v1::Observation parsed;
  require(parsed.ParseFromString(bytes) && parsed.subject().empty(), "and names no person");
}

inline void require_batch(const observe::Batch& batch) {
  size_t items = 0;
  for (const auto& draft : batch.drafts) {
    require_draft(draft);
    require_stored(draft);
    items = std::max(items, draft.index + 1);
  }
  for (const auto& rejection : batch.rejections) {
    require(!rejection.code.empty() && !rejection.detail.empty(), "a rejection says why");
    require(observe::is_utf8(rejection.detail) && observe::is_utf8(rejection.id),
            "an answer is UTF-8");
    items = std::max(items, rejection.index + 1);
  }
  require(batch.drafts.size() + batch.rejections.size() == items, "each is told of once");
}

inline void require_refusal(const Error& error) {
  require(error.code == Errc::invalid && !error.reason.empty() && observe::is_utf8(error.detail),
          "a refused body says why");
}

}  // namespace watchword::fuzz
