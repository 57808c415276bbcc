#include <gtest/gtest.h>

#include "events/policy/scopes.h"
#include "events/policy/type_policy.h"

namespace watchword::policy {
namespace {

using Names = std::vector<std::string>;

Scopes allowed(const Names& names) { return {names.begin(), names.end()}; }

TEST(Scope, IsAnRfc6749ScopeToken) {
  for (const auto* scope : {"payment:read", "a", "!", "#[]^_`{|}~", "https://x.example/y?z"}) {
    EXPECT_TRUE(is_scope(scope)) << scope;
  }
  for (const auto* scope : {"", "two words", "quote\"", "back\\slash", "tab\t", "\x7f", "é"}) {
    EXPECT_FALSE(is_scope(scope)) << scope;
  }
  EXPECT_TRUE(is_scope(std::string(kMaxScopeBytes, 'x')));
  EXPECT_FALSE(is_scope(std::string(kMaxScopeBytes + 1, 'x')));
  EXPECT_FALSE(is_scope(std::string_view("a\0b", 3)));
}

TEST(Scopes, KeepTheirOrderEachOnce) {
  const Names given{"b", "a", "b", "a", "c"};
  EXPECT_EQ(*distinct_scopes(given), (Names{"b", "a", "c"}));
}

TEST(Scopes, AreAtMostAHundred) {
  Names names;
  for (size_t i = 0; i < kMaxScopes; ++i) names.push_back("s" + std::to_string(i));
  EXPECT_TRUE(distinct_scopes(names).ok());
  names.push_back("one-more");
  EXPECT_EQ(distinct_scopes(names).error(), (Error{Errc::unprocessable, "scope.too_many"}));
}

TEST(Granted, IsAllThatWasRequested) {
  const Names requested{"write", "read"};
  EXPECT_EQ(*granted_scopes(requested, allowed({"read", "write", "delete"})), requested);
}

TEST(Granted, IsNeverLessThanWhatWasRequested) {
  const Names requested{"read", "admin"};
  const auto granted = granted_scopes(requested, allowed({"read", "write"}));
  EXPECT_EQ(granted.error(), (Error{Errc::invalid, "scope.invalid_scope"}));
  EXPECT_EQ(granted.error().detail, "admin");
}

TEST(Granted, ScopesAreComparedWhole) {
  const Names prefix{"payment"}, longer{"payment:read:all"}, upper{"PAYMENT:READ"};
  for (const auto& requested : {prefix, longer, upper}) {
    EXPECT_EQ(granted_scopes(requested, allowed({"payment:read"})).error().reason,
              "scope.invalid_scope");
  }
}

TEST(Granted, NothingIsGrantedToWhoAsksForNothing) {
  EXPECT_EQ(granted_scopes({}, allowed({"read"})).error().reason, "scope.none_requested");
}

TEST(Granted, ABrokenScopeIsNamedAsSuch) {
  const Names requested{"two words"};
  EXPECT_EQ(granted_scopes(requested, allowed({"two words"})).error().reason, "scope.malformed");
}

TEST(Duration, IsTheLimitWhenLeftOut) { EXPECT_EQ(*granted_duration_s({}, 300), 300); }

TEST(Duration, IsWhatWasAskedForUpToTheLimit) {
  EXPECT_EQ(*granted_duration_s(1, 300), 1);
  EXPECT_EQ(*granted_duration_s(300, 300), 300);
}

TEST(Duration, AboveTheLimitIsRefusedNotShortened) {
  EXPECT_EQ(granted_duration_s(301, 300).error(),
            (Error{Errc::unprocessable, "duration.above_limit"}));
  EXPECT_EQ(granted_duration_s(INT64_MAX, 300).error().reason, "duration.above_limit");
}

TEST(Duration, IsAtLeastASecond) {
  EXPECT_EQ(granted_duration_s(0, 300).error().reason, "duration.not_positive");
  EXPECT_EQ(granted_duration_s(INT64_MIN, 300).error().reason, "duration.not_positive");
}

TEST(Duration, AZeroLimitMeansNoTokensAtAll) {
  EXPECT_EQ(granted_duration_s({}, 0).error(), (Error{Errc::denied, "duration.no_tokens"}));
}

TEST(TypePolicy, HasTheProductionValuesByDefault) {
  const auto policies = production_policies();
  EXPECT_EQ(policies.of(v1::SERVICE_ACCOUNT), (TypePolicy{3600, false, true}));
  EXPECT_EQ(policies.of(v1::AI_AGENT), (TypePolicy{300, true, true}));
  EXPECT_EQ(policies.of(v1::API_KEY), (TypePolicy{1800, false, false}));
  EXPECT_EQ(policies.of(v1::HUMAN), (TypePolicy{900, false, true}));
}

TEST(TypePolicy, GivesNoTokensToKindsThatCannotBeRegistered) {
  const auto policies = production_policies();
  EXPECT_EQ(policies.of(v1::FOREIGN).max_token_lifetime_s, 0);
  EXPECT_EQ(policies.of(v1::IDENTITY_KIND_UNSPECIFIED).max_token_lifetime_s, 0);
  EXPECT_EQ(policies.of(static_cast<v1::IdentityKind>(-1)).max_token_lifetime_s, 0);
  EXPECT_EQ(policies.of(static_cast<v1::IdentityKind>(99)).max_token_lifetime_s, 0);
}

}  // namespace
}  // namespace watchword::policy
