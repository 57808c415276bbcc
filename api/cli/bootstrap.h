// What a folder needs before it can serve: a key to sign with, and one token that may do
// everything.
#pragma once
#include <cstdint>
#include <string>

#include "processors/runtime/engine.h"

namespace watchword::cli {

// A key for ES256 in the ring, and every key of the ring as a fact in the control journal. Again
// after a crash it does what is left. The engine runs. Errors: those of KeyRing::add and of the
// command.
Result<> ensure_signing_key(runtime::Engine& engine);

// Whether no service token was ever made here: a folder whose first start was cut off has none
// either. Before Engine::start.
Result<bool> has_no_service_token(runtime::Engine& engine);

struct AdminToken {
  Id identity_id, token_id;
};
// Registers an operator's identity and makes its `sk_` token with `admin`, in one frame. The text
// goes to `file` before that, so that a crash between leaves a file that opens nothing rather than
// a token that nobody has. The engine runs; blocks. Errors: those of write_admin_file, of the
// decision and of the journal.
Result<AdminToken> mint_admin(runtime::Engine& engine, const std::string& file,
                              int64_t expiry_days);

// 0600 and durable. A file that is there is replaced only when it holds an `sk_` token, or nothing,
// and nobody else can read it. Errors: conflict "cli.admin_file.foreign"; those of
// keys::write_private_file.
Result<> write_admin_file(const std::string& file, std::string_view secret, Entropy& entropy);

}  // namespace watchword::cli
