// Identities and tokens by the million, as events that the domain's own rules made: one of each
// kind is decided, the others are the same with ids of their own.
#pragma once
#include <boost/json/serialize.hpp>
#include <string>
#include <thread>
#include <vector>

#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"
#include "events/crypto/jwt.h"
#include "events/domain/identity.h"
#include "events/domain/jit_token.h"
#include "events/domain/service_token.h"
#include "tests/bench/bench_node.h"

namespace watchword::bench {

inline constexpr size_t kEventsInACommand = 20;

struct Population {
  std::vector<Id> identities, jit_tokens, service_tokens;
  int64_t issued_at_ms = 0;
  // The token's identity: they are dealt out in turn.
  const Id& identity_of(size_t token) const { return identities[token % identities.size()]; }
};

inline v1::IdentityEvent registration() {
  domain::identity::Register command;
  command.type.set_kind(v1::SERVICE_ACCOUNT);
  command.type.set_name("billing-worker");
  command.type.set_environment("production");
  command.type.set_owner_team("payments");
  command.limits.allowed_scopes = {"invoices:read", "invoices:write"};
  return must(domain::identity::decide(nullptr, command, domain::Rules{})).front();
}

inline v1::IdentityState registered_identity() {
  return domain::identity::evolve({}, v1::Envelope{}, registration());
}

inline v1::JitTokenEvent issue_of_jit_token(int64_t now_ms, std::string_view key_id) {
  domain::jit_token::Issue command;
  command.scopes = {"invoices:read", "invoices:write"};
  command.justification = "nightly invoice run";
  command.key_id = key_id;
  command.address = *Address::parse("10.1.2.3");
  const auto identity = registered_identity();
  return must(domain::jit_token::decide(nullptr, &identity, command, domain::Rules{}, {now_ms}))
      .front();
}

inline v1::ServiceTokenEvent creation_of_service_token(int64_t now_ms,
                                                       std::vector<std::string> permissions) {
  domain::service_token::Create command;
  command.name = "bench";
  command.secret_sha256 = std::string(32, '\0');
  command.permissions = std::move(permissions);
  command.owner = "payments";
  command.permissions_of_caller = {"admin"};
  const auto identity = registered_identity();
  return must(domain::service_token::decide(nullptr, &identity, command, {now_ms})).front();
}

// The n-th secret. Not drawn for its slot, which costs a millisecond: with one partition all slots
// are its own.
inline std::string secret_text(uint64_t number) {
  const auto digest = crypto::sha256("secret " + std::to_string(number));
  return "sk_" + crypto::hex(crypto::view(digest));
}

// `fill` makes the n-th event.
inline void append_each(Node& node, size_t count, std::function<void(size_t, v1::Event&)> fill) {
  node.append([&, next = size_t{0}]() mutable {
    std::vector<v1::Event> events;
    while (events.size() < kEventsInACommand && next < count) fill(next++, events.emplace_back());
    return events;
  });
}

inline void set_subject(v1::Event& event, const Id& subject) {
  event.mutable_envelope()->set_subject(std::string(subject.view()));
}

inline void add_identities(Node& node, Population& out, size_t count) {
  const auto registered = registration();
  const int64_t now_ms = system_clock().wall_ms();
  out.identities.resize(count);
  append_each(node, count, [&](size_t i, v1::Event& event) {
    // Any slot is this partition's; a principal's own is drawn by a thousand hashes.
    out.identities[i] = mint_id(now_ms, static_cast<Slot>(i % kSlots), system_entropy());
    set_subject(event, out.identities[i]);
    *event.mutable_identity() = registered;
  });
}

inline void add_jit_tokens(Node& node, Population& out, size_t count) {
  out.issued_at_ms = system_clock().wall_ms();
  const auto key = node.engine().key_ring().current(crypto::Algorithm::es256, out.issued_at_ms);
  const auto issued = issue_of_jit_token(out.issued_at_ms, key->verify_key.kid());
  out.jit_tokens.resize(count);
  append_each(node, count, [&](size_t i, v1::Event& event) {
    const Id& identity = out.identity_of(i);
    out.jit_tokens[i] = mint_id(out.issued_at_ms, identity.slot(), system_entropy());
    set_subject(event, identity);
    *event.mutable_jit_token() = issued;
    event.mutable_jit_token()->mutable_issued()->set_token_id(std::string(out.jit_tokens[i].view()));
  });
}

// Their texts are secret_text(first), secret_text(first + 1) and so on.
inline void add_service_tokens(Node& node, Population& out, size_t count, uint64_t first,
                               std::vector<std::string> permissions) {
  const int64_t now_ms = system_clock().wall_ms();
  const auto created = creation_of_service_token(now_ms, std::move(permissions));
  out.service_tokens.resize(count);
  append_each(node, count, [&](size_t i, v1::Event& event) {
    const Id& identity = out.identity_of(i);
    out.service_tokens[i] = mint_id(now_ms, identity.slot(), system_entropy());
    set_subject(event, identity);
    auto& fact = *event.mutable_service_token();
    fact = created;
    fact.mutable_created()->set_token_id(std::string(out.service_tokens[i].view()));
    const auto digest = crypto::sha256(secret_text(first + i));
    fact.mutable_created()->set_secret_sha256(std::string(crypto::view(digest)));
  });
}

// One more token, of the first identity; its text.
inline std::string caller_with(Node& node, const Population& people, uint64_t number,
                               std::vector<std::string> permissions) {
  Population one{{people.identities.front()}, {}, {}, 0};
  add_service_tokens(node, one, 1, number, std::move(permissions));
  return secret_text(number);
}

// What the API signs for the n-th token.
inline std::string sign_token(Node& node, const Population& people, size_t i) {
  const auto key = node.engine().key_ring().current(crypto::Algorithm::es256, people.issued_at_ms);
  const std::string identity = people.identity_of(i).text(), issuer = "https://watchword.example";
  const int64_t issued_at_s = people.issued_at_ms / 1'000;
  const auto claims = boost::json::serialize(
      boost::json::object{{"iss", issuer},
                          {"sub", identity},
                          {"aud", issuer},
                          {"exp", issued_at_s + 3'600},
                          {"iat", issued_at_s},
                          {"jti", people.jit_tokens[i].text()},
                          {"client_id", identity},
                          {"scope", "invoices:read invoices:write"}});
  return crypto::sign_jwt(key->key, key->verify_key.kid(), "at+jwt", claims);
}

// All of them, on two threads.
inline std::vector<std::string> sign_tokens(Node& node, const Population& people) {
  std::vector<std::string> texts(people.jit_tokens.size());
  const auto sign_from = [&](size_t first) {
    for (size_t i = first; i < texts.size(); i += 2) texts[i] = sign_token(node, people, i);
  };
  std::thread other(sign_from, 1);
  sign_from(0);
  other.join();
  return texts;
}

}  // namespace watchword::bench
