// What looks the same is told apart, what is the same has one form, and what cannot be seen is
// refused.
#include <map>
#include <set>

#include "tests/integration/hostile/raw.h"
#include "tests/integration/shared_node.h"

namespace watchword::testing {
namespace {

using Texts = std::vector<std::string>;

std::string escaped(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    out += '%';
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(c));
  return text;
}

class Lookalikes : public SharedNode {
 protected:
  Answer registered(const std::string& name, const std::string& team = "team") {
    return admin_.post("/api/v1/identities",
                       R"({"identity_type":{"type":"ServiceAccount","service_name":")" + name +
                           R"(","environment":"e","owner_team":")" + team +
                           R"("},"allowed_scopes":["a:read"]})");
  }
  Answer observed(const std::string& subject, const std::string& id,
                  const std::string& member = "subject") {
    return admin_.post("/api/v1/events",
                       R"({"id":")" + id + R"(","time":"2026-05-01T00:00:00Z","source":"look",")" +
                           member + R"(":")" + subject +
                           R"(","action":"auth.login","outcome":"success"})");
  }
  // Ids by the subject that another service named, as it was written.
  std::multimap<std::string, std::string> subjects() {
    std::multimap<std::string, std::string> out;
    const auto list = admin_.get("/api/v1/identities?type=Foreign&limit=500");
    for (size_t i = 0; i < list.count("/items"); ++i) {
      const std::string at = "/items/" + std::to_string(i);
      out.emplace(list.text(at + "/identity_type/subject"), list.text(at + "/identity_id"));
    }
    return out;
  }
};

TEST_F(Lookalikes, ANameHoldsNothingThatCannotBeSeen) {
  for (const std::string& name :
       Texts{"pay\u200bments",    "payments\u200d",  "\ufeffpayments",      "payments ",
             " payments",         "payments\u00a0",  "payments\u3000",      "pay\u2003ments",
             "payments\ufe0f",    "pay\u00adments",  "\u202epayments",      "pay\u2066ments",
             "pay\u034fments",    "\u3164",          "pay\u115fments",      "payments\\u0000",
             "payments\\n",       "payments\\u0085", "payments\u2028",      "payments\\u200b",
             "pay\xc0\xaf",       "pay\xc0\x80",     "pay\xed\xa0\x80",     "pay\\ud800",
             "pay\\udc00\\ud800", "pay\xff",         "pay\xf4\x90\x80\x80", "pay\xe2\x80",
             "\U000e0041payments"}) {
    const auto answer = registered(name);
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_EQ(flaw_of(answer.reply), "") << name;
  }
  const auto teams = registered("fine", "te\u200bam");
  EXPECT_EQ(teams.status, 400);
}

TEST_F(Lookalikes, TwoFormsOfALetterAreTwoTextsEverywhere) {
  const std::string composed = "caf\u00e9", decomposed = "cafe\u0301";
  const auto one = registered("n1", composed), two = registered("n2", decomposed);
  ASSERT_EQ(one.status, 201) << one.reply.body;
  ASSERT_EQ(two.status, 201) << two.reply.body;
  const auto by_one = admin_.get("/api/v1/identities?owner_team=" + escaped(composed));
  ASSERT_EQ(by_one.count("/items"), 1u) << by_one.reply.body;
  EXPECT_EQ(by_one.text("/items/0/identity_id"), one.text("/identity_id"));
  EXPECT_EQ(by_one.text("/items/0/identity_type/owner_team"), composed) << "kept as it was written";
  const auto by_two = admin_.get("/api/v1/identities?owner_team=" + escaped(decomposed));
  ASSERT_EQ(by_two.count("/items"), 1u);
  EXPECT_EQ(by_two.text("/items/0/identity_id"), two.text("/identity_id"));
  for (const std::string& other :
       Texts{"CAF\u00c9", "cafe", "caf\u00e9 ", "caf\u00e9\u200b", "caf%C3%A9"})
    EXPECT_EQ(admin_.get("/api/v1/identities?owner_team=" + escaped(other)).count("/items"), 0u)
        << other;
}

TEST_F(Lookalikes, ATokenNameIsAsciiAndOneWhateverItsCaseAndSpaces) {
  const auto create = [&](const std::string& name) {
    return admin_
        .post("/api/v1/auth/tokens",
              R"({"token_name":")" + name + R"(","permissions":["api_read"]})")
        .status;
  };
  EXPECT_EQ(create("Deploy Bot"), 201);
  for (const std::string& same :
       Texts{"deploy bot", "DEPLOY BOT", " Deploy Bot", "Deploy Bot ", "Deploy  Bot"})
    EXPECT_EQ(create(same), 409) << same;
  for (const std::string& odd :
       Texts{"Dep\u0142oy Bot", "\u0440eploy", "Deploy\u00a0Bot", "Deploy\u200bBot", "Deploy\\tBot",
             "Deploy\\u0000Bot", "", " ", "\uff24eploy Bot"})
    EXPECT_EQ(create(odd), 400) << odd;
}

TEST_F(Lookalikes, AnIdInAPathHasOneForm) {
  const auto issued = admin_.issue(admin_.register_service("paths"));
  const std::string id = issued.text("/token_id"), first = id.substr(0, 1), rest = id.substr(1);
  Texts forms{id + "%20",
              "%20" + id,
              id + "%00",
              id + ".",
              id + "/",
              id + "//",
              "/" + id,
              "./" + id,
              id + ";x=1",
              id + "%0a",
              id + "%0d%0aX-Evil:1",
              id + "%C0%80",
              id + "%e2%80%8b",
              "%ef%bc%90" + rest,
              "{" + id + "}",
              "%7B" + id + "%7D",
              "urn:uuid:" + id,
              id + "%2f..",
              "..%2f" + id,
              id + "%5c",
              id.substr(0, 35),
              id + "0",
              "%25" + escaped(first).substr(1) + rest,
              "%u0030" + rest,
              "%" + rest,
              "%3" + rest,
              id + "%",
              id + "#x",
              "'" + id + "'",
              id + "%27--",
              "*",
              "%2a",
              "_",
              "%25"};
  std::string bare = id;
  std::erase(bare, '-');
  forms.push_back(bare);
  for (const std::string& form : forms) {
    for (const char* base : {"/api/v1/tokens/", "/api/v1/tokens/usage/", "/api/v1/auth/tokens/",
                             "/api/v1/identities/"}) {
      const int got = admin_.get(base + form).status;
      EXPECT_TRUE(got == 404 || got == 400) << base << form << ": " << got;
    }
    const int removed = admin_.remove("/api/v1/tokens/" + form).status;
    EXPECT_TRUE(removed == 404 || removed == 400 || removed == 405) << form << ": " << removed;
  }
  EXPECT_TRUE(admin_.is_active(issued.text("/access_token")));
  for (const std::string& path :
       Texts{"/API/v1/tokens/" + id, "/api/v1/%74okens/" + id, "/api/v1//tokens/" + id,
             "/api%2fv1/tokens/" + id, "/api/v1/tokens%2f" + id, "//api/v1/tokens/" + id}) {
    EXPECT_EQ(admin_.remove(path).status, 404) << path;
  }
  EXPECT_TRUE(admin_.is_active(issued.text("/access_token")));
  // RFC 9562 section 4: case does not matter when a UUID is read.
  EXPECT_EQ(admin_.get("/api/v1/tokens/" + upper(id)).text("/token_id"), id);
}

TEST_F(Lookalikes, AnIdempotencyKeyIsItsBytes) {
  std::set<std::string> ids;
  const Texts keys{"k",    "K",           "k.",           "\"k\"",         "%6b",
                   "k%20", "caf\xc3\xa9", "cafe\xcc\x81", "k\xe2\x80\x8b", "k k",
                   "k  k", "\xff"};
  const std::string body =
      R"({"identity_type":{"type":"ServiceAccount","service_name":"keyed","environment":"e","owner_team":"o"}})";
  for (const std::string& key : keys) {
    const auto answer = admin_.post("/api/v1/identities", body, {"Idempotency-Key: " + key});
    EXPECT_EQ(answer.status, 201) << key;
    ids.insert(answer.text("/identity_id"));
  }
  EXPECT_EQ(ids.size(), keys.size());
  for (const std::string& key :
       Texts{"k", " k ", "\tk"}) {  // white space around a header's value is not part of it
    const auto again = admin_.post("/api/v1/identities", body, {"Idempotency-Key:" + key});
    EXPECT_EQ(ids.count(again.text("/identity_id")), 1u) << key;
  }
  EXPECT_EQ(
      admin_.post("/api/v1/identities", body, {"Idempotency-Key: " + std::string(257, 'k')}).status,
      400);
  EXPECT_EQ(admin_.post("/api/v1/identities", body, {"Idempotency-Key:"}).status, 400);
}

TEST_F(Lookalikes, ASubjectIsItsBytesAndNeverAnIdentityOfOurs) {
  const std::string ours = admin_.register_service("ours");
  const Texts forms{"dave",
                    "Dave",
                    "dave ",
                    " dave",
                    "da\u200bve",
                    "dav\u00e9",
                    "dave\u0301",
                    "\uff44ave",
                    "d\u0430ve",
                    ours,
                    upper(ours),
                    "watchword",
                    "dave@example.com",
                    "dave@EXAMPLE.com"};
  int number = 0;
  for (const std::string& form : forms)
    EXPECT_EQ(observed(form, "s" + std::to_string(number++)).number("/accepted"), 1) << form;
  const auto known = subjects();
  std::set<std::string> ids;
  for (const std::string& form : forms) {
    EXPECT_EQ(known.count(form), 1u) << form;
    for (auto [at, end] = known.equal_range(form); at != end; ++at) ids.insert(at->second);
  }
  EXPECT_EQ(ids.size(), forms.size());
  EXPECT_EQ(ids.count(ours), 0u);
  const auto timeline = admin_.get("/api/v1/identities/" + ours + "/timeline").reply.body;
  EXPECT_EQ(timeline.find("auth.login"), timeline.npos)
      << "a subject passed for an identity of ours";
  for (const std::string& bad : Texts{"da\\u0000ve", "da\xc0\x80ve", "da\xed\xa0\x80", "\\ud800"}) {
    const auto answer = observed(bad, "bad" + std::to_string(number++));
    EXPECT_TRUE(answer.status == 400 || answer.number("/accepted") == 0) << answer.reply.body;
  }
}

TEST_F(Lookalikes, AnIdentityIdInAnEventNamesThatIdentityOrNone) {
  const std::string ours = admin_.register_service("named");
  int number = 0;
  for (const std::string& form :
       Texts{ours + " ", " " + ours, ours + "\\u0000", "{" + ours + "}", "urn:uuid:" + ours,
             ours.substr(0, 35), ours + "\u200b", "00000000-0000-0000-0000-000000000000"}) {
    const auto answer = observed(form, "i" + std::to_string(number++), "identity_id");
    EXPECT_TRUE(answer.status == 400 ||
                (answer.number("/accepted") == 0 && answer.count("/rejected") == 1))
        << form << ": " << answer.reply.body;
  }
  EXPECT_EQ(observed(ours, "good", "identity_id").number("/accepted"), 1);
}

TEST_F(Lookalikes, ACredentialIsItsBytes) {
  const std::string secret = node().token_with({"api_read"}), digits = secret.substr(3);
  ASSERT_EQ(secret.size(), 67u);
  for (const std::string& form :
       Texts{upper(secret), "SK_" + digits, "sk_" + upper(digits), secret + "=", secret + "0",
             secret.substr(0, 66), "sk-" + digits, digits, "sk_" + digits.substr(1) + digits[0]}) {
    if (form == secret) continue;
    const int status = node().as(form).get("/api/v1/auth/me").status;
    EXPECT_TRUE(status == 401 || status == 429) << form;
    EXPECT_EQ(admin_.introspect(escaped(form)), kInactive) << form;
  }
  for (const std::string& form : Texts{secret + " ", " " + secret, secret + "\u200b"})
    EXPECT_EQ(admin_.introspect(escaped(form)), kInactive) << form;
  const std::string me =
      "GET /api/v1/auth/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ";
  for (const std::string& value : Texts{
           "Bearer\t" + secret, "Bearer  " + secret, "Bearer:" + secret, "Bearer " + secret + ", x",
           "Bearer \"" + secret + "\"", "Token " + secret, secret, "Basic " + secret,
           "Bearer " + secret + "\r\nAuthorization: Bearer " + node().admin_token()}) {
    const auto heard = say(node().api_url(), me + value + "\r\n\r\n");
    ASSERT_EQ(heard.replies.size(), 1u) << value;
    EXPECT_TRUE(heard.replies[0].status == 401 || heard.replies[0].status == 400 ||
                heard.replies[0].status == 429)
        << value << ": " << heard.replies[0].status;
  }
  EXPECT_EQ(node().as(secret).get("/api/v1/auth/me").status, 200);
}

TEST_F(Lookalikes, AScopeAndAPermissionAreTheirBytes) {
  const std::string id = admin_.register_service("scopes");
  const auto ask = [&](const std::string& scope) {
    return admin_
        .post("/api/v1/tokens/jit", R"({"identity_id":")" + id +
                                        R"(","justification":"x","requested_scopes":[")" + scope +
                                        R"("]})")
        .status;
  };
  EXPECT_EQ(ask("a:read"), 201);
  for (const std::string& scope :
       Texts{"A:READ", "a:read ", " a:read", "a:read\u200b", "a:rea", "a:read:x", "a:*", "*",
             "a:read\\u0000", "a:read a:admin", "\u0430:read", "a%3Aread", "a:read\\n"})
    EXPECT_EQ(ask(scope), 400) << scope;
  for (const std::string& permission : Texts{"ADMIN", "admin ", "adm\u200bin", "\u0430dmin",
                                             "any_token", "none", "*", "", "admin\\u0000"}) {
    const int status = admin_
                           .post("/api/v1/auth/tokens",
                                 R"({"token_name":"p","permissions":[")" + permission + R"("]})")
                           .status;
    EXPECT_EQ(status, 400) << permission;
  }
  auto holder = node().as(admin_.issue(id).text("/access_token"));
  for (const std::string& scope : Texts{"A:READ", "a:rea", "read", "a:read%00", "a%20read",
                                        "a:read%09", "a:read,a:write", "a:reada:read"}) {
    const int status = holder.get("/authz/forward/x?scope=" + scope).status;
    EXPECT_TRUE(status == 403 || status == 400) << scope << ": " << status;
  }
  EXPECT_EQ(holder.get("/authz/forward/x?scope=a:read").status, 200);
}

}  // namespace
}  // namespace watchword::testing
