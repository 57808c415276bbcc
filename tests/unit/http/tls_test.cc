#include "api/http/tls.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/unit/http/serving.h"

namespace watchword::http {
namespace {

using testing::HttpClient;

// A folder with a self-signed certificate that can be written anew.
class Certificate {
 public:
  explicit Certificate(const char* name) {
    folder_ =
        std::filesystem::temp_directory_path() / ("watchword-tls-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    renew(name);
  }
  ~Certificate() { std::filesystem::remove_all(folder_); }

  TlsFiles files() const { return {folder_ / "cert.pem", folder_ / "key.pem"}; }

  void renew(const char* name) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    write(files().certificate_file, [&](FILE* file) { PEM_write_X509(file, certificate); });
    write(files().key_file, [&](FILE* file) {
      PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

 private:
  template <class Writer>
  static void write(const std::string& path, const Writer& writer) {
    FILE* file = std::fopen(path.c_str(), "w");
    ::fchmod(fileno(file), 0600);
    writer(file);
    std::fclose(file);
  }

  std::filesystem::path folder_;
};

ServerOptions with_tls(const Certificate& certificate) {
  ServerOptions options;
  options.tls = certificate.files();
  return options;
}

HttpClient secure_client(Serving& serving) {
  return HttpClient(HttpClient::options_for(serving.server().url()));
}

TEST(Tls, RequestsAreServedOverIt) {
  Certificate certificate("first");
  Serving serving(echo, with_tls(certificate));
  auto client = secure_client(serving);
  EXPECT_EQ(client.protocol(), "TLSv1.3");
  for (int i = 0; i < 5; ++i) {
    const auto reply = client.post("/a", "body");
    ASSERT_EQ(reply.body, "POST /a body");
    EXPECT_EQ(reply.header("Strict-Transport-Security"), "max-age=31536000");
  }
  const std::string large(900'000, 'x');
  EXPECT_EQ(client.post("/large", large).body.size(), large.size() + 12);
}

TEST(Tls, PlainHttpOnItIsNotAnswered) {
  Certificate certificate("first");
  Serving serving(echo, with_tls(certificate));
  auto plain = serving.client();
  plain.send_raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(plain.read_reply().status, 0);
  EXPECT_EQ(serving.server().counts().requests, 0u);
}

TEST(Tls, AHandshakeThatNeverComesIsCutOff) {
  Certificate certificate("first");
  auto options = with_tls(certificate);
  options.header_timeout_ms = 60;
  Serving serving(echo, options);
  auto silent = serving.client();
  EXPECT_TRUE(silent.ends_within(5'000));
}

TEST(Tls, AReloadServesTheNewCertificateAndKeepsOldConnections) {
  Certificate certificate("first");
  Serving serving(echo, with_tls(certificate));
  auto old = secure_client(serving);
  EXPECT_EQ(old.peer_certificate_subject(), "/CN=first");
  const int descriptor = old.descriptor();
  certificate.renew("second");
  ASSERT_TRUE(serving.server().reload_tls());
  EXPECT_EQ(secure_client(serving).peer_certificate_subject(), "/CN=second");
  EXPECT_EQ(old.get("/").status, 200);
  EXPECT_EQ(old.descriptor(), descriptor);
}

TEST(Tls, ABrokenReloadKeepsTheOldCertificate) {
  Certificate certificate("first");
  Serving serving(echo, with_tls(certificate));
  std::ofstream(certificate.files().key_file) << "not a key";
  EXPECT_EQ(serving.server().reload_tls().error().reason, "http.tls.key");
  EXPECT_EQ(secure_client(serving).peer_certificate_subject(), "/CN=first");
}

TEST(Tls, FilesThatDoNotFitAreRefusedAtStart) {
  Certificate certificate("first");
  EXPECT_TRUE(make_tls_context(certificate.files()).ok());
  const auto missing = make_tls_context({"/nowhere/cert.pem", certificate.files().key_file});
  EXPECT_EQ(missing.error().reason, "http.tls.certificate");
  EXPECT_NE(missing.error().detail.find("/nowhere/cert.pem"), std::string::npos);
  Certificate* other = &certificate;
  const auto kept = certificate.files().certificate_file + ".old";
  std::filesystem::copy_file(certificate.files().certificate_file, kept);
  other->renew("second");
  EXPECT_EQ(make_tls_context({kept, certificate.files().key_file}).error().reason, "http.tls.key");
}

TEST(Tls, AKeyThatOthersMayReadOrChangeIsRefusedWithTheRemedy) {
  const Certificate certificate("first");
  const std::string key = certificate.files().key_file;
  for (const unsigned mode : {0644u, 0604u, 0660u, 0666u}) {
    std::filesystem::permissions(key, std::filesystem::perms(mode));
    const auto refused = make_tls_context(certificate.files());
    ASSERT_FALSE(refused.ok()) << std::oct << mode;
    EXPECT_EQ(refused.error().reason, "http.tls.key_permissions");
    EXPECT_EQ(refused.error().detail.find(key), 0u);
    EXPECT_NE(refused.error().detail.find("chmod 600"), std::string::npos);
  }
  for (const unsigned mode : {0600u, 0640u}) {
    std::filesystem::permissions(key, std::filesystem::perms(mode));
    EXPECT_TRUE(make_tls_context(certificate.files()).ok()) << std::oct << mode;
  }
}

TEST(Tls, APipelineInOneRecordIsAnsweredWhole) {
  Certificate certificate("first");
  Serving serving(echo, with_tls(certificate));
  auto client = secure_client(serving);
  std::string all;
  for (int i = 0; i < 100; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  client.send_raw(all);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(client.read_reply().body, "GET /" + std::to_string(i) + " ");
}

}  // namespace
}  // namespace watchword::http
