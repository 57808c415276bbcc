// No secret anywhere but where it lives: not in files, logs, metrics, answers, streams, copies, nor in memory once it is over.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <filesystem>

#include "events/base/clock.h"
#include "events/crypto/aead.h"
#include "events/crypto/encoding.h"
#include "events/crypto/hash.h"
#include "events/crypto/jwt.h"
#include "stores/keys/key_ring.h"
#include "stores/keys/vault_record.h"
#include "tests/support/node.h"
#include "tests/support/secret_scan.h"

namespace watchword::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTokens = "/api/v1/auth/tokens";
constexpr std::string_view kForm = "Content-Type: application/x-www-form-urlencoded";
constexpr std::string_view kWrongSecret =
    "sk_5d41402abc4b2a76b9719d911017c592aa7f3c0e1b2d4f608192a3b4c5d6e7f8";
constexpr std::string_view kPassword = "correct-horse-battery";
constexpr std::string_view kUserName = "zebulon.quux", kEmail = "zebulon.quux@people.example",
                           kStranger = "mallory.vantage@partner.example";

std::string after_last_dot(const std::string& jwt) { return jwt.substr(jwt.rfind('.') + 1); }

// What was made and presented, and everything that was answered where no secret belongs.
struct Made {
  SecretScan secrets, people;
  std::string answers;
  std::string identity, jit_token, service_token, person;  // ids to ask about

  void keep(const Answer& answer) { answers += answer.reply.head + "\n" + answer.reply.body + "\n"; }
  void add_token(const std::string& name, std::string_view token) {
    secrets.add(name, token.starts_with("sk_") ? token.substr(3) : token);
  }
  void add_jwt(const std::string& name, const std::string& jwt) {
    ASSERT_NE(jwt.find('.'), jwt.npos) << name;
    secrets.add(name, jwt);
    secrets.add(name + "'s signature", after_last_dot(jwt));
    secrets.add(name + "'s signature in bytes", *crypto::from_base64url(after_last_dot(jwt)));
  }
};

std::string attestation(const crypto::SigningKey& key, const std::string& identity,
                        const std::string& audience, std::string_view jti) {
  return crypto::sign_jwt(key, key.kid(), "JWT",
                          R"({"aud":")" + audience + R"(","sub":")" + identity + R"(","jti":")" +
                              std::string(jti) + R"(","iat":)" + std::to_string(time(nullptr)) +
                              R"(,"exp":)" + std::to_string(time(nullptr) + 60) + "}");
}

std::string named(const std::string& name) {
  return R"({"token_name":")" + name + R"(","permissions":["api_read","introspect"]})";
}

// Every secret that the product makes, also twice by Idempotency-Key, used, and some of them revoked.
void make_tokens(Node& node, Made& run) {
  auto admin = node.admin();
  run.add_token("admin token", node.admin_token());
  const std::vector<std::string> key{"Idempotency-Key: secret-once"};
  const auto made = admin.post(kTokens, named("kept"), key), again = admin.post(kTokens, named("kept"), key);
  ASSERT_EQ(made.status, 201) << made.reply.body;
  ASSERT_EQ(again.text("/token"), made.text("/token"));
  run.add_token("service token", made.text("/token"));
  run.service_token = made.text("/id");
  EXPECT_EQ(node.as(made.text("/token")).get("/api/v1/auth/me").status, 200);
  const auto gone = admin.post(kTokens, named("gone"));
  run.add_token("revoked service token", gone.text("/token"));
  EXPECT_EQ(admin.remove(std::string(kTokens) + "/" + gone.text("/id")).status, 204);
  run.keep(node.as(gone.text("/token")).get("/api/v1/auth/me"));
  const auto partner = admin.post(
      "/api/v1/identities",
      R"({"identity_type":{"type":"ApiKey","key_name":"partner","owner_team":"t"},"allowed_scopes":["a:read"]})",
      {"Idempotency-Key: api-key-once"});
  run.add_token("API key", partner.text("/api_key"));
  const std::string id = admin.register_service("holder");
  const auto issued = admin.issue(id), revoked = admin.issue(id, R"("max_usage":3)");
  run.add_jwt("JIT token", issued.text("/access_token"));
  run.identity = id;
  run.jit_token = issued.text("/token_id");
  run.add_jwt("revoked JIT token", revoked.text("/access_token"));
  EXPECT_TRUE(admin.is_active(issued.text("/access_token"), "client_ip=10.0.0.1&endpoint=/a"));
  auto holder = node.as(issued.text("/access_token"));
  EXPECT_EQ(holder.get("/authz/forward/x", {"X-Forwarded-Uri: /page?access_token=" +
                                            issued.text("/access_token") + "#" + made.text("/token")}).status, 200);
  EXPECT_TRUE(admin.is_active(revoked.text("/access_token")));
  EXPECT_EQ(admin.remove("/api/v1/tokens/" + revoked.text("/token_id")).status, 204);
  EXPECT_FALSE(admin.is_active(revoked.text("/access_token")));
}

void make_attestations(Node& node, Made& run) {
  auto admin = node.admin();
  const auto key = crypto::SigningKey::generate(crypto::Algorithm::es256);
  const auto agent = admin.post(
      "/api/v1/identities",
      R"({"identity_type":{"type":"AIAgent","agent_name":"helper","model":"m","owner_team":"t"},
      "allowed_scopes":["a:read"],"attestation":{"jwks":{"keys":[)" + key.verify_key().jwk() + "]}}}");
  ASSERT_EQ(agent.status, 201) << agent.reply.body;
  const std::string id = agent.text("/identity_id");
  const std::string good = attestation(key, id, node.api_url(), "1"),
                    elsewhere = attestation(key, id, "https://elsewhere", "2");
  run.add_jwt("attestation", good);
  run.add_jwt("refused attestation", elsewhere);
  auto nobody = node.as("");
  const auto issued = nobody.issue(id, R"("attestation_data":")" + good + R"(")");
  ASSERT_EQ(issued.status, 201) << issued.reply.body;
  run.add_jwt("attested JIT token", issued.text("/access_token"));
  run.keep(nobody.issue(id, R"("attestation_data":")" + good + R"(")"));
  run.keep(nobody.issue(id, R"("attestation_data":")" + elsewhere + R"(")"));
}

void make_people(Node& node, Made& run) {
  auto admin = node.admin();
  run.people.add("user name", kUserName);
  run.people.add("e-mail address", kEmail);
  run.people.add("foreign subject", kStranger);
  const auto person = admin.post(
      "/api/v1/identities", R"({"identity_type":{"type":"Human","username":")" + std::string(kUserName) +
                                R"(","email":")" + std::string(kEmail) + R"("},"allowed_scopes":["a:read"]})");
  ASSERT_EQ(person.status, 201) << person.reply.body;
  run.person = person.text("/identity_id");
  std::string events = "[";
  for (int i = 0; i < 40; ++i)
    events += std::string(i == 0 ? "" : ",") + R"({"id":"p)" + std::to_string(i) +
              R"(","time":"2026-06-01T10:00:00Z","source":"shop","subject":")" + std::string(kStranger) +
              R"(","action":"auth.login","outcome":"failure","source_ip":"203.0.113.9"})";
  EXPECT_EQ(admin.post("/api/v1/events", events + "]").number("/accepted"), 40);
}

// Secrets where they do not belong: in paths, queries, fields that do not exist, other schemes, broken requests.
void misplace(Node& node, Made& run, const std::string& token) {
  const std::string wrong(kWrongSecret), password(kPassword);
  auto admin = node.admin(), stranger = node.as(wrong), nobody = node.as("");
  for (const char* path : {"/api/v1/auth/me", "/api/v1/identities", "/api/v1/system/status", "/authz/forward/a"})
    run.keep(stranger.get(path));
  run.keep(node.as(token + "x").get("/api/v1/auth/me"));
  run.keep(node.as(token.substr(0, token.size() / 2)).get("/api/v1/auth/me"));
  run.keep(nobody.get("/api/v1/auth/me", {"Authorization: Basic YWRtaW46Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"}));
  run.keep(nobody.get("/api/v1/auth/me", {"Authorization: Digest " + password, "Cookie: token=" + token}));
  for (const std::string& value : {wrong, password, token}) {
    run.keep(admin.get("/api/v1/tokens/" + value));
    run.keep(admin.get("/api/v1/identities?token=" + value));
    run.keep(admin.get("/api/v1/identities?cursor=" + value));
    run.keep(admin.get("/" + value));
    run.keep(admin.post("/api/v1/identities", R"({"password":")" + value + R"("})"));
    run.keep(admin.post("/api/v1/tokens/jit", R"({"identity_id":")" + value + R"(","requested_scopes":[")" + value + "\"]}"));
    run.keep(admin.post("/api/v1/tokens/jit", R"({"attestation_data":")" + value + R"(","attestation_data":1})"));
    run.keep(admin.post("/api/v1/events", R"([{"id":"x","token":")" + value + R"("}])"));
    run.keep(admin.post("/api/v1/events", "{" + value));
    run.keep(admin.post("/oauth2/introspect", "token=" + value + "&token=" + value, {std::string(kForm)}));
    run.keep(admin.post("/oauth2/introspect", "token=" + value, {std::string(kForm)}));
    run.keep(admin.post("/oauth2/revoke", "token_type_hint=" + value, {std::string(kForm)}));
    run.keep(nobody.request("BREW", "/api/v1/auth/me?x=" + value));
    run.keep(admin.get("/api/v1/identities", {"Watchword-Position: " + value}));
    run.keep(admin.get("/api/v1/identities", {"Host: " + value}));
  }
}

// Answers that may be read by many: nothing in them is a secret.
void read_everything(Node& node, Made& run) {
  auto admin = node.admin();
  for (const char* path :
       {"/api/v1/auth/tokens", "/api/v1/audit/events", "/api/v1/system/status", "/api/v1/auth/health",
        "/api/v1/monitoring/alerts", "/.well-known/jwks.json", "/api/v1/auth/me"}) {
    const auto answer = admin.get(path);
    EXPECT_EQ(answer.status, 200) << path;
    run.keep(answer);
  }
  for (const std::string& path :
       {"/api/v1/identities/" + run.identity, "/api/v1/identities/" + run.identity + "/timeline",
        "/api/v1/identities/" + run.identity + "/risk", "/api/v1/identities/" + run.person + "/timeline",
        "/api/v1/tokens/" + run.jit_token, "/api/v1/tokens/usage/" + run.jit_token,
        std::string(kTokens) + "/" + run.service_token}) {
    const auto answer = admin.get(path);
    EXPECT_EQ(answer.status, 200) << path;
    run.keep(answer);
  }
  // While a node holds the keys, names of people are sealed to `replay at`.
  for (const auto& id : {run.identity, run.person, run.jit_token, run.service_token}) {
    const auto told = run_watchword({"replay", "at", "--data", node.data(), "--json", "--subject", id});
    EXPECT_EQ(told.exit_code, 0) << told.errors;
    run.answers += told.out + told.errors;
  }
  run.keep(node.operations().get("/metrics"));
  for (const char* topic : {"identity", "token", "alert", "dead-letter"}) {
    const auto told = run_watchword({"events", "tail", "--topic", topic, "--from", "0", "--once", "--json", "--url",
                                     node.api_url(), "--token-file", node.token_file()});
    EXPECT_EQ(told.exit_code, 0) << told.errors;
    run.answers += told.out + told.errors;
  }
  for (const char* verb : {"status", "alerts"}) {
    std::vector<std::string> words{verb, "--url", node.api_url(), "--token-file", node.token_file()};
    if (std::string_view(verb) == "alerts") words.insert(words.begin() + 1, "list");
    const auto told = run_watchword(words);
    EXPECT_EQ(told.exit_code, 0) << told.errors;
    run.answers += told.out + told.errors;
  }
}

// What the key files hold and what follows from it.
void add_keys(const Node& node, Made& run) {
  const std::string keys = node.data() + "/keys", master = read_whole_file(keys + "/master.key");
  ASSERT_EQ(master.size(), 32u);
  run.secrets.add("master key", master);
  const auto derived = [&](std::string_view purpose) {
    return crypto::Key256(crypto::hkdf_sha256(master, purpose));
  };
  const auto wrap = derived("watchword/1/vault"), ring_key = derived("watchword/1/signing-keys");
  run.secrets.add("vault key", wrap.view());
  run.secrets.add("key of the ring", ring_key.view());
  run.secrets.add("look-up key", derived("watchword/1/lookup").view());
  run.secrets.add("body and cursor key", derived("watchword/1/body-hmac").view());
  auto ring = keys::KeyRing::open(keys + "/signing.ring", ring_key, system_entropy());
  ASSERT_TRUE(ring.ok());
  ASSERT_FALSE((*ring)->all().empty());
  for (const auto& held : (*ring)->all()) {
    const auto der = held->key.pkcs8();
    const size_t scalar = der.view().find(std::string_view("\x02\x01\x01\x04\x20", 5));
    ASSERT_NE(scalar, std::string_view::npos);
    run.secrets.add("private key, PKCS #8", der.view());
    run.secrets.add("private key, scalar", der.view().substr(scalar + 5, 32));
  }
  const std::string vault = read_whole_file(keys + "/vault");
  size_t persons = 0;
  for (uint64_t number = 0; keys::offset_of(number) + keys::kPieceBytes <= vault.size(); ++number) {
    keys::Record record;
    const auto piece = std::string_view(vault).substr(keys::offset_of(number), keys::kPieceBytes);
    ASSERT_EQ(keys::read_record(piece, number, record), keys::Reading::whole);
    const auto view_of = [](const auto& bytes) {
      return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    };
    const auto key = crypto::aes_gcm_open(wrap, view_of(record.key.nonce), record.principal.view(),
                                          view_of(record.key.sealed));
    ASSERT_TRUE(key);
    run.secrets.add("key of a person", *key);
    ++persons;
  }
  EXPECT_GE(persons, 2u);
}

const std::vector<SecretScan::Home> kHomes{{"/keys/master.key", "master key"}, {"/admin.token", "admin token"}};

void expect_nowhere(const Node& node, const Made& run, const std::string& folder) {
  EXPECT_EQ(text_of(run.secrets.in_folder(folder, kHomes)), "");
  EXPECT_EQ(text_of(run.people.in_folder(folder, {})), "");
  EXPECT_EQ(text_of(run.secrets.in(node.errors(), "the log")), "");
  EXPECT_EQ(text_of(run.people.in(node.errors(), "the log")), "");
}

TEST(Secrets, TheScannerFindsAPlantedSecretInEveryFormAndPlace) {
  SecretScan scan;
  const std::string secret = "\x01\xfe\x7f+/ A\xff\x80planted!\x3e\x3f";
  scan.add("planted", secret);
  for (const auto& [form, bytes] : forms_of(secret)) {
    const auto found = scan.in("before" + bytes + "after", "here");
    ASSERT_FALSE(found.empty()) << form;
    EXPECT_EQ(found.front().form, form);
  }
  const TemporaryFolder folder;
  for (const char* before : {"", "x", "xy"}) {
    const std::string whole = before + secret + "and more";
    const std::string base64url = crypto::base64url(whole);
    std::string plain = base64url;
    for (char& c : plain) c = c == '-' ? '+' : c == '_' ? '/' : c;
    EXPECT_FALSE(scan.in(base64url, "base64url").empty()) << before;
    EXPECT_FALSE(scan.in(plain, "base64").empty()) << before;
  }
  fs::create_directories(folder.path() + "/deep/down");
  write_whole_file(folder.path() + "/deep/down/file", std::string(100'000, 'x') + crypto::hex(secret));
  EXPECT_EQ(scan.in_folder(folder.path(), {}).size(), 1u);
  EXPECT_TRUE(scan.in_folder(folder.path(), {{"/down/file", "planted"}}).empty());
  EXPECT_EQ(scan.in_folder(folder.path(), {{"/down/file", "another"}}).size(), 1u);
}

TEST(Secrets, StandInNoFileLogMetricAnswerStreamOrCopyButWhereTheyLive) {
  Node node({"--verbose", "--set", "journal.segment_bytes=1048576", "--set", "journal.reserve_bytes=1048576",
             "--set", "limits.failed_authentications_per_second=100000"});
  ASSERT_TRUE(node.start()) << node.errors();
  Made run;
  make_tokens(node, run);
  make_attestations(node, run);
  make_people(node, run);
  ASSERT_FALSE(HasFatalFailure());
  run.add_token("wrong secret", kWrongSecret);
  run.secrets.add("password", kPassword);
  const auto made = node.admin().post(kTokens, named("misplaced"));
  run.add_token("misplaced token", made.text("/token"));
  misplace(node, run, made.text("/token"));
  read_everything(node, run);
  add_keys(node, run);
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(text_of(run.secrets.in(run.answers, "an answer")), "");
  EXPECT_EQ(text_of(run.people.in(run.answers, "an answer")), "");
  const auto copied = run_watchword({"backup", "--data", node.data(), "--to", node.base() + "/copy"});
  EXPECT_EQ(copied.exit_code, 0) << copied.errors;
  EXPECT_EQ(text_of(run.secrets.in(copied.out + copied.errors, "backup's words")), "");
  expect_nowhere(node, run, node.base());  // the journal as it grows
  EXPECT_EQ(node.stop(), 0) << node.errors();
  expect_nowhere(node, run, node.base());  // with rows on disk
  for (const char* name : {"/data/keys/master.key", "/data/keys/vault", "/data/keys/signing.ring", "/admin.token",
                           "/copy/keys/master.key", "/copy/keys/vault", "/copy/keys/signing.ring"}) {
    struct stat file {};
    ASSERT_EQ(stat((node.base() + name).c_str(), &file), 0) << name;
    EXPECT_EQ(file.st_mode & 07777, 0600u) << name;
  }
  const auto verified = node.verify();
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.errors;
  EXPECT_EQ(text_of(run.secrets.in(verified.out + verified.errors, "verify's words")), "");
}

}  // namespace
}  // namespace watchword::testing
