#include "tests/crash/victim.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/parse.hpp>

namespace watchword::testing {
namespace {

constexpr int kStartMs = 20'000;

}  // namespace

Victim::Victim(std::string folder, std::vector<std::string> arguments, std::string program,
               std::string verb)
    : folder_(std::move(folder)),
      arguments_(std::move(arguments)),
      program_(std::move(program)),
      verb_(std::move(verb)) {}

Victim::~Victim() {
  kill();
  if (out_ >= 0) ::close(out_);
}

Victim::Start Victim::start(const std::vector<std::string>& environment) {
  std::vector<std::string> words{program_,   verb_,         "--data",         data(),
                                 "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"};
  if (verb_ == "dev") words.insert(words.end(), {"--admin-token-file", folder_ + "/admin.token"});
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> pointers, variables;
  for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  for (char** one = environ; *one != nullptr; ++one) variables.push_back(*one);
  for (const auto& one : environment) variables.push_back(const_cast<char*>(one.c_str()));
  pointers.push_back(nullptr);
  variables.push_back(nullptr);
  const int errors =
      ::open((folder_ + "/errors.log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  int ends[2] = {-1, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return Start::ended;
  if (out_ >= 0) ::close(out_);
  out_ = ends[0];
  printed_.clear();
  is_stopped_ = false;
  process_ = fork();
  if (process_ == 0) {
    dup2(ends[1], 1);
    dup2(errors, 2);
    execve(pointers[0], pointers.data(), variables.data());
    _exit(127);
  }
  ::close(ends[1]);
  ::close(errors);
  return wait_for_start();
}

Victim::Start Victim::go_on() {
  is_stopped_ = false;
  signal(SIGCONT);
  return wait_for_start();
}

Victim::Start Victim::wait_for_start() {
  const int64_t until = steady_ms() + kStartMs;
  std::string line;
  while (steady_ms() < until) {
    if (read_line(line)) {
      boost::json::error_code failed;
      const auto ready = boost::json::parse(line, failed);
      if (failed || !ready.is_object()) continue;
      url_ = std::string(ready.at("api").as_string());
      return Start::serving;
    }
    const State state = look();
    if (state == State::ended) return Start::ended;
    if (state == State::stopped) return Start::stopped;
  }
  return Start::too_late;
}

// The next line of its output; false when there was none within a millisecond.
bool Victim::read_line(std::string& line) {
  pollfd wanted{out_, POLLIN, 0};
  char bytes[512];
  if (printed_.find('\n') == printed_.npos && poll(&wanted, 1, 1) > 0) {
    const ssize_t got = read(out_, bytes, sizeof bytes);
    if (got > 0) printed_.append(bytes, static_cast<size_t>(got));
    if (got <= 0) pause_ms(1);  // its other end is closed
  }
  const size_t end = printed_.find('\n');
  if (end == printed_.npos) return false;
  line = printed_.substr(0, end);
  printed_.erase(0, end + 1);
  return true;
}

void Victim::arm() {
  signal(SIGUSR1);
  std::string line;
  wait_until([&] { return (read_line(line) && line == "armed") || look() != State::running; });
}

Victim::State Victim::look() {
  if (process_ <= 0) return State::ended;
  int status = 0;
  if (waitpid(process_, &status, WNOHANG | WUNTRACED) == process_) {
    if (WIFSTOPPED(status)) {
      is_stopped_ = true;
    } else {
      killed_by_ = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      process_ = -1;
      return State::ended;
    }
  }
  return is_stopped_ ? State::stopped : State::running;
}

Victim::State Victim::wait(int timeout_ms) {
  const int64_t until = steady_ms() + timeout_ms;
  State state = look();
  for (; state == State::running && steady_ms() < until; state = look()) pause_ms(1);
  return state;
}

void Victim::signal(int number) {
  if (process_ <= 0) return;
  if (number == SIGCONT) is_stopped_ = false;
  ::kill(process_, number);
}

void Victim::kill() {
  signal(SIGKILL);
  is_stopped_ = false;
  while (process_ > 0 && look() != State::ended) pause_ms(1);
}

std::string Victim::errors() const { return read_whole_file(folder_ + "/errors.log"); }

Caller Victim::admin() const {
  std::string token = read_whole_file(folder_ + "/admin.token");
  while (!token.empty() && token.back() == '\n') token.pop_back();
  return Caller(url_, token);
}

}  // namespace watchword::testing
