// The product under a disk that fails: calls of the kernel answered otherwise by strace, or by a
// library loaded before.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "tests/crash/fleet.h"

namespace watchword::testing {
namespace {

constexpr int kFatal = 70;  // "a journal that can no longer be trusted"
constexpr int kAttachMs = 10'000;
constexpr int kEndMs = 20'000;

// strace on every thread of a process, until this ends or the process does.
class Tracer {
 public:
  Tracer(pid_t process, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"strace", "-f", "-o", "/dev/null", "-p", std::to_string(process)});
    std::vector<char*> words;
    for (auto& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    tracer_ = fork();
    if (tracer_ == 0) {
      dup2(ends[1], 2);
      execvp(words[0], words.data());
      _exit(127);
    }
    ::close(ends[1]);
    said_ = ends[0];
    wait_until([&] { return read_some() || said_text_.find("attached") != std::string::npos; },
               kAttachMs);
  }
  ~Tracer() {
    if (tracer_ <= 0) return;
    ::kill(tracer_, SIGTERM);
    waitpid(tracer_, nullptr, 0);
    ::close(said_);
  }
  bool attached() const { return said_text_.find("attached") != std::string::npos; }
  const std::string& said() const { return said_text_; }

 private:
  // True at its end.
  bool read_some() {
    pollfd wanted{said_, POLLIN, 0};
    char bytes[256];
    if (poll(&wanted, 1, 5) <= 0) return false;
    const ssize_t got = read(said_, bytes, sizeof bytes);
    if (got > 0) said_text_.append(bytes, static_cast<size_t>(got));
    return got <= 0;
  }

  pid_t tracer_ = -1;
  int said_ = -1;
  std::string said_text_;
};

// -P of each segment that there is: the journal's calls alone.
std::vector<std::string> of_segments(const std::string& data) {
  std::vector<std::string> out;
  for (const auto& file : std::filesystem::recursive_directory_iterator(data))
    if (file.path().extension() == ".segment" &&
        file.path().string().find("/control/") == std::string::npos)
      out.insert(out.end(), {"-P", file.path()});
  return out;
}

std::vector<std::string> arguments() {
  return {"--partitions", "2", "--set", "journal.checkpoint_interval_seconds=1"};
}

struct Injection {
  const char* call;
  const char* what;
};

class FailingJournal : public ::testing::TestWithParam<Injection> {};

TEST_P(FailingJournal, EndsTheProcessWithASentenceAndLosesNothingAcknowledged) {
  const TemporaryFolder folder;
  Victim victim(folder.path(), arguments(), program());
  ASSERT_EQ(victim.start({}), Victim::Start::serving) << victim.errors();
  Fleet fleet(victim, "f", 1);
  fleet.ask_while([&] { pause_ms(200); });
  auto wanted = of_segments(victim.data());
  wanted.insert(wanted.end(), {"-e", std::string("trace=") + GetParam().call, "-e",
                               std::string("inject=") + GetParam().call +
                                   ":error=" + GetParam().what + ":when=5"});
  fleet.ask_while([&] {
    const Tracer tracer(victim.process(), wanted);
    EXPECT_TRUE(tracer.attached()) << tracer.said();
    EXPECT_EQ(victim.wait(kEndMs), Victim::State::ended);
  });
  EXPECT_EQ(victim.exit_code(), kFatal);
  EXPECT_NE(victim.errors().find("this process ends, since"), std::string::npos) << victim.errors();
  EXPECT_GT(fleet.unanswered(), 0u);
  ASSERT_EQ(victim.start({}), Victim::Start::serving) << victim.errors();
  fleet.check(true);
  fleet.ask_while([&] { pause_ms(100); });
  fleet.check(true);
  fleet.stop_and_verify();
  EXPECT_TRUE(fleet.good()) << fleet.findings().text();
}

INSTANTIATE_TEST_SUITE_P(
    Faults, FailingJournal,
    ::testing::Values(Injection{"fdatasync", "EIO"}, Injection{"pwrite64", "EIO"},
                      Injection{"pwrite64", "ENOSPC"}, Injection{"fdatasync", "ENOSPC"}),
    [](const auto& info) { return std::string(info.param.call) + info.param.what; });

// Every second call of each thread, on every file: journal, keys, rows.
TEST(Interruptions, AreSurvivedByEveryWriteReadAndSync) {
  const TemporaryFolder folder;
  Victim victim(folder.path(), arguments(), program());
  ASSERT_EQ(victim.start({}), Victim::Start::serving) << victim.errors();
  Fleet fleet(victim, "f", 2);
  const std::string calls = "pwrite64,pread64,fdatasync,fsync,fallocate";
  // strace lets go of a call that it was about to change as of an unknown one (ENOSYS): not before the node is at rest.
  std::optional<Tracer> tracer;
  fleet.ask_while(
      [&] {
        tracer.emplace(victim.process(),
                       std::vector<std::string>{"-e", "trace=" + calls, "-e",
                                                "inject=" + calls + ":error=EINTR:when=1+2"});
        EXPECT_TRUE(tracer->attached()) << tracer->said();
        const uint64_t before = fleet.answered();
        EXPECT_TRUE(wait_until([&] { return fleet.answered() > before + 400; }, 30'000));
      },
      Emphasis::people);
  pause_ms(500);
  tracer.reset();
  EXPECT_EQ(victim.look(), Victim::State::running) << victim.errors();
  fleet.check(true);
  fleet.stop_and_verify();
  EXPECT_TRUE(fleet.good()) << fleet.findings().text();
}

TEST(ShortWrites, OfJournalAndKeysAreCompleted) {
  const TemporaryFolder folder;
  Victim victim(folder.path(), arguments(), program());
  const std::vector<std::string> environment{std::string("LD_PRELOAD=") + WATCHWORD_BUILD +
                                             "/libshort_writes.so"};
  ASSERT_EQ(victim.start(environment), Victim::Start::serving) << victim.errors();
  Fleet fleet(victim, "f", 3);
  for (const auto emphasis : {Emphasis::mixed, Emphasis::bulk, Emphasis::people})
    fleet.ask_while([&] { pause_ms(300); }, emphasis);
  EXPECT_EQ(victim.look(), Victim::State::running) << victim.errors();
  victim.kill();
  ASSERT_EQ(victim.start(environment), Victim::Start::serving) << victim.errors();
  fleet.check(true);
  fleet.stop_and_verify();
  EXPECT_TRUE(fleet.good()) << fleet.findings().text();
}

}  // namespace
}  // namespace watchword::testing
