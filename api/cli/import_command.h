// `watchword import`: an import whose batches go to a server, with a progress bar on a terminal.
#pragma once
#include <cstdio>
#include <string>

#include "api/cli/client.h"
#include "api/import/run.h"

namespace watchword::cli {

struct ImportCommand {
  import::Plan plan;
  Connection connection;
  bool json = false;   // the summary as one JSON object on `out`
  bool quiet = false;  // no progress
};

// Sends batches as history: POST /api/v1/events?mode=history with `Watchword-Import-Block:
// <digest>` and `Watchword-Import-Part: <part>/<parts>`. 429 and 503 are waited for (Retry-After,
// 60 times), a lost connection is opened again. Exit code: 0 everything read was answered; 1 it
// stopped, `errors` says where and that the same command goes on there; 2 the command itself is
// wrong.
int import_command(const ImportCommand& command, std::FILE* out, std::FILE* errors);

// {"accepted":n,"duplicates":n,"rejected":[…]} as API.md has it. Errors: unavailable
// "cli.import.answer".
Result<import::Answer> answer_of(const std::string& body);

// "[=====>    ] 41 %  12,400 lines  8,120/s  ETA 0:42"
std::string progress_line(const import::Progress& progress, double seconds);

}  // namespace watchword::cli
