#include "events/domain/service_token.h"

#include <gtest/gtest.h>

#include "events/base/time.h"
#include "events/domain/permissions.h"
#include "tests/support/given.h"

namespace watchword::domain::service_token {
namespace {

using watchword::testing::Given;
using watchword::testing::refused;

constexpr int64_t kNow = 1'754'654'400'000;
const std::string kIdentity = "0123456789abcdef";
const std::string kToken = "tokentokentoken1";

v1::IdentityState identity(v1::IdentityStatus status = v1::IDENTITY_ACTIVE,
                           uint64_t generation = 1) {
  v1::IdentityState made;
  made.set_status(status);
  made.set_generation(generation);
  return made;
}

struct Spec {
  using State = v1::ServiceTokenState;
  using Event = v1::ServiceTokenEvent;
  std::optional<v1::IdentityState> owner = identity();

  v1::Envelope envelope() const {
    v1::Envelope made;
    made.set_subject(kIdentity);
    made.set_actor("fedcba9876543210");
    made.set_at_ms(kNow);
    return made;
  }
  State evolve(State state, const v1::Envelope& envelope, const Event& event) const {
    return service_token::evolve(std::move(state), envelope, event);
  }
  Result<Events> decide(const State* state, const Create& command) const {
    return service_token::decide(state, owner ? &*owner : nullptr, command, {kNow});
  }
  Result<Events> decide(const State* state, const Revoke& command) const {
    return service_token::decide(state, command);
  }
};

Given<Spec> given(const Events& history) { return {Spec{}, history}; }
Given<Spec> given(Spec spec, const Events& history) { return {std::move(spec), history}; }

Create create() {
  return {.token_id = Id::from_view(kToken),
          .name = "ci-cd",
          .secret_sha256 = std::string(32, 'h'),
          .permissions = {"api_read", "system_status"},
          .owner = "platform",
          .permissions_of_caller = {"admin"}};
}
Event created(int64_t expires_at_ms = kNow + 90 * kDayMs) {
  Event event;
  auto& fact = *event.mutable_created();
  fact.set_token_id(kToken);
  fact.set_name("ci-cd");
  fact.set_secret_sha256(std::string(32, 'h'));
  fact.add_permissions("api_read");
  fact.add_permissions("system_status");
  fact.set_expires_at_ms(expires_at_ms);
  fact.set_owner("platform");
  fact.set_generation(1);
  return event;
}
Event revoked(std::string reason) {
  Event event;
  event.mutable_revoked()->set_token_id(kToken);
  event.mutable_revoked()->set_reason(std::move(reason));
  return event;
}
Create with_expiry(std::optional<int64_t> days, bool may_never_expire = false) {
  auto command = create();
  command.expires_in_days = days;
  command.may_never_expire = may_never_expire;
  return command;
}
Create with_permissions(std::vector<std::string> wanted, std::vector<std::string> held) {
  auto command = create();
  command.permissions = std::move(wanted);
  command.permissions_of_caller = std::move(held);
  return command;
}

TEST(CreateService, LivesNinetyDaysUnlessSaidOtherwise) {
  given({}).when(create()).then({created()});
}

TEST(CreateService, FillsTheRow) {
  const auto token = given({created()}).state();
  EXPECT_EQ(token.id(), kToken);
  EXPECT_EQ(token.identity_id(), kIdentity);
  EXPECT_EQ(token.created_by(), "fedcba9876543210");
  EXPECT_EQ(token.created_at_ms(), kNow);
  EXPECT_EQ(token.status(), v1::TOKEN_ACTIVE);
  EXPECT_EQ(token.permissions_size(), 2);
  EXPECT_EQ(token.secret_sha256(), std::string(32, 'h'));
  EXPECT_EQ(token.owner(), "platform");
}

TEST(CreateService, LivesOneTo3650Days) {
  given({}).when(with_expiry(1)).then({created(kNow + kDayMs)});
  given({}).when(with_expiry(3650)).then({created(kNow + 3650 * kDayMs)});
  given({}).when(with_expiry(3651)).then(Errc::unprocessable,
                                         "token.service.create.expiry_too_long");
  given({}).when(with_expiry(INT64_MAX)).then(refused("token.service.create.expiry_too_long"));
  given({}).when(with_expiry(-1)).then(Errc::invalid, "token.service.create.expiry_not_positive");
}

TEST(CreateService, LivesForEverOnlyWhereTheConfigurationAllowsIt) {
  given({}).when(with_expiry(0)).then(Errc::denied, "token.service.create.never_not_allowed");
  given({}).when(with_expiry(0, true)).then({created(0)});
  given({}).when(with_expiry({}, true)).then({created()});
}

TEST(CreateService, NobodyHandsOutMoreThanTheyHold) {
  given({}).when(with_permissions({"api_read", "token_issue"}, {"api_read", "identity_write"}))
      .then(Errc::denied, "token.service.create.permission_not_held");
  given({}).when(with_permissions({"admin"}, {"api_read", "identity_write"}))
      .then(refused("token.service.create.permission_not_held"));
  given({}).when(with_permissions({"api_read"}, {}))
      .then(refused("token.service.create.permission_not_held"));
  EXPECT_TRUE(given({}).when(with_permissions({"api_read"}, {"api_read"})).outcome().ok());
  for (const auto permission : kPermissions) {
    EXPECT_TRUE(
        given({}).when(with_permissions({std::string(permission)}, {"admin"})).outcome().ok());
  }
}

TEST(CreateService, PermissionsAreKnownAndEachOnce) {
  given({}).when(with_permissions({}, {"admin"}))
      .then(Errc::invalid, "token.service.create.permissions_missing");
  given({}).when(with_permissions({"root"}, {"admin"}))
      .then(Errc::invalid, "token.service.create.permission_unknown");
  given({}).when(with_permissions({"api_read", "introspect", "api_read"}, {"admin"}))
      .then(Errc::invalid, "token.service.create.permission_repeated");
}

TEST(CreateService, BelongsToAnActiveIdentity) {
  given(Spec{{}}, {}).when(create())
      .then(Errc::not_found, "token.service.create.identity_unknown");
  given(Spec{identity(v1::IDENTITY_SUSPENDED)}, {}).when(create())
      .then(Errc::denied, "token.service.create.identity_not_active");
  given(Spec{identity(v1::IDENTITY_RETIRED)}, {}).when(create())
      .then(refused("token.service.create.identity_not_active"));
}

TEST(CreateService, MayBelongToAPrincipalWithoutIdentityIfTheCallerSaysSo) {
  auto command = create();
  command.for_identity = false;
  auto expected = created();
  expected.mutable_created()->clear_generation();
  given(Spec{{}}, {}).when(command).then({expected});
  EXPECT_EQ(status_of(given({expected}).state(), nullptr, kNow), v1::TOKEN_ACTIVE);
}

TEST(CreateService, OfTheSameIdTwiceIsAConflict) {
  given({created()}).when(create()).then(Errc::conflict, "token.service.exists");
}

TEST(CreateService, NamesTheSourcesThatAnEventWriterMayClaim) {
  auto command = with_permissions({"event_write"}, {"admin"});
  command.sources = {"https://ci.example"};
  const auto decided = given({}).when(command).outcome();
  ASSERT_TRUE(decided.ok());
  EXPECT_EQ(given(decided.value()).state().sources(0), "https://ci.example");
  command.sources = {"a\nb"};
  given({}).when(command).then(refused("token.service.create.source_malformed"));
  command.sources.assign(101, "x");
  given({}).when(command).then(Errc::unprocessable, "token.service.create.too_many_sources");
  command = create();
  command.sources = {"x"};
  given({}).when(command).then(refused("token.service.create.sources_without_event_write"));
}

TEST(CreateService, ChecksOwnerNameAndMetadata) {
  auto command = create();
  command.owner = "a\nb";
  given({}).when(command).then(refused("token.service.create.owner_malformed"));
  command = create();
  command.name = "";
  given({}).when(command).then(refused("token.service.create.name_malformed"));
  command = create();
  command.metadata = {{"a", "1"}, {"a", "2"}};
  given({}).when(command).then(refused("metadata.key_repeated"));
  command = create();
  command.name = "  ci-cd ";
  given({}).when(command).then({created()});
}

TEST(RevokeService, EndsATokenOnce) {
  given({created()}).when(Revoke{"leaked"}).then({revoked("leaked")});
  given({created(), revoked("leaked")}).when(Revoke{"again"}).then_nothing();
  given({}).when(Revoke{}).then(Errc::not_found, "token.service.unknown");
  given({created()}).when(Revoke{"\x01"}).then(refused("reason.malformed"));
  const auto token = given({created(), revoked("leaked")}).state();
  EXPECT_EQ(token.revoked_at_ms(), kNow);
  EXPECT_EQ(token.revocation_reason(), "leaked");
}

TEST(StatusOfService, IsActiveUntilExactlyItsExpiry) {
  const auto owner = identity();
  const auto token = given({created(kNow + 1000)}).state();
  EXPECT_EQ(status_of(token, &owner, kNow + 999), v1::TOKEN_ACTIVE);
  EXPECT_EQ(status_of(token, &owner, kNow + 1000), v1::TOKEN_EXPIRED);
  EXPECT_EQ(status_of(given({created(0)}).state(), &owner, INT64_MAX), v1::TOKEN_ACTIVE);
}

TEST(StatusOfService, DiesWithTheGenerationOfItsIdentity) {
  const auto token = given({created()}).state();
  const auto suspended = identity(v1::IDENTITY_SUSPENDED, 2);
  const auto reactivated = identity(v1::IDENTITY_ACTIVE, 2);
  EXPECT_EQ(status_of(token, &suspended, kNow), v1::TOKEN_REVOKED);
  EXPECT_EQ(status_of(token, &reactivated, kNow), v1::TOKEN_REVOKED);
  EXPECT_EQ(status_of(token, nullptr, kNow), v1::TOKEN_REVOKED);
}

TEST(StatusOfService, RevokedOutlivesExpiryAndAnEmptyRowIsNotActive) {
  const auto owner = identity();
  EXPECT_EQ(status_of(given({created(), revoked("")}).state(), &owner, INT64_MAX),
            v1::TOKEN_REVOKED);
  EXPECT_EQ(status_of(State{}, &owner, 0), v1::TOKEN_REVOKED);
  EXPECT_EQ(status_of(State{}, nullptr, 0), v1::TOKEN_REVOKED);
}

TEST(ServiceTokenName, LosesNeedlessSpacesAndKeepsItsLetters) {
  EXPECT_EQ(*normalised_name("  CI   deploy "), "CI deploy");
  EXPECT_EQ(*normalised_name(std::string(128, 'x')), std::string(128, 'x'));
  for (const std::string& name : {std::string(), std::string("   "), std::string(129, 'x'),
                                  std::string("a\tb"), std::string("naïve"),
                                  std::string("a\0b", 3), std::string("a\x7f")}) {
    EXPECT_EQ(normalised_name(name).error().reason, "token.service.create.name_malformed");
  }
}

TEST(ServiceTokenName, IsUniqueWithoutRegardToCase) {
  EXPECT_EQ(name_key("CI Deploy-[1]"), "ci deploy-[1]");
}

TEST(Secret, IsSkAnd64LowerCaseHexadecimalDigits) {
  const std::string digits(32, '0'), letters(32, 'f');
  EXPECT_TRUE(well_formed_secret("sk_" + digits + letters));
  for (const auto& text :
       {std::string(), digits + letters, "sk_" + digits, "SK_" + digits + letters,
        "sk-" + digits + letters, " sk_" + digits + letters, "sk_" + digits + letters + "0",
        "sk_" + digits + std::string(32, 'F'), "sk_" + digits + std::string(32, 'g')}) {
    EXPECT_FALSE(well_formed_secret(text)) << text;
  }
}

TEST(Permissions, AreElevenAndAdminIncludesThemAll) {
  EXPECT_EQ(kPermissions.size(), 11u);
  for (const auto one : kPermissions) {
    EXPECT_TRUE(is_permission(one));
    EXPECT_TRUE(permits(std::vector<std::string>{"admin"}, one));
    EXPECT_TRUE(permits(std::vector{one}, one));
    EXPECT_EQ(permits(std::vector<std::string>{"introspect"}, one), one == "introspect");
  }
  EXPECT_FALSE(is_permission(""));
  EXPECT_FALSE(is_permission("Admin"));
}

}  // namespace
}  // namespace watchword::domain::service_token
