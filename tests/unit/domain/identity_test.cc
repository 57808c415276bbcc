#include "events/domain/identity.h"

#include <gtest/gtest.h>

#include "tests/support/given.h"

namespace watchword::domain::identity {
namespace {

using watchword::testing::Given;
using watchword::testing::refused;

constexpr int64_t kThen = 1'754'000'000'000;
const std::string kSubject = "0123456789abcdef";

struct Spec {
  using State = v1::IdentityState;
  using Event = v1::IdentityEvent;
  Rules rules{.signals = {"new-network", "unusual-hour"}};
  Moment moment{kThen};

  v1::Envelope envelope() const {
    v1::Envelope made;
    made.set_subject(kSubject);
    made.set_actor("fedcba9876543210");
    made.set_at_ms(kThen);
    return made;
  }
  State evolve(State state, const v1::Envelope& envelope, const Event& event) const {
    return identity::evolve(std::move(state), envelope, event);
  }
  Result<Events> decide(const State* state, const Register& command) const {
    return identity::decide(state, command, rules);
  }
  Result<Events> decide(const State* state, const ChangeLimits& command) const {
    return identity::decide(state, command, rules);
  }
  Result<Events> decide(const State* state, const UseAttestation& command) const {
    return identity::decide(state, command, moment);
  }
  template <class Command>
  Result<Events> decide(const State* state, const Command& command) const {
    return identity::decide(state, command);
  }
};

Given<Spec> given(const Events& history) { return {Spec{}, history}; }

v1::IdentityType service_account(std::string name = "payment-processor") {
  v1::IdentityType type;
  type.set_kind(v1::SERVICE_ACCOUNT);
  type.set_name(std::move(name));
  type.set_environment("production");
  type.set_owner_team("payments");
  return type;
}
v1::IdentityType ai_agent() {
  v1::IdentityType type;
  type.set_kind(v1::AI_AGENT);
  type.set_name("helper");
  return type;
}
v1::IdentityType human() {
  v1::IdentityType type;
  type.set_kind(v1::HUMAN);
  type.mutable_username()->set_nonce(std::string(12, 'n'));
  type.mutable_username()->set_ciphertext("sealed");
  return type;
}

v1::Limits service_limits() {
  v1::Limits limits;
  limits.set_max_token_lifetime_s(3600);
  limits.set_requires_continuous_auth(true);
  return limits;
}
Event registered(const v1::IdentityType& type = service_account(),
                 const v1::Limits& limits = service_limits()) {
  Event event;
  *event.mutable_registered()->mutable_type() = type;
  *event.mutable_registered()->mutable_limits() = limits;
  return event;
}
Event changed(const v1::Limits& limits) {
  Event event;
  *event.mutable_changed()->mutable_limits() = limits;
  return event;
}
Event suspended(std::string reason, uint64_t generation) {
  Event event;
  event.mutable_suspended()->set_reason(std::move(reason));
  event.mutable_suspended()->set_generation(generation);
  return event;
}
Event reactivated(std::string reason) {
  Event event;
  event.mutable_reactivated()->set_reason(std::move(reason));
  return event;
}
Event retired(std::string reason, uint64_t generation) {
  Event event;
  event.mutable_retired()->set_reason(std::move(reason));
  event.mutable_retired()->set_generation(generation);
  return event;
}
Event subject_seen() {
  Event event;
  event.mutable_subject_seen()->mutable_subject()->set_ciphertext("alice");
  return event;
}
ChangeLimits change(LimitsChange limits) { return {std::move(limits)}; }

// Register

TEST(Register, GivesTheLimitsOfTheTypeWhereNothingElseIsSaid) {
  given({}).when(Register{service_account(), {}}).then({registered()});
}

TEST(Register, MakesAnActiveIdentityOfTheFirstGeneration) {
  const auto state = given({registered()}).state();
  EXPECT_EQ(state.id(), kSubject);
  EXPECT_EQ(state.status(), v1::IDENTITY_ACTIVE);
  EXPECT_EQ(state.generation(), kFirstGeneration);
  EXPECT_EQ(state.created_at_ms(), kThen);
  EXPECT_EQ(state.type().name(), "payment-processor");
}

TEST(Register, AnAgentMustBeAttestedAndCannotSayOtherwise) {
  v1::Limits limits;
  limits.set_max_token_lifetime_s(300);
  limits.set_requires_attestation(true);
  limits.set_requires_continuous_auth(true);
  given({}).when(Register{ai_agent(), {}}).then({registered(ai_agent(), limits)});
  given({}).when(Register{ai_agent(), {.requires_attestation = false}})
      .then(Errc::denied, "limits.attestation.required_by_type");
  given({}).when(Register{ai_agent(), {.requires_continuous_auth = false}})
      .then(Errc::denied, "limits.continuous_auth.required_by_type");
}

TEST(Register, MayBeStricterThanItsType) {
  auto limits = service_limits();
  limits.set_requires_attestation(true);
  limits.set_max_token_lifetime_s(60);
  given({})
      .when(Register{service_account(), {.max_token_lifetime_s = 60, .requires_attestation = true}})
      .then({registered(service_account(), limits)});
}

TEST(Register, TwiceIsAConflict) {
  given({registered()}).when(Register{service_account(), {}}).then(Errc::conflict,
                                                                  "identity.exists");
}

TEST(Register, TakesOnlyTypesThatCanBeRegistered) {
  v1::IdentityType foreign = service_account(), none = service_account();
  foreign.set_kind(v1::FOREIGN);
  none.set_kind(v1::IDENTITY_KIND_UNSPECIFIED);
  for (const auto& type : {foreign, none}) {
    given({}).when(Register{type, {}}).then(refused("identity.type.not_registrable"));
  }
}

TEST(Register, ANameIsOneTo128PrintableCharacters) {
  EXPECT_TRUE(given({}).when(Register{service_account(std::string(128, 'x')), {}}).outcome().ok());
  std::string umlauts;
  for (int i = 0; i < 128; ++i) umlauts += "ü";
  EXPECT_TRUE(given({}).when(Register{service_account(umlauts), {}}).outcome().ok());
  for (const std::string& name :
       {std::string(), std::string(129, 'x'), std::string("a\nb"), std::string("a\0b", 3),
        std::string(" a"), std::string("a "), std::string("\xff"), std::string("\xc0\xaf"),
        std::string("a\u202eb"), std::string("a\u200bb"), umlauts + "ü"}) {
    given({}).when(Register{service_account(name), {}}).then(
        refused("identity.type.name_malformed"));
  }
}

TEST(Register, OtherDetailsArePrintableToo) {
  auto type = service_account();
  type.set_owner_team("a\tb");
  given({}).when(Register{type, {}}).then(refused("identity.type.detail_malformed"));
}

TEST(Register, APersonHasASealedUserNameAndNoOther) {
  EXPECT_TRUE(given({}).when(Register{human(), {}}).outcome().ok());
  auto nameless = human();
  nameless.clear_username();
  given({}).when(Register{nameless, {}}).then(refused("identity.type.username_missing"));
  auto open = human();
  open.set_name("alice");
  given({}).when(Register{open, {}}).then(refused("identity.type.name_malformed"));
}

// Limits

TEST(Limits, ScopesAreKeptOnceInTheirOrder) {
  auto limits = service_limits();
  limits.add_allowed_scopes("payment:write");
  limits.add_allowed_scopes("payment:read");
  given({})
      .when(Register{service_account(),
                     {.allowed_scopes = {{"payment:write", "payment:read", "payment:write"}}}})
      .then({registered(service_account(), limits)});
  given({registered()}).when(change({.allowed_scopes = {{"two words"}}}))
      .then(refused("scope.malformed"));
  given({registered()}).when(change({.allowed_scopes = std::vector<std::string>(101, "x")}))
      .then(Errc::unprocessable, "scope.too_many");
}

TEST(Limits, NetworksAreKeptInCanonicalForm) {
  auto limits = service_limits();
  limits.add_allowed_ips("10.0.1.0/24");
  limits.add_allowed_ips("2001:db8::/32");
  given({registered()})
      .when(change({.allowed_ips = {{"::ffff:10.0.1.0/120", "2001:DB8:0::/32", "10.0.1.0/24"}}}))
      .then({changed(limits)});
  given({registered()}).when(change({.allowed_ips = {{"10.0.1.7/24"}}}))
      .then(refused("cidr.host_bits_set"));
  given({registered()}).when(change({.allowed_ips = std::vector<std::string>(101, "::/0")}))
      .then(Errc::unprocessable, "limits.networks.too_many");
}

TEST(Limits, HoursAndTimeZoneAreChecked) {
  v1::HourRange office, empty;
  office.set_from_minute(540);
  office.set_to_minute(1020);
  auto limits = service_limits();
  *limits.add_allowed_hours() = office;
  limits.set_time_zone("Europe/Berlin");
  given({registered()}).when(change({.allowed_hours = {{office}}, .time_zone = "Europe/Berlin"}))
      .then({changed(limits)});
  given({registered()}).when(change({.allowed_hours = {{empty}}}))
      .then(refused("hours.empty_range"));
  given({registered()}).when(change({.allowed_hours = std::vector<v1::HourRange>(101, office)}))
      .then(Errc::unprocessable, "limits.hours.too_many");
  given({registered()}).when(change({.time_zone = "Europe/Atlantis"}))
      .then(refused("hours.time_zone_unknown"));
}

TEST(Limits, ALifetimeMayBeLoweredAndRaisedAgainButNeverAboveItsType) {
  auto limits = service_limits();
  limits.set_max_token_lifetime_s(1);
  given({registered()}).when(change({.max_token_lifetime_s = 1})).then({changed(limits)});
  given({registered(), changed(limits)}).when(change({.max_token_lifetime_s = 3600}))
      .then({changed(service_limits())});
  given({registered()}).when(change({.max_token_lifetime_s = 3601}))
      .then(Errc::unprocessable, "limits.lifetime.above_type");
  given({registered()}).when(change({.max_token_lifetime_s = 0}))
      .then(Errc::invalid, "limits.lifetime.not_positive");
}

TEST(Limits, AttestationTrustsEitherKeysOrAnIssuersWords) {
  v1::AttestationTrust keys, issuer, both, half;
  keys.set_jwks("{}");
  issuer.set_issuer("https://ci.example");
  issuer.set_audience("watchword");
  issuer.set_subject("repo:main");
  both = issuer;
  both.set_jwks("{}");
  half.set_issuer("https://ci.example");
  for (const auto& trust : {keys, issuer}) {
    auto limits = service_limits();
    *limits.mutable_attestation() = trust;
    given({registered()}).when(change({.attestation = trust})).then({changed(limits)});
    given({registered(), changed(limits)}).when(change({.attestation = v1::AttestationTrust()}))
        .then({changed(service_limits())});
  }
  for (const auto& trust : {both, half}) {
    given({registered()}).when(change({.attestation = trust}))
        .then(refused("limits.attestation.incomplete"));
  }
  keys.set_jwks(std::string(16385, 'x'));
  given({registered()}).when(change({.attestation = keys}))
      .then(Errc::unprocessable, "limits.attestation.too_large");
  issuer.set_issuer(std::string(513, 'x'));
  given({registered()}).when(change({.attestation = issuer}))
      .then(refused("limits.attestation.malformed"));
}

TEST(Limits, MetadataIsSortedByKeyAndBounded) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  auto limits = service_limits();
  for (const auto* key : {"criticality", "version"}) {
    limits.add_metadata()->set_key(key);
    limits.mutable_metadata()->rbegin()->set_value("1");
  }
  given({registered()}).when(change({.metadata = Pairs{{"version", "1"}, {"criticality", "1"}}}))
      .then({changed(limits)});

  const auto refusal = [](Pairs pairs, std::string_view reason) {
    given({registered()}).when(change({.metadata = std::move(pairs)})).then(refused(reason));
  };
  refusal({{"a", "1"}, {"a", "2"}}, "metadata.key_repeated");
  refusal({{"", "1"}}, "metadata.key_malformed");
  refusal({{std::string(65, 'k'), "1"}}, "metadata.key_malformed");
  refusal({{"a", "\xff"}}, "metadata.value_malformed");
  refusal({{"a", std::string(4096, 'v')}}, "metadata.too_large");
  Pairs many;
  for (int i = 0; i < 32; ++i) many.emplace_back("k" + std::to_string(i), "v");
  EXPECT_TRUE(given({registered()}).when(change({.metadata = many})).outcome().ok());
  many.emplace_back("one", "more");
  refusal(many, "metadata.too_many");
  EXPECT_TRUE(given({registered()})
                  .when(change({.metadata = Pairs{{"a", std::string(4095, 'v')}}})).outcome().ok());
}

TEST(Limits, OnlySignalsThatExistCanBeSwitchedOff) {
  auto limits = service_limits();
  limits.add_signals_off("unusual-hour");
  given({registered()}).when(change({.signals_off = {{"unusual-hour", "unusual-hour"}}}))
      .then({changed(limits)});
  given({registered()}).when(change({.signals_off = {{"everything"}}}))
      .then(refused("limits.signals.unknown"));
}

TEST(ChangeLimits, LeavesAloneWhatItDoesNotName) {
  auto before = service_limits();
  before.add_allowed_scopes("payment:read");
  before.add_allowed_ips("10.0.1.0/24");
  auto after = before;
  after.clear_allowed_ips();
  given({registered(service_account(), before)})
      .when(change({.allowed_ips = std::vector<std::string>{}}))
      .then({changed(after)});
}

TEST(ChangeLimits, ThatChangeNothingAreNoFact) {
  given({registered()}).when(change({.max_token_lifetime_s = 3600})).then_nothing();
  given({registered()}).when(change({})).then_nothing();
}

TEST(ChangeLimits, NeedAnIdentityThatIsOursAndNotRetired) {
  given({}).when(change({})).then(Errc::not_found, "identity.unknown");
  given({subject_seen()}).when(change({})).then(Errc::conflict, "identity.foreign");
  given({registered(), retired("", 2)}).when(change({})).then(Errc::conflict, "identity.retired");
  EXPECT_TRUE(given({registered(), suspended("", 2)})
                  .when(change({.max_token_lifetime_s = 60})).outcome().ok());
}

TEST(ChangeLimits, ReplaceTheWholeOfTheLimitsInTheRow) {
  auto limits = service_limits();
  limits.set_max_token_lifetime_s(60);
  EXPECT_EQ(given({registered(), changed(limits)}).state().limits().max_token_lifetime_s(), 60);
}

// Suspend, reactivate, retire

TEST(Suspend, RaisesTheGenerationSoThatEveryTokenOfBeforeIsDead) {
  given({registered()}).when(Suspend{"stolen"}).then({suspended("stolen", 2)});
  const auto state = given({registered(), suspended("stolen", 2)}).state();
  EXPECT_EQ(state.status(), v1::IDENTITY_SUSPENDED);
  EXPECT_EQ(state.suspension_reason(), "stolen");
  EXPECT_FALSE(keeps_alive(&state, 1));
  EXPECT_FALSE(keeps_alive(&state, 2));
}

TEST(Suspend, ASecondTimeChangesNothing) {
  given({registered(), suspended("stolen", 2)}).when(Suspend{"again"}).then_nothing();
}

TEST(Suspend, NeedsAnIdentityThatIsOursAndNotRetired) {
  given({}).when(Suspend{}).then(Errc::not_found, "identity.unknown");
  given({subject_seen()}).when(Suspend{}).then(refused("identity.foreign"));
  given({registered(), retired("", 2)}).when(Suspend{}).then(refused("identity.retired"));
}

TEST(Reason, MayBeLeftOutOrHaveLinesButNotBeEndless) {
  given({registered()}).when(Suspend{}).then({suspended("", 2)});
  given({registered()}).when(Suspend{"one\ntwo"}).then({suspended("one\ntwo", 2)});
  given({registered()}).when(Suspend{std::string(513, 'x')})
      .then(Errc::unprocessable, "reason.too_long");
  given({registered()}).when(Suspend{"\x1b[31m"}).then(Errc::invalid, "reason.malformed");
}

TEST(Reactivate, MakesItActiveAgainButNotItsOldTokens) {
  given({registered(), suspended("stolen", 2)}).when(Reactivate{"found", 2})
      .then({reactivated("found")});
  const auto state = given({registered(), suspended("stolen", 2), reactivated("found")}).state();
  EXPECT_EQ(state.status(), v1::IDENTITY_ACTIVE);
  EXPECT_EQ(state.suspension_reason(), "");
  EXPECT_FALSE(keeps_alive(&state, 1));
  EXPECT_TRUE(keeps_alive(&state, 2));
}

TEST(Reactivate, DoesNotOverruleASuspensionThatCameWhileItWaited) {
  given({registered(), suspended("stolen", 2)}).when(Reactivate{"", 1})
      .then(Errc::conflict, "identity.reactivate.revoked_since");
  given({registered(), suspended("a", 2), reactivated("b"), suspended("c", 3)})
      .when(Reactivate{"", 2}).then(refused("identity.reactivate.revoked_since"));
}

TEST(Reactivate, OfAnActiveIdentityChangesNothing) {
  given({registered()}).when(Reactivate{"", 1}).then_nothing();
}

TEST(Reactivate, NeverBringsBackARetiredIdentity) {
  given({registered(), retired("gone", 2)}).when(Reactivate{"", 2})
      .then(Errc::conflict, "identity.retired");
  given({}).when(Reactivate{}).then(refused("identity.unknown"));
}

TEST(Retire, IsFinalAndKillsEveryToken) {
  given({registered()}).when(Retire{"replaced"}).then({retired("replaced", 2)});
  const auto state = given({registered(), retired("replaced", 2)}).state();
  EXPECT_EQ(state.status(), v1::IDENTITY_RETIRED);
  EXPECT_FALSE(keeps_alive(&state, 1));
  EXPECT_FALSE(keeps_alive(&state, 2));
}

TEST(Retire, AlsoEndsASuspendedIdentity) {
  given({registered(), suspended("", 2)}).when(Retire{}).then({retired("", 3)});
}

TEST(Retire, ASecondTimeChangesNothing) {
  given({registered(), retired("replaced", 2)}).when(Retire{}).then_nothing();
  given({}).when(Retire{}).then(refused("identity.unknown"));
  given({subject_seen()}).when(Retire{}).then(refused("identity.foreign"));
}

TEST(Generation, TokensLiveOnlyInTheGenerationOfTheirIssue) {
  const auto state = given({registered()}).state();
  EXPECT_TRUE(keeps_alive(&state, 1));
  EXPECT_FALSE(keeps_alive(&state, 0));
  EXPECT_FALSE(keeps_alive(&state, 2));
  EXPECT_TRUE(keeps_alive(nullptr, 0));
  EXPECT_FALSE(keeps_alive(nullptr, 1));
}

// Baseline, foreign subjects, attestation

TEST(Baseline, IsEstablishedAndResetUnlessRetired) {
  Event established, reset;
  established.mutable_baseline_established();
  reset.mutable_baseline_reset()->set_reason("moved");
  given({registered()}).when(EstablishBaseline{}).then({established});
  given({registered()}).when(ResetBaseline{"moved"}).then({reset});
  given({subject_seen()}).when(ResetBaseline{"moved"}).then({reset});
  given({registered(), retired("", 2)}).when(EstablishBaseline{}).then(refused("identity.retired"));
  given({registered(), retired("", 2)}).when(ResetBaseline{}).then(refused("identity.retired"));
  given({}).when(EstablishBaseline{}).then(refused("identity.unknown"));
  EXPECT_EQ(given({registered(), established, reset}).state().DebugString(),
            given({registered()}).state().DebugString());
}

TEST(Subject, OfAnotherServiceIsKnownFromItsFirstSight) {
  v1::Sealed sealed;
  sealed.set_ciphertext("alice");
  given({}).when(SeeSubject{sealed}).then({subject_seen()});
  given({subject_seen()}).when(SeeSubject{sealed}).then_nothing();
  const auto state = given({subject_seen()}).state();
  EXPECT_EQ(state.type().kind(), v1::FOREIGN);
  EXPECT_EQ(state.subject().ciphertext(), "alice");
  EXPECT_EQ(state.id(), kSubject);
}

TEST(Attestation, CountsOnceBeforeItExpires) {
  Event used;
  used.mutable_attestation_used()->set_jti_hash("h");
  used.mutable_attestation_used()->set_expires_at_ms(kThen + 1);
  given({registered()}).when(UseAttestation{"h", kThen + 1, false}).then({used});
  given({registered()}).when(UseAttestation{"h", kThen + 1, true})
      .then(Errc::denied, "identity.attestation.replayed");
  given({registered()}).when(UseAttestation{"h", kThen, false})
      .then(Errc::unauthenticated, "identity.attestation.expired");
  given({registered(), suspended("", 2)}).when(UseAttestation{"h", kThen + 1, false})
      .then(refused("identity.attestation.not_active"));
  given({}).when(UseAttestation{"h", kThen + 1, false}).then(refused("identity.unknown"));
  EXPECT_EQ(given({registered(), used}).state().last_authenticated_ms(), kThen);
}

TEST(LastAuthenticated, MovesWithTokensThatTheIdentityItselfAskedFor) {
  const State state = given({registered()}).state();
  v1::JitTokenEvent issued, used;
  issued.mutable_issued();
  used.mutable_used();
  auto envelope = Spec{}.envelope();
  envelope.set_at_ms(kThen + 5);
  EXPECT_EQ(evolve(state, envelope, issued).last_authenticated_ms(), 0);
  envelope.set_actor(kSubject);
  EXPECT_EQ(evolve(state, envelope, issued).last_authenticated_ms(), kThen + 5);
  EXPECT_EQ(evolve(state, envelope, used).last_authenticated_ms(), 0);
  envelope.set_actor("somebody else...");
  issued.mutable_issued()->set_attested(true);
  EXPECT_EQ(evolve(state, envelope, issued).last_authenticated_ms(), kThen + 5);
}

TEST(LastRotated, IsWhenItsNewestServiceTokenWasMade) {
  v1::ServiceTokenEvent created, revoked;
  created.mutable_created();
  revoked.mutable_revoked();
  const State state = given({registered()}).state();
  EXPECT_EQ(evolve(state, Spec{}.envelope(), created).last_rotated_ms(), kThen);
  EXPECT_EQ(evolve(state, Spec{}.envelope(), revoked).last_rotated_ms(), 0);
}

TEST(Evolve, AnUnknownFactChangesNothing) {
  EXPECT_EQ(given({registered(), Event{}}).state().DebugString(),
            given({registered()}).state().DebugString());
}

}  // namespace
}  // namespace watchword::domain::identity
