// Facts and observations for the tests of replay, and a folder full of them.
#pragma once
#include <atomic>
#include <string>
#include <vector>

#include "tests/suites/replay/node.h"

namespace watchword::replay {

// Ids and facts as a gateway would make them.
class Maker {
 public:
  explicit Maker(Clock& clock) : clock_(clock) {}

  Id principal(Slot slot) { return mint_principal_id_in(clock_.wall_ms(), slot, system_entropy()); }
  Id token(const Id& principal) {
    return mint_id(clock_.wall_ms(), principal.slot(), system_entropy());
  }
  v1::Event registered(const std::string& name) const {
    v1::Event event;
    auto& type = *event.mutable_identity()->mutable_registered()->mutable_type();
    type.set_kind(v1::SERVICE_ACCOUNT);
    type.set_name(name);
    type.set_owner_team("payments");
    return event;
  }
  v1::Event suspended(uint64_t generation) const {
    v1::Event event;
    auto& fact = *event.mutable_identity()->mutable_suspended();
    fact.set_reason("for a test");
    fact.set_generation(generation);
    return event;
  }
  v1::Event issued(const Id& token, int64_t lifetime_ms, int64_t remembered_ms = kDayMs) const {
    v1::Event event;
    auto& fact = *event.mutable_jit_token()->mutable_issued();
    fact.set_token_id(std::string(token.view()));
    fact.add_scopes("read");
    fact.set_generation(1);
    fact.set_expires_at_ms(clock_.wall_ms() + lifetime_ms);
    fact.set_forget_at_ms(clock_.wall_ms() + lifetime_ms + remembered_ms);
    return event;
  }
  v1::Event revoked(const Id& token) const {
    v1::Event event;
    auto& fact = *event.mutable_jit_token()->mutable_revoked();
    fact.set_token_id(std::string(token.view()));
    fact.set_reason("for a test");
    return event;
  }
  v1::Event created(const Id& token, const std::string& name) const {
    v1::Event event;
    auto& fact = *event.mutable_service_token()->mutable_created();
    fact.set_token_id(std::string(token.view()));
    fact.set_name(name);
    fact.set_secret_sha256(std::string(16, 'x') + std::string(token.view()));
    fact.add_permissions("api_read");
    fact.set_generation(1);
    return event;
  }
  v1::Event raised(const Id& alert, uint32_t risk) const {
    v1::Event event;
    auto& fact = *event.mutable_alert()->mutable_raised();
    fact.set_alert_id(std::string(alert.view()));
    fact.set_severity(v1::HIGH);
    fact.set_title("odd");
    fact.set_group("GEO");
    fact.set_risk(risk);
    auto& signal = *fact.add_signals();
    signal.set_name("new-network");
    signal.set_share(65'536);
    return event;
  }
  v1::Observation used(const Id& principal, const Id& token = {}) {
    v1::Observation seen;
    static std::atomic<uint64_t> observed{0};
    seen.set_id("event-" + std::to_string(++observed));
    seen.set_time_ms(static_cast<uint64_t>(clock_.wall_ms()));
    seen.set_source("test");
    seen.set_principal(std::string(principal.view()));
    if (!token.is_nil()) seen.set_token_id(std::string(token.view()));
    seen.set_action("token.use");
    seen.set_outcome(v1::SUCCESS);
    seen.set_network(std::string("\x0a\0\x01\x07", 4));
    seen.set_endpoint("/orders");
    seen.set_kind(v1::SERVICE_ACCOUNT);
    return seen;
  }

 private:
  Clock& clock_;
};

// Principals with all that they can have, over several frames and two checkpoints. Ids by partition.
struct Filled {
  std::vector<Id> principals, tokens;
};
inline Filled fill(Node& node, size_t principals = 6) {
  Maker maker(node.clock);
  Filled filled;
  for (size_t i = 0; i < principals; ++i) {
    const Id id = maker.principal(static_cast<Slot>(i));
    const Id token = maker.token(id), service_token = maker.token(id);
    filled.principals.push_back(id);
    filled.tokens.push_back(token);
    node.decide(id, maker.registered("service-" + std::to_string(i)));
    node.decide(id, maker.issued(token, kHourMs));
    node.decide(id, maker.created(service_token, "pipeline-" + std::to_string(i)));
    node.observe(maker.used(id, token));
    if (i == principals / 2)
      for (const uint32_t number : {0u, 1u}) node.checkpoint(number);
    for (int use = 0; use < 5; ++use) node.observe(maker.used(filled.principals[i / 2], filled.tokens[i / 2]));
  }
  node.decide(filled.principals[0], maker.raised(maker.token(filled.principals[0]), 50'000));
  node.decide(filled.principals[1], maker.revoked(filled.tokens[1]));
  node.decide(filled.principals[2], maker.suspended(2));
  for (const uint32_t number : {0u, 1u}) node.checkpoint(number);
  node.observe(maker.used(filled.principals[0]));
  return filled;
}

}  // namespace watchword::replay
