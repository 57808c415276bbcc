#include "api/http/router.h"

#include <gtest/gtest.h>

#include <set>

namespace watchword::http {
namespace {

constexpr Permission kAny = Permission::any_token;
constexpr std::array kRoutes{
    Route{Verb::get, "/api/v1/identities", kAny, nullptr, "list"},
    Route{Verb::post, "/api/v1/identities", kAny, nullptr, "register"},
    Route{Verb::get, "/api/v1/identities/{id}", kAny, nullptr, "show"},
    Route{Verb::patch, "/api/v1/identities/{id}", kAny, nullptr, "change"},
    Route{Verb::post, "/api/v1/identities/{id}/suspend", kAny, nullptr, "suspend"},
    Route{Verb::get, "/api/v1/auth/tokens/{id}", kAny, nullptr, "token"},
    Route{Verb::get, "/api/v1/auth/tokens/analytics", kAny, nullptr, "analytics"},
    Route{Verb::get, "/api/v1/auth/tokens/{id}/analytics", kAny, nullptr, "token analytics"},
    Route{Verb::get, "/api/v1/{kind}/{id}/{part}", kAny, nullptr, "three parameters"},
    Route{Verb::any, "/authz/forward/*", Permission::none, nullptr, "forward"},
};

std::string found(Verb verb, std::string_view path) {
  static const Router router(kRoutes);
  Match match;
  router.find(verb, path, match);
  std::string text = std::to_string(match.status);
  if (match.route) text += " " + std::string(match.route->summary);
  for (size_t i = 0; i < match.parameter_count && match.route; ++i)
    text += " " + std::string(match.names[i]) + "=" + match.values[i];
  if (!match.route && !match.allow.empty()) text += " " + std::string(match.allow);
  return text + std::string(match.suffix);
}

TEST(Router, FindsExactPathsAndParameters) {
  EXPECT_EQ(found(Verb::get, "/api/v1/identities"), "200 list");
  EXPECT_EQ(found(Verb::post, "/api/v1/identities"), "200 register");
  EXPECT_EQ(found(Verb::get, "/api/v1/identities/7"), "200 show id=7");
  EXPECT_EQ(found(Verb::post, "/api/v1/identities/7/suspend"), "200 suspend id=7");
  EXPECT_EQ(found(Verb::get, "/api/v1/x/y/z"), "200 three parameters kind=x id=y part=z");
}

TEST(Router, ExactTextGoesBeforeParameters) {
  EXPECT_EQ(found(Verb::get, "/api/v1/auth/tokens/analytics"), "200 analytics");
  EXPECT_EQ(found(Verb::get, "/api/v1/auth/tokens/analytics/analytics"),
            "200 token analytics id=analytics");
}

TEST(Router, UnknownPathsAreNotFound) {
  for (const auto* path :
       {"/", "/api", "/api/v1/identities/", "/api/v1//7", "/api/v1/identities/7/suspend/",
        "/API/v1/identities", "/api/v1/identities/7/8/9/10/11/12/13/14/15/16/17/18/19/20"})
    EXPECT_EQ(found(Verb::get, path), "404") << path;
}

TEST(Router, AKnownPathWithAnotherVerbSaysWhatIsAllowed) {
  EXPECT_EQ(found(Verb::del, "/api/v1/identities"), "405 GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(found(Verb::get, "/api/v1/identities/7/suspend"), "405 POST, OPTIONS");
  EXPECT_EQ(found(Verb::options, "/api/v1/identities/7"), "204 GET, HEAD, PATCH, OPTIONS");
  EXPECT_EQ(found(Verb::options, "*"), "204 GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  EXPECT_EQ(found(Verb::other, "/api/v1/identities"), "501 GET, HEAD, POST, OPTIONS");
}

TEST(Router, HeadIsServedByGet) {
  EXPECT_EQ(found(Verb::head, "/api/v1/identities"), "200 list");
  EXPECT_EQ(found(Verb::head, "/api/v1/identities/7/suspend"), "405 POST, OPTIONS");
}

TEST(Router, ASuffixRouteTakesEveryVerbAndEverythingBelow) {
  EXPECT_EQ(found(Verb::get, "/authz/forward"), "200 forward");
  EXPECT_EQ(found(Verb::other, "/authz/forward/a/%2e/b"), "200 forward/a/%2e/b");
  EXPECT_EQ(found(Verb::options, "/authz/forward/"), "200 forward/");
  EXPECT_EQ(found(Verb::get, "/authz/forwarded"), "404");
}

TEST(Router, ParametersAreDecodedStrictly) {
  EXPECT_EQ(found(Verb::get, "/api/v1/identities/a%20b"), "200 show id=a b");
  EXPECT_EQ(found(Verb::get, "/api/v1/identities/%41"), "200 show id=A");
  EXPECT_EQ(found(Verb::get, "/api/v1/identities/a+b"), "200 show id=a+b");
  for (const auto* bad : {"a%2Fb", "a%5Cb", "%ff", "%0a", "%7f", "%c0%80"})
    EXPECT_EQ(found(Verb::get, "/api/v1/identities/" + std::string(bad)), "404") << bad;
  EXPECT_EQ(found(Verb::get, "/api/v1/identities/" + std::string(257, 'a')), "404");
}

TEST(RouterDeathTest, TwoRoutesForOneVerbAndPathAreABug) {
  static constexpr std::array kTwice{Route{Verb::get, "/a", kAny, nullptr, ""},
                                     Route{Verb::get, "/a", kAny, nullptr, ""}};
  EXPECT_DEATH(Router router(kTwice), "place == nullptr");
}

TEST(Router, EveryPermissionHasItsOwnName) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Permission::audit_read); ++i)
    names.insert(permission_text(static_cast<Permission>(i)));
  EXPECT_EQ(names.size(), 13u);
  EXPECT_FALSE(names.contains(""));
}

}  // namespace
}  // namespace watchword::http
