#include "events/domain/jit_token.h"

#include <gtest/gtest.h>

#include "events/domain/identity.h"
#include "tests/support/given.h"

namespace watchword::domain::jit_token {
namespace {

using watchword::testing::Given;
using watchword::testing::refused;

constexpr int64_t kNoon = 1'754'654'400'000;  // Friday 2025-08-08T12:00:00Z
constexpr int64_t kExpiry = kNoon + 3600 * kSecondMs;
const std::string kIdentity = "0123456789abcdef";
const std::string kToken = "tokentokentoken1";
constexpr uint64_t kGeneration = 3;

v1::IdentityState service_account() {
  v1::IdentityState identity;
  identity.set_id(kIdentity);
  identity.mutable_type()->set_kind(v1::SERVICE_ACCOUNT);
  identity.set_status(v1::IDENTITY_ACTIVE);
  identity.set_generation(kGeneration);
  auto& limits = *identity.mutable_limits();
  limits.add_allowed_scopes("payment:read");
  limits.add_allowed_scopes("payment:write");
  limits.set_max_token_lifetime_s(3600);
  limits.set_requires_continuous_auth(true);
  return identity;
}
v1::IdentityState with(v1::IdentityState identity, v1::IdentityStatus status) {
  identity.set_status(status);
  return identity;
}

struct Spec {
  using State = v1::JitTokenState;
  using Event = v1::JitTokenEvent;
  std::optional<v1::IdentityState> identity = service_account();
  Rules rules{};
  UseRules use_rules{};
  Moment moment{kNoon};

  v1::Envelope envelope() const {
    v1::Envelope made;
    made.set_subject(kIdentity);
    made.set_at_ms(kNoon);
    return made;
  }
  State evolve(State state, const v1::Envelope& envelope, const Event& event) const {
    return jit_token::evolve(std::move(state), envelope, event);
  }
  const v1::IdentityState* owner() const { return identity ? &*identity : nullptr; }
  Result<Events> decide(const State* state, const Issue& command) const {
    return jit_token::decide(state, owner(), command, rules, moment);
  }
  Result<Events> decide(const State* state, const Use& command) const {
    return jit_token::decide(state, owner(), command, use_rules, moment);
  }
  Result<Events> decide(const State* state, const Revoke& command) const {
    return jit_token::decide(state, command);
  }
};

Given<Spec> given(const Events& history) { return {Spec{}, history}; }
Given<Spec> given(Spec spec, const Events& history) { return {std::move(spec), history}; }
Spec owned_by(std::optional<v1::IdentityState> identity) {
  return {.identity = std::move(identity)};
}
Spec at(int64_t now_ms) { return {.moment = {now_ms}}; }

Address address(std::string_view text) { return Address::parse(text).value(); }

Issue issue() {
  return {.token_id = Id::from_view(kToken),
          .scopes = {"payment:read"},
          .justification = "nightly settlement",
          .audience = "payments",
          .key_id = "key-1",
          .requested_by = Id::from_view(kIdentity),
          .address = address("10.0.1.7")};
}
Event issued(uint64_t max_usage = 0) {
  Event event;
  auto& fact = *event.mutable_issued();
  fact.set_token_id(kToken);
  fact.add_scopes("payment:read");
  fact.set_expires_at_ms(kExpiry);
  fact.set_justification("nightly settlement");
  fact.set_max_usage(max_usage);
  fact.set_generation(kGeneration);
  fact.set_key_id("key-1");
  fact.set_audience("payments");
  fact.set_requested_by(kIdentity);
  fact.mutable_request_context()->set_network(std::string("\x0a\x00\x01\x07", 4));
  fact.set_forget_at_ms(kExpiry + 30 * kDayMs);
  return event;
}
Event used(uint64_t count) {
  Event event;
  event.mutable_used()->set_token_id(kToken);
  event.mutable_used()->set_count(count);
  return event;
}
Event exhausted() {
  Event event;
  event.mutable_exhausted()->set_token_id(kToken);
  return event;
}
Event revoked(std::string reason) {
  Event event;
  event.mutable_revoked()->set_token_id(kToken);
  event.mutable_revoked()->set_reason(std::move(reason));
  return event;
}
Events used_times(uint64_t times, uint64_t max_usage) {
  Events history{issued(max_usage)};
  for (uint64_t count = 1; count <= times; ++count) history.push_back(used(count));
  return history;
}

// Issue

TEST(IssueJit, GrantsWhatWasAskedForUntilTheLimit) { given({}).when(issue()).then({issued()}); }

TEST(IssueJit, MakesAnActiveTokenThatIsForgottenThirtyDaysAfterItsEnd) {
  const auto token = given({issued(10)}).state();
  EXPECT_EQ(token.id(), kToken);
  EXPECT_EQ(token.identity_id(), kIdentity);
  EXPECT_EQ(token.status(), v1::TOKEN_ACTIVE);
  EXPECT_EQ(token.issued_at_ms(), kNoon);
  EXPECT_EQ(token.expires_at_ms(), kExpiry);
  EXPECT_EQ(token.forget_at_ms(), kExpiry + 30 * kDayMs);
  EXPECT_EQ(token.max_usage(), 10u);
  EXPECT_EQ(token.generation(), kGeneration);
  EXPECT_EQ(token.scopes(0), "payment:read");
  EXPECT_EQ(token.key_id(), "key-1");
  EXPECT_EQ(token.audience(), "payments");
  EXPECT_EQ(token.requested_by(), kIdentity);
  EXPECT_EQ(token.justification(), "nightly settlement");
}

TEST(IssueJit, NeedsAnActiveIdentity) {
  given(owned_by({}), {}).when(issue())
      .then(Errc::not_found, "token.jit.issue.identity_unknown");
  given(owned_by(with(service_account(), v1::IDENTITY_SUSPENDED)), {}).when(issue())
      .then(Errc::denied, "token.jit.issue.identity_suspended");
  given(owned_by(with(service_account(), v1::IDENTITY_RETIRED)), {}).when(issue())
      .then(Errc::denied, "token.jit.issue.identity_retired");
  given(owned_by(with(service_account(), v1::IDENTITY_STATUS_UNSPECIFIED)), {}).when(issue())
      .then(refused("token.jit.issue.identity_suspended"));
}

TEST(IssueJit, OfTheSameIdTwiceIsAConflict) {
  given({issued()}).when(issue()).then(Errc::conflict, "token.jit.exists");
}

TEST(IssueJit, OneScopeTooManyRefusesTheWholeRequest) {
  auto command = issue();
  command.scopes = {"payment:read", "payment:refund"};
  given({}).when(command).then(Errc::invalid, "scope.invalid_scope");
  command.scopes = {};
  given({}).when(command).then(Errc::invalid, "scope.none_requested");
}

TEST(IssueJit, ADurationIsExactAndNeverAboveTheLimit) {
  auto command = issue();
  command.duration_s = 1;
  auto expected = issued();
  expected.mutable_issued()->set_expires_at_ms(kNoon + 1000);
  expected.mutable_issued()->set_forget_at_ms(kNoon + 1000 + 30 * kDayMs);
  given({}).when(command).then({expected});
  command.duration_s = 3600;
  given({}).when(command).then({issued()});
  command.duration_s = 3601;
  given({}).when(command).then(Errc::unprocessable, "duration.above_limit");
  command.duration_s = 0;
  given({}).when(command).then(Errc::invalid, "duration.not_positive");
}

TEST(IssueJit, AConfigurationThatBecameStricterHoldsForOldIdentitiesToo) {
  Spec stricter;
  stricter.rules.types.by_kind[v1::SERVICE_ACCOUNT] = {60, false, true};
  auto command = issue();
  command.duration_s = 61;
  given(stricter, {}).when(command).then(refused("duration.above_limit"));
  stricter.rules.types.by_kind[v1::SERVICE_ACCOUNT] = {3600, true, true};
  given(stricter, {}).when(issue()).then(refused("token.jit.issue.attestation_required"));
}

TEST(IssueJit, AConfigurationThatBecameLaxerDoesNotLoosenAnIdentity) {
  auto strict = service_account();
  strict.mutable_limits()->set_max_token_lifetime_s(60);
  auto command = issue();
  command.duration_s = 61;
  given(owned_by(strict), {}).when(command).then(refused("duration.above_limit"));
}

TEST(IssueJit, SaysWhatItIsFor) {
  auto command = issue();
  command.justification = "";
  given({}).when(command).then(Errc::invalid, "token.jit.issue.justification_missing");
  command.justification = std::string(513, 'x');
  given({}).when(command).then(Errc::unprocessable, "token.jit.issue.justification_too_long");
  command.justification = "\xff";
  given({}).when(command).then(Errc::invalid, "token.jit.issue.justification_malformed");
  command.justification = std::string(512, 'x');
  EXPECT_TRUE(given({}).when(command).outcome().ok());
}

TEST(IssueJit, BoundsEverythingElseThatACallerMaySend) {
  auto command = issue();
  command.max_usage = kMaxUsage + 1;
  given({}).when(command).then(Errc::unprocessable, "token.jit.issue.max_usage_too_large");
  command = issue();
  command.user_agent = std::string(257, 'x');
  given({}).when(command).then(Errc::unprocessable, "token.jit.issue.user_agent_too_long");
  command.user_agent = "a\rb";
  given({}).when(command).then(Errc::invalid, "token.jit.issue.user_agent_malformed");
  command = issue();
  command.audience = std::string(513, 'x');
  given({}).when(command).then(Errc::invalid, "token.jit.issue.audience_malformed");
  command = issue();
  command.claimed_source_ip = "10.0.0";
  given({}).when(command).then(Errc::invalid, "token.jit.issue.source_ip_malformed");
}

TEST(IssueJit, TheSocketsAddressDecidesNotTheBodys) {
  auto identity = service_account();
  identity.mutable_limits()->add_allowed_ips("10.0.1.0/24");
  auto command = issue();
  EXPECT_TRUE(given(owned_by(identity), {}).when(command).outcome().ok());
  command.address = address("10.0.2.7");
  command.claimed_source_ip = "10.0.1.7";
  given(owned_by(identity), {}).when(command)
      .then(Errc::denied, "token.jit.issue.network_not_allowed");
  command.address = {};
  given(owned_by(identity), {}).when(command).then(refused("token.jit.issue.network_not_allowed"));
}

TEST(IssueJit, HoldsToTheHoursOfTheIdentitysTimeZone) {
  auto identity = service_account();
  auto& office = *identity.mutable_limits()->add_allowed_hours();
  office.set_from_minute(9 * 60);
  office.set_to_minute(14 * 60);
  EXPECT_TRUE(given(owned_by(identity), {}).when(issue()).outcome().ok());
  identity.mutable_limits()->set_time_zone("Europe/Berlin");  // where it is 14:00
  given(owned_by(identity), {}).when(issue()).then(Errc::denied,
                                                   "token.jit.issue.hours_not_allowed");
}

TEST(IssueJit, NeedsAttestationWhereTheIdentityRequiresIt) {
  auto identity = service_account();
  identity.mutable_limits()->set_requires_attestation(true);
  auto command = issue();
  given(owned_by(identity), {}).when(command)
      .then(Errc::denied, "token.jit.issue.attestation_required");
  command.attested = true;
  auto expected = issued();
  expected.mutable_issued()->set_attested(true);
  given(owned_by(identity), {}).when(command).then({expected});
}

TEST(IssueJit, RecordsThePrefixOfAPersonsNetworkOnly) {
  auto person = service_account();
  person.mutable_type()->set_kind(v1::HUMAN);
  person.mutable_limits()->set_max_token_lifetime_s(900);
  auto command = issue();
  command.claimed_source_ip = "2001:db8:1:2::3";
  command.user_agent = "curl/8";
  const auto decided = given(owned_by(person), {}).when(command).outcome();
  ASSERT_TRUE(decided.ok());
  const auto& context = decided.value()[0].issued().request_context();
  EXPECT_EQ(context.network(), std::string("\x0a\x00\x01\x00", 4));
  EXPECT_EQ(context.claimed_source_ip(), "2001:db8:1::");
  EXPECT_EQ(context.user_agent(), "curl/8");
}

TEST(IssueJit, AForeignSubjectGetsNoToken) {
  auto foreign = service_account();
  foreign.mutable_type()->set_kind(v1::FOREIGN);
  given(owned_by(foreign), {}).when(issue()).then(Errc::denied, "duration.no_tokens");
}

// Use

TEST(UseJit, CountsEveryUseOfATokenWithALimitAndTheLastExhaustsIt) {
  given({issued(2)}).when(Use{}).then({used(1)});
  given({issued(2), used(1)}).when(Use{}).then({used(2), exhausted()});
  given({issued(2), used(1), used(2), exhausted()}).when(Use{})
      .then(Errc::denied, "token.jit.use.exhausted");
  given({issued(1)}).when(Use{}).then({used(1), exhausted()});
}

TEST(UseJit, AHundredCallersForTenUsesGetTen) {
  Events history{issued(10)};
  int granted = 0, refusals = 0;
  for (int caller = 0; caller < 100; ++caller) {
    const auto decided = given(history).when(Use{}).outcome();
    if (!decided.ok()) {
      ++refusals;
      continue;
    }
    ++granted;
    history.insert(history.end(), decided.value().begin(), decided.value().end());
  }
  EXPECT_EQ(granted, 10);
  EXPECT_EQ(refusals, 90);
  EXPECT_EQ(given(history).state().usage_count(), 10u);
  EXPECT_EQ(given(history).state().status(), v1::TOKEN_EXHAUSTED);
}

TEST(UseJit, OfATokenWithoutALimitIsNoFact) { given({issued()}).when(Use{}).then_nothing(); }

TEST(UseJit, NeedsAnActiveToken) {
  given({}).when(Use{}).then(Errc::not_found, "token.jit.unknown");
  given(at(kExpiry - 1), {issued(2)}).when(Use{}).then({used(1)});
  given(at(kExpiry), {issued(2)}).when(Use{}).then(Errc::denied, "token.jit.use.expired");
  given({issued(2), revoked("stolen")}).when(Use{}).then(Errc::denied, "token.jit.use.revoked");
  given(owned_by(with(service_account(), v1::IDENTITY_SUSPENDED)), {issued(2)}).when(Use{})
      .then(refused("token.jit.use.revoked"));
  given(owned_by({}), {issued(2)}).when(Use{}).then(refused("token.jit.use.revoked"));
}

TEST(UseJit, IsRefusedWithoutBeingCountedWhereContinuousAuthSaysNo) {
  Spec bounded = owned_by(service_account());
  bounded.identity->mutable_limits()->add_allowed_ips("10.0.1.0/24");
  bounded.use_rules.risk_limit = 60000;
  given(bounded, {issued(2)}).when(Use{{address("10.0.1.9"), 59999}}).then({used(1)});
  given(bounded, {issued(2)}).when(Use{{address("10.0.2.9"), {}}})
      .then(Errc::denied, "token.jit.use.network_not_allowed");
  given(bounded, {issued(2)}).when(Use{{address("10.0.1.9"), 60000}})
      .then(refused("token.jit.use.risk_too_high"));
  given(bounded, {issued(2)}).when(Use{}).then({used(1)});
  bounded.use_rules.unknown_refuses = true;
  given(bounded, {issued(2)}).when(Use{}).then(refused("token.jit.use.network_not_allowed"));
  auto& office = *bounded.identity->mutable_limits()->add_allowed_hours();
  office.set_from_minute(0);
  office.set_to_minute(12 * 60);
  given(bounded, {issued(2)}).when(Use{{address("10.0.1.9"), 1}})
      .then(refused("token.jit.use.hours_not_allowed"));
}

// Revoke

TEST(RevokeJit, EndsATokenWithAReason) {
  given({issued()}).when(Revoke{"stolen"}).then({revoked("stolen")});
  const auto token = given({issued(), revoked("stolen")}).state();
  EXPECT_EQ(token.status(), v1::TOKEN_REVOKED);
  EXPECT_EQ(token.revocation_reason(), "stolen");
  EXPECT_EQ(token.revoked_at_ms(), kNoon);
}

TEST(RevokeJit, ASecondTimeChangesNothing) {
  given({issued(), revoked("stolen")}).when(Revoke{"again"}).then_nothing();
}

TEST(RevokeJit, AlsoEndsAnExhaustedOrExpiredTokenForGood) {
  given({issued(1), used(1), exhausted()}).when(Revoke{}).then({revoked("")});
  given(at(kExpiry), {issued()}).when(Revoke{}).then({revoked("")});
}

TEST(RevokeJit, NeedsATokenAndAPrintableReason) {
  given({}).when(Revoke{}).then(Errc::not_found, "token.jit.unknown");
  given({issued()}).when(Revoke{std::string("a\0b", 3)}).then(refused("reason.malformed"));
}

TEST(RevokeJit, AnExhaustionThatArrivesAfterwardsDoesNotHideIt) {
  EXPECT_EQ(given({issued(1), revoked(""), exhausted()}).state().status(), v1::TOKEN_REVOKED);
}

// Status

v1::TokenStatus status(const Events& history, const v1::IdentityState* identity, int64_t now_ms) {
  return status_of(given(history).state(), identity, now_ms);
}

TEST(StatusOfJit, IsActiveUntilExactlyItsExpiry) {
  const auto identity = service_account();
  EXPECT_EQ(status({issued()}, &identity, kExpiry - 1), v1::TOKEN_ACTIVE);
  EXPECT_EQ(status({issued()}, &identity, kExpiry), v1::TOKEN_EXPIRED);
  EXPECT_EQ(status({issued()}, &identity, INT64_MAX), v1::TOKEN_EXPIRED);
}

TEST(StatusOfJit, DiesWithItsIdentity) {
  const auto suspended = with(service_account(), v1::IDENTITY_SUSPENDED);
  const auto retired = with(service_account(), v1::IDENTITY_RETIRED);
  EXPECT_EQ(status({issued()}, &suspended, kNoon), v1::TOKEN_REVOKED);
  EXPECT_EQ(status({issued()}, &retired, kNoon), v1::TOKEN_REVOKED);
  EXPECT_EQ(status({issued()}, nullptr, kNoon), v1::TOKEN_REVOKED);
}

template <class Command>
v1::IdentityState after(v1::IdentityState identity, const Command& command) {
  const auto decided = identity::decide(&identity, command);
  EXPECT_TRUE(decided.ok());
  return identity::evolve(std::move(identity), v1::Envelope(), decided.value().at(0));
}

TEST(StatusOfJit, OfALowerGenerationStaysDeadAfterReactivation) {
  auto identity = after(service_account(), identity::Suspend{"stolen"});
  identity = after(identity, identity::Reactivate{"found", identity.generation()});
  ASSERT_EQ(identity.status(), v1::IDENTITY_ACTIVE);
  EXPECT_EQ(status({issued()}, &identity, kNoon), v1::TOKEN_REVOKED);
  const auto again = given(owned_by(identity), {}).when(issue()).outcome();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(status(again.value(), &identity, kNoon), v1::TOKEN_ACTIVE);
}

TEST(StatusOfJit, IsExhaustedAfterItsLastUseAndNotBefore) {
  const auto identity = service_account();
  EXPECT_EQ(status(used_times(9, 10), &identity, kNoon), v1::TOKEN_ACTIVE);
  EXPECT_EQ(status(used_times(10, 10), &identity, kNoon), v1::TOKEN_EXHAUSTED);
  EXPECT_EQ(status({issued(1), exhausted()}, &identity, kNoon), v1::TOKEN_EXHAUSTED);
}

TEST(StatusOfJit, RevokedOutlivesExpiry) {
  const auto identity = service_account();
  EXPECT_EQ(status({issued(), revoked("")}, &identity, kExpiry), v1::TOKEN_REVOKED);
}

TEST(StatusOfJit, AnEmptyOrUnknownRowIsNotActive) {
  const auto identity = service_account();
  EXPECT_EQ(status({}, &identity, 0), v1::TOKEN_REVOKED);
  auto token = given({issued()}).state();
  token.set_status(static_cast<v1::TokenStatus>(99));
  EXPECT_EQ(status_of(token, &identity, kNoon), v1::TOKEN_REVOKED);
}

// Continuous auth

TEST(ContinuousAuth, ChecksNothingWhereItIsNotAskedFor) {
  auto identity = with(service_account(), v1::IDENTITY_SUSPENDED);
  identity.mutable_limits()->set_requires_continuous_auth(false);
  EXPECT_EQ(check_use(identity, {}, {}, {kNoon}), UseChecks{});
}

TEST(ContinuousAuth, SkipsWhatItWasNotToldAndSaysSo) {
  auto identity = service_account();
  identity.mutable_limits()->add_allowed_ips("10.0.1.0/24");
  const auto checks = check_use(identity, {}, {}, {kNoon});
  EXPECT_EQ(checks, (UseChecks{Check::passed, Check::unknown, Check::passed, Check::unknown}));
  EXPECT_TRUE(checks.allowed({}));
  EXPECT_EQ(checks.refused_by({.unknown_refuses = true}), "network");
}

TEST(ContinuousAuth, AnyNetworkPassesWhereNoneIsListed) {
  EXPECT_EQ(check_use(service_account(), {}, {}, {kNoon}).network, Check::passed);
}

TEST(ContinuousAuth, NamesTheFirstCheckThatFails) {
  const auto suspended = with(service_account(), v1::IDENTITY_SUSPENDED);
  EXPECT_EQ(check_use(suspended, {}, {}, {kNoon}).refused_by({}), "identity");
  auto identity = service_account();
  identity.mutable_limits()->add_allowed_ips("10.0.1.0/24");
  EXPECT_EQ(check_use(identity, {address("10.0.2.1"), {}}, {}, {kNoon}).refused_by({}), "network");
  EXPECT_EQ(check_use(service_account(), {{}, 65535}, {}, {kNoon}).refused_by({}), "");
  EXPECT_EQ(check_use(service_account(), {{}, 100}, {.risk_limit = 100}, {kNoon}).refused_by({}),
            "risk");
}

TEST(EvolveJit, AnUnknownFactChangesNothing) {
  EXPECT_EQ(given({issued(), Event{}}).state().DebugString(),
            given({issued()}).state().DebugString());
}

}  // namespace
}  // namespace watchword::domain::jit_token
