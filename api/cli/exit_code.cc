#include "api/cli/exit_code.h"

#include <algorithm>
#include <array>

namespace watchword::cli {
namespace {

constexpr std::array<std::string_view, 5> kNoServer{"cli.connect", "cli.tls.handshake", "cli.send",
                                                    "cli.answer", "cli.timeout"};

int of_status(Errc code) {
  return code == Errc::unavailable || code == Errc::internal ? kServerFailed : kRefused;
}

}  // namespace

int exit_code_of(const Error& error) {
  if (error.reason == "cli.answer.status") return of_status(error.code);
  if (std::ranges::find(kNoServer, error.reason) != kNoServer.end()) return kUnreachable;
  if (error.code == Errc::internal) return kInternal;
  return error.code == Errc::invalid || error.code == Errc::unprocessable ? kUsage : kData;
}

}  // namespace watchword::cli
