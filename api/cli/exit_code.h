// What the process says to scripts when it ends. One table for every verb; --help shows it.
#pragma once
#include <string_view>

#include "events/base/result.h"

namespace watchword::cli {

enum ExitCode : int {
  kOk = 0,
  kNo = 1,     // it worked, and the answer is no: a finding, an inactive token, a rejected event
  kUsage = 2,  // the command line, the configuration or an input file is wrong
  kUnreachable = 3,   // no server answered
  kRefused = 4,       // the server refused: 4xx
  kServerFailed = 5,  // the server could not: 5xx
  kData = 6,          // a file or data folder: absent, locked, damaged, not ours, disk full
  kInternal = 70,     // a bug, or a journal that can no longer be trusted
};

inline constexpr std::string_view kExitCodesText =
    "Exit codes:\n"
    "  0   done\n"
    "  1   done, and the answer is no: a finding, an inactive token, a rejected event\n"
    "  2   the command line, the configuration or an input file is wrong\n"
    "  3   no server answered\n"
    "  4   the server refused (4xx)\n"
    "  5   the server failed (5xx)\n"
    "  6   a file or data folder is absent, in use, damaged or not ours\n"
    "  70  internal error, or a failed write to the journal\n";

// By where the error comes from: client.h's reasons, the status of an answer, or this machine.
int exit_code_of(const Error& error);

}  // namespace watchword::cli
