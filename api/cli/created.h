// Making what answers with a secret once: an `sk_` token, a key, a JWT.
#pragma once
#include <string>

#include "api/cli/remote.h"

namespace watchword::cli {

struct Creation {
  const Remote& remote;
  std::string target, body;
  std::string member;  // of the answer, that holds the secret
  std::string
      output;  // a new file for it, made before the request; empty: it is printed with the rest
};
// POSTs, keeps the secret, prints the rest. Gives the exit code. When the file cannot be written
// after all, the secret is printed instead: it exists nowhere else.
int create_with_secret(const Creation& creation, const Terminal& terminal);

}  // namespace watchword::cli
