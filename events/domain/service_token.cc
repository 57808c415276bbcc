#include "events/domain/service_token.h"

#include <algorithm>

#include "events/base/time.h"
#include "events/domain/identity.h"
#include "events/domain/permissions.h"
#include "events/domain/text.h"

namespace watchword::domain::service_token {
namespace {

constexpr std::string_view kSecretPrefix = "sk_";
constexpr size_t kSecretDigits = 64;

Result<> check_identity(const v1::IdentityState* identity, const Create& command) {
  if (!command.for_identity && identity == nullptr) return {};
  if (identity == nullptr) {
    return Error{Errc::not_found, "token.service.create.identity_unknown", {}};
  }
  if (identity->status() != v1::IDENTITY_ACTIVE) {
    return Error{Errc::denied, "token.service.create.identity_not_active", {}};
  }
  return {};
}

Result<> check_permissions(const Create& command) {
  const auto& wanted = command.permissions;
  if (wanted.empty()) {
    return Error{Errc::invalid, "token.service.create.permissions_missing", "name at least one"};
  }
  for (auto one = wanted.begin(); one != wanted.end(); ++one) {
    if (!is_permission(*one)) {
      return Error{Errc::invalid, "token.service.create.permission_unknown", one->substr(0, 64)};
    }
    if (std::find(wanted.begin(), one, *one) != one) {
      return Error{Errc::invalid, "token.service.create.permission_repeated", *one};
    }
    if (!permits(command.permissions_of_caller, *one)) {
      return Error{Errc::denied, "token.service.create.permission_not_held", *one};
    }
  }
  return {};
}

Result<> check_sources(const Create& command) {
  if (command.sources.empty()) return {};
  if (!permits(command.permissions, kEventWrite)) {
    return Error{Errc::invalid, "token.service.create.sources_without_event_write", {}};
  }
  if (command.sources.size() > kMaxSources) {
    return Error{Errc::unprocessable, "token.service.create.too_many_sources", "at most 100"};
  }
  if (!std::all_of(command.sources.begin(), command.sources.end(), is_name)) {
    return Error{Errc::invalid, "token.service.create.source_malformed",
                 "1 to 128 printable characters"};
  }
  return {};
}

// 0: never.
Result<int64_t> expiry_of(const Create& command, Moment moment) {
  const int64_t days = command.expires_in_days.value_or(command.default_expiry_days);
  if (days == 0) {
    if (command.may_never_expire) return int64_t{0};
    return Error{Errc::denied, "token.service.create.never_not_allowed", "give a number of days"};
  }
  if (days < 0) {
    return Error{Errc::invalid, "token.service.create.expiry_not_positive", "at least 1 day"};
  }
  if (days > kMaxExpiryDays) {
    return Error{Errc::unprocessable, "token.service.create.expiry_too_long", "at most 3650 days"};
  }
  return moment.now_ms + days * kDayMs;
}

Result<> check_owner(const std::string& owner) {
  if (owner.empty() || is_name(owner)) return {};
  return Error{Errc::invalid, "token.service.create.owner_malformed",
               "at most 128 printable characters"};
}

Event created(const Create& command, std::string name, int64_t expires_at_ms, Metadata metadata,
              uint64_t generation) {
  Event event;
  auto& fact = *event.mutable_created();
  fact.set_token_id(std::string(command.token_id.view()));
  fact.set_name(std::move(name));
  fact.set_secret_sha256(command.secret_sha256);
  fact.mutable_permissions()->Assign(command.permissions.begin(), command.permissions.end());
  fact.set_expires_at_ms(expires_at_ms);
  *fact.mutable_metadata() = std::move(metadata);
  fact.set_owner(command.owner);
  fact.set_generation(generation);
  fact.mutable_sources()->Assign(command.sources.begin(), command.sources.end());
  return event;
}

State with_creation(const v1::Envelope& envelope, const v1::ServiceTokenCreated& fact) {
  State token;
  token.set_id(fact.token_id());
  token.set_identity_id(envelope.subject());
  token.set_name(fact.name());
  token.set_secret_sha256(fact.secret_sha256());
  *token.mutable_permissions() = fact.permissions();
  token.set_status(v1::TOKEN_ACTIVE);
  token.set_created_at_ms(envelope.at_ms());
  token.set_expires_at_ms(fact.expires_at_ms());
  *token.mutable_metadata() = fact.metadata();
  token.set_owner(fact.owner());
  token.set_generation(fact.generation());
  token.set_created_by(envelope.actor());
  *token.mutable_sources() = fact.sources();
  return token;
}

}  // namespace

Result<Events> decide(const State* token, const v1::IdentityState* identity, const Create& command,
                      Moment moment) {
  WATCHWORD_CHECK(command.secret_sha256.size() == 32);
  if (token != nullptr) return Error{Errc::conflict, "token.service.exists", {}};
  if (const auto good = check_identity(identity, command); !good) return good.error();
  auto name = normalised_name(command.name);
  if (!name) return name.error();
  if (const auto good = check_permissions(command); !good) return good.error();
  if (const auto good = check_owner(command.owner); !good) return good.error();
  if (const auto good = check_sources(command); !good) return good.error();
  auto metadata = canonical_metadata(command.metadata);
  if (!metadata) return metadata.error();
  const auto expires_at_ms = expiry_of(command, moment);
  if (!expires_at_ms) return expires_at_ms.error();
  Events events;
  events.push_back(created(command, std::move(*name), *expires_at_ms, std::move(*metadata),
                           identity == nullptr ? 0 : identity->generation()));
  return events;
}

Result<Events> decide(const State* token, const Revoke& command) {
  if (token == nullptr) return Error{Errc::not_found, "token.service.unknown", {}};
  if (const auto good = check_reason(command.reason); !good) return good.error();
  if (token->status() == v1::TOKEN_REVOKED) return Events{};
  Events events(1);
  events[0].mutable_revoked()->set_token_id(token->id());
  events[0].mutable_revoked()->set_reason(command.reason);
  return events;
}

State evolve(State token, const v1::Envelope& envelope, const Event& event) {
  switch (event.fact_case()) {
    case Event::kCreated: return with_creation(envelope, event.created());
    case Event::kRevoked:
      token.set_status(v1::TOKEN_REVOKED);
      token.set_revoked_at_ms(envelope.at_ms());
      token.set_revocation_reason(event.revoked().reason());
      break;
    case Event::FACT_NOT_SET: break;
  }
  return token;
}

v1::TokenStatus status_of(const State& token, const v1::IdentityState* identity, int64_t now_ms) {
  if (token.status() == v1::TOKEN_EXPIRED) return v1::TOKEN_EXPIRED;
  if (token.status() != v1::TOKEN_ACTIVE) return v1::TOKEN_REVOKED;
  if (token.expires_at_ms() != 0 && now_ms >= token.expires_at_ms()) return v1::TOKEN_EXPIRED;
  return identity::keeps_alive(identity, token.generation()) ? v1::TOKEN_ACTIVE
                                                             : v1::TOKEN_REVOKED;
}

Result<std::string> normalised_name(std::string_view name) {
  std::string normalised;
  for (const char c : name) {
    const bool repeated = c == ' ' && (normalised.empty() || normalised.back() == ' ');
    if (!repeated) normalised.push_back(c);
  }
  if (normalised.ends_with(' ')) normalised.pop_back();
  const bool printable =
      std::ranges::all_of(normalised, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (!printable || normalised.empty() || normalised.size() > kMaxNameCharacters) {
    return Error{Errc::invalid, "token.service.create.name_malformed",
                 "a name is 1 to 128 printable ASCII characters"};
  }
  return normalised;
}

std::string name_key(std::string_view normalised) {
  std::string key(normalised);
  std::ranges::transform(key, key.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return key;
}

bool well_formed_secret(std::string_view text) {
  return text.size() == kSecretPrefix.size() + kSecretDigits && text.starts_with(kSecretPrefix) &&
         std::all_of(text.begin() + kSecretPrefix.size(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace watchword::domain::service_token
