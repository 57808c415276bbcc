// A node that is meant to die: `watchword_crash dev` on a folder, with a crash or a stop asked for.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/node.h"

namespace watchword::testing {

class Victim {
 public:
  // `folder` holds its data and its admin token; `arguments` are more ones of `dev`.
  Victim(std::string folder, std::vector<std::string> arguments);
  ~Victim();
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  enum class Start : uint8_t { serving, ended, stopped, too_late };
  // `environment`: "CRASH_AT=append_synced:3". Returns once it serves, has ended or stands still.
  Start start(const std::vector<std::string>& environment);
  // After Start::stopped: waits on.
  Start go_on();
  void arm();  // passings count from now on, with CRASH_ARMED=later

  enum class State : uint8_t { running, stopped, ended };
  State look();
  // Until it has ended or stands still; State::running when `timeout_ms` have passed.
  State wait(int timeout_ms);
  void signal(int number);
  // SIGKILL, and waits for its end.
  void kill();

  int killed_by() const { return killed_by_; }  // the signal that ended it; 0: it ended by itself
  int exit_code() const { return exit_code_; }
  std::string errors() const;
  const std::string& url() const { return url_; }
  std::string data() const { return folder_ + "/data"; }
  Caller admin() const;

 private:
  Start wait_for_start();
  bool read_ready();

  const std::string folder_;
  const std::vector<std::string> arguments_;
  pid_t process_ = -1;
  int out_ = -1;
  std::string printed_, url_;
  bool is_stopped_ = false;
  int killed_by_ = 0, exit_code_ = -1;
};

}  // namespace watchword::testing
