// TLS for the listener: TLS 1.2 and 1.3, forward-secret AEAD suites alone, http/1.1 over ALPN.
#pragma once
#include <memory>
#include <string>

#include "events/base/result.h"

struct ssl_ctx_st;

namespace watchword::http {

struct TlsFiles {
  std::string certificate_file;  // PEM, the leaf first, then its chain
  std::string key_file;          // PEM, unencrypted
};

// invalid: http.tls.certificate, http.tls.key (unreadable, or not the certificate's),
// http.tls.settings; the detail names the file and says what OpenSSL says. denied:
// http.tls.key_permissions when others than owner and group may read the key, or others than the owner
// write it.
Result<std::shared_ptr<ssl_ctx_st>> make_tls_context(const TlsFiles& files);

}  // namespace watchword::http
