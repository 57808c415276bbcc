// The real program in a folder of its own, for tests: started, asked over HTTP, stopped, killed.
#pragma once
#include <sys/types.h>

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/http_client.h"

namespace watchword::testing {

// A folder in the temporary directory; removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string read_whole_file(const std::string& path);  // "" when there is none
void write_whole_file(const std::string& path, std::string_view text);

struct Finished {
  int exit_code = -1;  // -1: a signal ended it, or the time was over
  std::string out, errors;
};

// The watchword program beside this test's own binary.
std::string program();

// Runs `watchword arguments…` to its end, at most `timeout_ms`. `environment` adds "NAME=value".
Finished run_watchword(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment = {}, int timeout_ms = 60'000);

// An HTTP answer and its JSON. Pointers are RFC 6901: "/items/0/id".
struct Answer {
  int status = 0;
  boost::json::value body;  // null when the answer holds no JSON
  HttpReply reply;

  const boost::json::value& at(std::string_view pointer) const;  // null when there is nothing
  std::string text(std::string_view pointer) const;              // "" when it is no text
  int64_t number(std::string_view pointer) const;                // -1 when it is no integer
  size_t count(std::string_view pointer) const;                  // of a list; 0 when it is none
  std::string header(std::string_view name) const { return reply.header(name); }
};

// One connection that sends a bearer token, "" for none. Not thread-safe; make one for each thread.
class Caller {
 public:
  Caller(const std::string& url, std::string token);

  Answer request(std::string_view verb, std::string_view target, std::string_view body = {},
                 std::vector<std::string> headers = {});
  Answer get(std::string_view target, std::vector<std::string> headers = {}) {
    return request("GET", target, {}, std::move(headers));
  }
  Answer post(std::string_view target, std::string_view body = {},
              std::vector<std::string> headers = {}) {
    return request("POST", target, body, std::move(headers));
  }
  Answer patch(std::string_view target, std::string_view body,
               std::vector<std::string> headers = {}) {
    return request("PATCH", target, body, std::move(headers));
  }
  Answer remove(std::string_view target, std::vector<std::string> headers = {}) {
    return request("DELETE", target, {}, std::move(headers));
  }

  // The body of introspection: exactly as it came. `fields` is form-encoded already.
  std::string introspect(std::string_view token, std::string_view fields = {});
  bool is_active(std::string_view token, std::string_view fields = {});
  std::string register_service(std::string_view name);  // with scopes a:read, a:write; its id
  Answer issue(std::string_view identity_id, std::string_view more_members = {});

 private:
  HttpClient client_;
  std::string token_;
};

// `watchword dev` on `data()`. Every wait has a deadline; what misses it is a failed test.
class Node {
 public:
  // More arguments of `dev`. `base` is where its files go; "" makes a folder of its own.
  explicit Node(std::vector<std::string> arguments = {}, std::string base = {});
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // True when it serves. False: it ended or did not answer in time; see exit_code() and errors().
  bool start();
  bool start_as(std::vector<std::string> arguments);  // with other arguments from now on
  int stop();  // SIGTERM; the exit code, -1 when it does not end within 5 s
  void kill();
  bool restart();
  bool running();

  pid_t process() const { return process_; }  // -1: none runs
  int exit_code() const { return exit_code_; }
  std::string errors() const;  // everything on stderr, of all starts
  const std::string& base() const { return base_; }
  std::string data() const { return base_ + "/data"; }
  std::string token_file() const { return base_ + "/admin.token"; }
  std::string admin_token() const;
  const std::string& api_url() const { return api_url_; }
  const std::string& admin_url() const { return admin_url_; }

  Caller admin() const { return Caller(api_url_, admin_token()); }
  Caller as(std::string token) const { return Caller(api_url_, std::move(token)); }
  Caller operations() const { return Caller(admin_url_, ""); }  // /livez, /readyz, /metrics
  // A new service token with these permissions ("introspect", …); named by what it may.
  std::string token_with(const std::vector<std::string>& permissions);
  // {exit code, what it printed} of `watchword replay verify`.
  Finished verify() const;

 private:
  bool wait_for_end(int timeout_ms);

  TemporaryFolder folder_;
  std::string base_;
  std::vector<std::string> arguments_;
  std::string api_url_, admin_url_;
  pid_t process_ = -1;
  int exit_code_ = -1;
  int tokens_made_ = 0;
};

// Asks `done` again and again until it says yes; false when `timeout_ms` have passed.
template <class Done>
bool wait_until(Done done, int timeout_ms = 10'000);

int64_t steady_ms();
void pause_ms(int ms);  // between two looks; what decides is what is seen

template <class Done>
bool wait_until(Done done, int timeout_ms) {
  const int64_t until = steady_ms() + timeout_ms;
  while (!done()) {
    if (steady_ms() > until) return false;
    pause_ms(5);
  }
  return true;
}

}  // namespace watchword::testing
