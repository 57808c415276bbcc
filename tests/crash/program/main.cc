// The program with a crash in it: `watchword` that kills or stops itself at a named point. Only
// tests start it.
//   CRASH_AT=point:n   SIGKILL at the n-th passing of that point
//   STOP_AT=point:n    SIGSTOP there; SIGCONT makes it go on
//   CRASH_ARMED=later  passings count from the first SIGUSR1 on, which it answers with a line
//   "armed"
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "api/cli/cli.h"
#include "api/cli/memory.h"
#include "events/base/crash_point.h"

namespace {

using watchword::CrashPoint;
using watchword::kCrashPoints;

constexpr int kUsage = 64;

struct Plan {
  CrashPoint point{};
  uint64_t passing = 0;  // 0: never
  int signal = 0;
  std::atomic<uint64_t> passed = 0;
};

Plan crash, stop;
std::atomic<bool> armed = true;
static_assert(std::atomic<bool>::is_always_lock_free);

void pass(Plan& plan, CrashPoint point) {
  if (plan.passing != 0 && plan.point == point && ++plan.passed == plan.passing) raise(plan.signal);
}

void on_point(CrashPoint point) {
  if (!armed) return;
  pass(crash, point);
  pass(stop, point);
}

std::string points_text() {
  std::string text;
  for (const auto name : kCrashPoints) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

std::optional<CrashPoint> point_named(std::string_view name) {
  for (size_t number = 0; number < kCrashPoints.size(); ++number)
    if (kCrashPoints[number] == name) return static_cast<CrashPoint>(number);
  return std::nullopt;
}

bool read_plan(const char* variable, int signal, Plan& plan) {
  const char* value = std::getenv(variable);
  if (value == nullptr) return true;
  const std::string_view text(value);
  const size_t colon = text.find(':');
  const auto point = point_named(text.substr(0, colon));
  const auto number = colon == text.npos ? std::string_view() : text.substr(colon + 1);
  const auto [end, failed] =
      std::from_chars(number.data(), number.data() + number.size(), plan.passing);
  const bool is_number = failed == std::errc() && end == number.data() + number.size();
  if (point && is_number && plan.passing > 0) {
    plan.point = *point;
    plan.signal = signal;
    return true;
  }
  std::fprintf(stderr, "%s is \"%s\", but must be <point>:<n> with n from 1 and a point of: %s\n",
               variable, value, points_text().c_str());
  return false;
}

void arm_later() {
  armed = false;
  struct sigaction action {};
  action.sa_handler = [](int) {
    armed = true;
    if (write(1, "armed\n", 6) != 6) raise(SIGKILL);
  };
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
}

}  // namespace

int main(int count, char** arguments) {
  if (!read_plan("CRASH_AT", SIGKILL, crash) || !read_plan("STOP_AT", SIGSTOP, stop)) return kUsage;
  const char* when = std::getenv("CRASH_ARMED");
  if (when != nullptr && std::string_view(when) != "later") {
    std::fprintf(stderr, "CRASH_ARMED is \"%s\", but can only be \"later\"\n", when);
    return kUsage;
  }
  if (when != nullptr) arm_later();
  watchword::crash_hook = on_point;
  watchword::cli::harden();
  return watchword::cli::run({arguments + 1, arguments + count}, {});
}
