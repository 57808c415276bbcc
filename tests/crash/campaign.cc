#include "tests/crash/campaign.h"

#include <signal.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <random>

#include "events/base/crash_point.h"
#include "tests/crash/fleet.h"
#include "tests/crash/tear.h"

namespace watchword::testing {
namespace {

constexpr size_t kMoreTries = 3;  // of a folder, for points that were not reached
constexpr int kReachMs = 6'000;   // a point that load does not bring in this time is not reached

bool is_at_start(const std::string& point) {
  return point == "claim_queued" || point == "row_recovered" || point == "tail_cut" ||
         point == "control_initialised" || point == "ring_written";
}

Emphasis emphasis_for(const std::string& point) {
  if (point.starts_with("key_")) return Emphasis::people;
  const bool needs_bytes = point.starts_with("segment_") || point.starts_with("checkpoint_") ||
                           point == "tail_cut" || point == "index_written";
  return needs_bytes ? Emphasis::bulk : Emphasis::mixed;
}

std::string describe(const Cycle& cycle) {
  switch (cycle.fault) {
    case Fault::crash:
      return "CRASH_AT=" + cycle.point + ":" + std::to_string(cycle.passing);
    case Fault::stop:
      return "STOP_AT=" + cycle.point + ":" + std::to_string(cycle.passing);
    case Fault::kill:
      return "kill -9";
    case Fault::terminate:
      return "SIGTERM";
  }
  return {};
}

// The cycles of one folder: one data folder, the clients that ask its node, and what they know.
class Folder {
 public:
  Folder(const FolderPlan& plan, size_t number, const CampaignOptions& options, Summary& summary)
      : plan_(plan),
        number_(number),
        options_(options),
        summary_(summary),
        random_(options.seed * 1'000'003 + number),
        victim_(folder_.path(), arguments()),
        fleet_(victim_, "f" + std::to_string(number), random_()),
        cycles_(plan.cycles) {}

  // False: something did not agree; findings() says what.
  bool run(const std::function<bool()>& is_over);
  std::string findings() { return fleet_.findings().text(); }

 private:
  std::vector<std::string> arguments() const;
  bool open();
  bool cycle(const Cycle& cycle);
  bool start_and_check(const std::vector<std::string>& environment, bool everything = false);
  bool under_load(const Cycle& cycle);
  bool strike(const Cycle& cycle);
  bool at_start(const Cycle& cycle);
  bool finish();
  bool died_of(int signal, const Cycle& cycle);
  bool started_well(Victim::Start started);
  void count_reached(const Cycle& cycle);

  const FolderPlan& plan_;
  const size_t number_;
  const CampaignOptions& options_;
  Summary& summary_;
  std::mt19937_64 random_;
  TemporaryFolder folder_;
  Victim victim_;
  Fleet fleet_;
  std::vector<Cycle> cycles_;
  size_t done_ = 0;
};

std::vector<std::string> Folder::arguments() const {
  std::vector<std::string> out{"--partitions", std::to_string(plan_.partitions)};
  // With one partition the control partition stays silent, so that the last batch is the other's.
  for (const auto& setting :
       {std::string("journal.segment_bytes=2097152"), std::string("journal.reserve_bytes=1048576"),
        std::string("journal.checkpoint_bytes=1048576"), std::string("journal.index_mentions=256"),
        std::string("journal.checkpoint_interval_seconds=") +
            (plan_.partitions == 1 ? "3600" : "1")}) {
    out.push_back("--set");
    out.push_back(setting);
  }
  return out;
}

bool Folder::started_well(Victim::Start started) {
  if (started != Victim::Start::serving)
    fleet_.findings().add("the node did not start again (exit code " +
                          std::to_string(victim_.exit_code()) + ", signal " +
                          std::to_string(victim_.killed_by()) + "):\n" + victim_.errors());
  return fleet_.good();
}

bool Folder::died_of(int signal, const Cycle& cycle) {
  if (victim_.look() != Victim::State::ended) return false;
  if (victim_.killed_by() != signal)
    fleet_.findings().add("at " + describe(cycle) + " the node ended by itself (exit code " +
                          std::to_string(victim_.exit_code()) + ", signal " +
                          std::to_string(victim_.killed_by()) + "):\n" + victim_.errors());
  return victim_.killed_by() == signal;
}

void Folder::count_reached(const Cycle& cycle) {
  ++(cycle.fault == Fault::crash ? summary_.crashes : summary_.stops)[cycle.point];
}

bool Folder::start_and_check(const std::vector<std::string>& environment, bool everything) {
  if (!started_well(victim_.start(environment))) return false;
  fleet_.check(everything);
  return fleet_.good();
}

// What happens to the node while its clients go on asking. False: something is wrong with how it
// ended.
bool Folder::strike(const Cycle& cycle) {
  const int some_ms = 20 + static_cast<int>(random_() % 120);
  const bool tears = cycle.point == "tail_cut";
  if (cycle.fault == Fault::kill || (is_at_start(cycle.point) && !tears)) {
    victim_.wait(some_ms);
    if (victim_.look() == Victim::State::running) victim_.kill();
    return died_of(SIGKILL, cycle);
  }
  if (cycle.fault == Fault::terminate) {
    victim_.wait(some_ms);
    victim_.signal(SIGTERM);
    victim_.wait(kReachMs);
    if (died_of(0, cycle) && victim_.exit_code() == 0) return true;
    fleet_.findings().add("SIGTERM under load: exit code " + std::to_string(victim_.exit_code()));
    return false;
  }
  victim_.arm();
  const auto state = victim_.wait(kReachMs);
  if (state == Victim::State::running) {
    ++summary_.not_reached;
    victim_.kill();
    return true;
  }
  if (cycle.fault == Fault::crash || tears) {
    if (!died_of(SIGKILL, cycle)) return false;
    if (!tears) count_reached(cycle);
    return true;
  }
  if (state == Victim::State::ended) return died_of(SIGSTOP, cycle);
  count_reached(cycle);
  pause_ms(some_ms);
  victim_.signal(SIGCONT);
  victim_.wait(some_ms);
  if (victim_.look() == Victim::State::running) victim_.kill();
  return died_of(SIGKILL, cycle);
}

bool Folder::under_load(const Cycle& cycle) {
  fleet_.ask_while([&] { strike(cycle); }, emphasis_for(cycle.point));
  return fleet_.good();
}

// A node that dies or stands still while it starts, after one that died under load.
bool Folder::at_start(const Cycle& cycle) {
  if (cycle.point == "tail_cut") {
    const size_t torn = tear_last_batch(victim_.data() + "/p0/journal/0", random_);
    summary_.torn_sectors += torn;
  }
  auto started = victim_.start({describe(cycle)});
  const bool is_reached = started == Victim::Start::stopped;
  if (is_reached) {
    count_reached(cycle);
    pause_ms(10);
    started = victim_.go_on();
  } else if (started == Victim::Start::ended && cycle.fault == Fault::crash) {
    if (died_of(SIGKILL, cycle)) count_reached(cycle);
    return fleet_.good();
  }
  summary_.not_reached += started == Victim::Start::serving && !is_reached;
  if (!started_well(started)) return false;
  fleet_.check(false);
  victim_.kill();
  return fleet_.good();
}

bool Folder::cycle(const Cycle& cycle) {
  const bool tears = cycle.point == "tail_cut";
  std::vector<std::string> environment;
  const Cycle before{Fault::crash, "append_written", 1 + random_() % 10};
  if (tears || !cycle.point.empty())
    environment = {describe(tears || is_at_start(cycle.point) ? before : cycle),
                   "CRASH_ARMED=later"};
  if (!start_and_check(environment)) return false;
  if (!under_load(cycle)) return false;
  return !is_at_start(cycle.point) || at_start(cycle);
}

// A folder that is made anew, or dies while it is.
bool Folder::open() {
  const Cycle& first = plan_.cycles.front();
  auto started = victim_.start({describe(first)});
  if (started == Victim::Start::stopped) {
    count_reached(first);
    started = victim_.go_on();
  } else if (started == Victim::Start::ended && died_of(SIGKILL, first)) {
    count_reached(first);
    return true;
  }
  if (!started_well(started)) return false;
  return under_load({Fault::kill, ""});
}

// At the end everything is looked at, the node stopped in peace, and the journal read from its
// beginning.
bool Folder::finish() {
  if (!start_and_check({}, true)) return false;
  fleet_.stop_and_verify();
  for (const auto& file : std::filesystem::directory_iterator(victim_.data() + "/keys"))
    if (file.path().string().find(".new-") != std::string::npos)
      fleet_.findings().add("a copy of keys was left by a crash: " + file.path().string());
  return fleet_.good();
}

bool Folder::run(const std::function<bool()>& is_over) {
  bool good = open();
  ++summary_.cycles;
  for (done_ = 1; good && done_ < cycles_.size() && !is_over(); ++done_) {
    const Cycle next = cycles_[done_];
    const size_t not_reached = summary_.not_reached;
    good = cycle(next);
    ++summary_.cycles;
    // On a crowded machine a far passing may not come in time, the first one does.
    if (summary_.not_reached != not_reached && cycles_.size() < plan_.cycles.size() + kMoreTries)
      cycles_.push_back({next.fault, next.point, 1});
    summary_.kills += next.fault == Fault::kill;
    summary_.terminations += next.fault == Fault::terminate;
    if (!good)
      fleet_.findings().add("in folder " + std::to_string(number_) + " (" +
                            std::to_string(plan_.partitions) + " partitions), cycle " +
                            std::to_string(done_) + ": " + describe(next));
  }
  good = good && finish();
  ++summary_.folders;
  summary_.answered += fleet_.answered();
  summary_.unanswered += fleet_.unanswered();
  return good;
}

}  // namespace

std::string Summary::text() const {
  std::string out;
  const auto line = [&](const char* format, auto... values) {
    char text[200];
    std::snprintf(text, sizeof text, format, values...);
    out += text;
  };
  line("%-22s %8s %8s\n", "point", "crashes", "stops");
  for (const auto point : kCrashPoints) {
    const std::string name(point);
    line("%-22s %8zu %8zu\n", name.c_str(), crashes.contains(name) ? crashes.at(name) : size_t{0},
         stops.contains(name) ? stops.at(name) : size_t{0});
  }
  line("kill -9 at any moment %zu, SIGTERM %zu, point not reached %zu, sectors torn %zu\n", kills,
       terminations, not_reached, torn_sectors);
  line("%zu cycles in %zu folders, %.1f s, %.2f s a cycle\n", cycles, folders, seconds,
       cycles == 0 ? 0 : seconds / static_cast<double>(cycles));
  line("%llu requests answered, %llu left unanswered\n", static_cast<unsigned long long>(answered),
       static_cast<unsigned long long>(unanswered));
  for (const auto& name : never_reached) line("never reached: %s\n", name.c_str());
  return out + findings;
}

Summary run_campaign(const CampaignOptions& options) {
  Summary summary;
  const int64_t began = steady_ms();
  const auto is_over = [&] {
    return options.minutes != 0 && steady_ms() - began > options.minutes * 60'000;
  };
  const auto folders = plan(options.seed, options.cycles);
  for (size_t number = 0; number < folders.size() && !is_over(); ++number) {
    Folder folder(folders[number], number, options, summary);
    const bool good = folder.run(is_over);
    summary.seconds = static_cast<double>(steady_ms() - began) / 1'000;
    if (options.progress)
      std::printf("%zu cycles, %.1f s, %llu requests answered\n", summary.cycles, summary.seconds,
                  static_cast<unsigned long long>(summary.answered));
    std::fflush(stdout);
    if (good) continue;
    summary.findings = folder.findings() + "to repeat: tests/crash/run.sh --seed " +
                       std::to_string(options.seed) + " --cycles " +
                       std::to_string(options.cycles) + "\n";
    break;
  }
  for (const auto point : kCrashPoints)
    if (!summary.crashes.contains(std::string(point)) ||
        !summary.stops.contains(std::string(point)))
      summary.never_reached.emplace_back(point);
  return summary;
}

}  // namespace watchword::testing
