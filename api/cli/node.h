// A whole node in this process: the engine over a data folder, the API and the admin listener in
// front of it.
#pragma once
#include <string>
#include <vector>

#include "api/cli/terminal.h"
#include "api/config/load.h"
#include "api/handlers/api.h"
#include "processors/runtime/engine.h"

namespace watchword::cli {

struct NodeOptions {
  std::string config_file;
  std::vector<config::Flag> flags;  // the command line's, above file and environment
  bool create = false;        // make the folder, and the first admin token, when they are missing
  bool new_admin = false;     // mint one more admin token
  bool accept_clock = false;  // after a long absence go on by itself, with a warning
  bool serve = true;          // false: set up, then stop
  bool verbose = false;
  std::string admin_token_file;   // empty: DIR/admin.token
  int64_t admin_expiry_days = 0;  // 0: as the configuration says
};

// Runs until SIGTERM or SIGINT; gives the exit code. When it serves it prints one line on `out`:
// {"ready":true,"api":"http://…","admin":"http://…"}. SIGTERM and SIGINT: stops accepting, lets
// requests end, writes a checkpoint, all within 5 s. SIGHUP: reads the TLS files and the
// configuration again; what cannot change in a running node is named. A failed write to the journal
// ends the process with 70. Blocks those signals for the whole process: call it before any thread
// is started.
int run_node(const NodeOptions& options, const Terminal& terminal);

// The configuration in the words of each part.
Result<runtime::EngineOptions> engine_options(const config::Loaded& loaded);
api::ApiSettings api_settings(const config::Settings& settings);
runtime::JudgeSettings judge_settings(const config::Settings& settings);
Result<http::ServerOptions> server_options(const config::Settings& settings,
                                           const std::string& listen);

// Settings by name that differ and that a running node cannot take over.
std::vector<std::string> changed_for_restart(const config::Settings& running,
                                             const config::Settings& read);

}  // namespace watchword::cli
