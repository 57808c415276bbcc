// A node that is meant to die or to suffer: `dev` on a folder, by `watchword_crash` with a crash or
// a stop asked for, or by the product itself.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/node.h"

namespace watchword::testing {

class Victim {
 public:
  // `folder` holds its data and its admin token; `arguments` are more ones of the verb, "dev" or
  // "serve".
  Victim(std::string folder, std::vector<std::string> arguments,
         std::string program = testing::program() + "_crash", std::string verb = "dev");
  ~Victim();
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;

  enum class Start : uint8_t { serving, ended, stopped, too_late };
  // `environment`: "CRASH_AT=append_synced:3". Returns once it serves, has ended or stands still.
  Start start(const std::vector<std::string>& environment);
  // After Start::stopped: waits on.
  Start go_on();
  void arm();  // passings count from now on, with CRASH_ARMED=later; once this returns

  enum class State : uint8_t { running, stopped, ended };
  State look();
  // Until it has ended or stands still; State::running when `timeout_ms` have passed.
  State wait(int timeout_ms);
  void signal(int number);
  // SIGKILL, and waits for its end.
  void kill();

  pid_t process() const { return process_; }
  int killed_by() const { return killed_by_; }  // the signal that ended it; 0: it ended by itself
  int exit_code() const { return exit_code_; }
  std::string errors() const;
  const std::string& url() const { return url_; }
  std::string data() const { return folder_ + "/data"; }
  Caller admin() const;

 private:
  Start wait_for_start();
  bool read_line(std::string& line);

  const std::string folder_;
  const std::vector<std::string> arguments_;
  const std::string program_, verb_;
  pid_t process_ = -1;
  int out_ = -1;
  std::string printed_, url_;
  bool is_stopped_ = false;
  int killed_by_ = 0, exit_code_ = -1;
};

}  // namespace watchword::testing
