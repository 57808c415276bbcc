#include "tests/support/node.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace watchword::testing {
namespace {

namespace json = boost::json;

constexpr int kReadyTimeoutMs = 20'000;
constexpr int kStopTimeoutMs = 5'000;

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0) read = ends[0], write = ends[1];
  }
  ~Pipe() {
    close_write();
    if (read >= 0) ::close(read);
  }
  void close_write() {
    if (write >= 0) ::close(write);
    write = -1;
  }
};

pid_t spawn(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            int out, int errors) {
  std::vector<char*> words{const_cast<char*>("watchword")};
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
  for (const auto& variable : environment) variables.push_back(const_cast<char*>(variable.c_str()));
  variables.push_back(nullptr);
  const std::string path = program();
  const pid_t process = fork();
  if (process != 0) return process;
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, 0);
  dup2(out, 1);
  dup2(errors, 2);
  execve(path.c_str(), words.data(), variables.data());
  _exit(127);
}

std::string read_line(int descriptor, int timeout_ms) {
  std::string line;
  const int64_t until = steady_ms() + timeout_ms;
  for (;;) {
    pollfd wanted{descriptor, POLLIN, 0};
    const int left_ms = static_cast<int>(until - steady_ms());
    if (left_ms <= 0 || poll(&wanted, 1, left_ms) <= 0) return {};
    char one;
    if (read(descriptor, &one, 1) != 1) return {};
    if (one == '\n') return line;
    line.push_back(one);
  }
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

bool reap(pid_t process, int timeout_ms, int& exit_code) {
  int status = 0;
  const bool ended =
      wait_until([&] { return waitpid(process, &status, WNOHANG) == process; }, timeout_ms);
  if (ended) exit_code = code_of(status);
  return ended;
}

void end_now(pid_t process) {
  ::kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
}

}  // namespace

int64_t steady_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

void pause_ms(int ms) { poll(nullptr, 0, ms); }

std::string program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "watchword";
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "watchword-test-XXXXXX";
  if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string read_whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

void write_whole_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

Finished run_watchword(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment, int timeout_ms) {
  const TemporaryFolder folder;
  const std::string out_path = folder.path() + "/out", errors_path = folder.path() + "/errors";
  const int out = open(out_path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const int errors = open(errors_path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const pid_t process = spawn(arguments, environment, out, errors);
  ::close(out);
  ::close(errors);
  Finished finished;
  if (process > 0 && !reap(process, timeout_ms, finished.exit_code)) end_now(process);
  finished.out = read_whole_file(out_path);
  finished.errors = read_whole_file(errors_path);
  return finished;
}

const json::value& Answer::at(std::string_view pointer) const {
  static const json::value kNothing;
  json::error_code failed;
  const auto* found = body.find_pointer(pointer, failed);
  return found != nullptr ? *found : kNothing;
}

std::string Answer::text(std::string_view pointer) const {
  const auto* found = at(pointer).if_string();
  return found != nullptr ? std::string(*found) : "";
}

int64_t Answer::number(std::string_view pointer) const {
  const auto& found = at(pointer);
  if (found.is_uint64()) return static_cast<int64_t>(found.get_uint64());
  return found.is_int64() ? found.get_int64() : -1;
}

size_t Answer::count(std::string_view pointer) const {
  const auto* found = at(pointer).if_array();
  return found != nullptr ? found->size() : 0;
}

Caller::Caller(const std::string& url, std::string token)
    : client_(HttpClient::options_for(url)), token_(std::move(token)) {}

Answer Caller::request(std::string_view verb, std::string_view target, std::string_view body,
                       std::vector<std::string> headers) {
  if (!token_.empty()) headers.push_back("Authorization: Bearer " + token_);
  Answer answer;
  answer.reply = client_.request(verb, target, headers, body);
  answer.status = answer.reply.status;
  json::error_code failed;
  auto parsed = json::parse(answer.reply.body, failed);
  if (!failed) answer.body = std::move(parsed);
  return answer;
}

std::string Caller::introspect(std::string_view token, std::string_view fields) {
  std::string form = "token=" + std::string(token);
  if (!fields.empty()) form.append("&").append(fields);
  return post("/oauth2/introspect", form, {"Content-Type: application/x-www-form-urlencoded"})
      .reply.body;
}

bool Caller::is_active(std::string_view token, std::string_view fields) {
  return introspect(token, fields).find(R"("active":true)") != std::string::npos;
}

std::string Caller::register_service(std::string_view name) {
  return post("/api/v1/identities",
              R"({"identity_type":{"type":"ServiceAccount","service_name":")" + std::string(name) +
                  R"(","environment":"test","owner_team":"tests"},)"
                  R"("allowed_scopes":["a:read","a:write"]})")
      .text("/identity_id");
}

Answer Caller::issue(std::string_view identity_id, std::string_view more_members) {
  std::string body = R"({"identity_id":")" + std::string(identity_id) +
                     R"(","requested_scopes":["a:read"],"justification":"a test")";
  if (!more_members.empty()) body.append(",").append(more_members);
  return post("/api/v1/tokens/jit", body + "}");
}

Node::Node(std::vector<std::string> arguments, std::string base)
    : base_(base.empty() ? folder_.path() : std::move(base)), arguments_(std::move(arguments)) {}

Node::~Node() { kill(); }

bool Node::start() {
  std::vector<std::string> words{
      "dev",           "--data",          data(),        "--listen",          "127.0.0.1:0",
      "--admin-listen", "127.0.0.1:0", "--admin-token-file", token_file()};
  words.insert(words.end(), arguments_.begin(), arguments_.end());
  Pipe out;
  const std::string log = folder_.path() + "/errors.log";
  const int errors = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  process_ = spawn(words, {}, out.write, errors);
  ::close(errors);
  out.close_write();
  json::error_code failed;
  const auto ready = json::parse(read_line(out.read, kReadyTimeoutMs), failed);
  if (failed || !ready.is_object()) {
    wait_for_end(kStopTimeoutMs);
    return false;
  }
  api_url_ = std::string(ready.at("api").as_string());
  admin_url_ = std::string(ready.at("admin").as_string());
  return true;
}

bool Node::start_as(std::vector<std::string> arguments) {
  arguments_ = std::move(arguments);
  return start();
}

bool Node::wait_for_end(int timeout_ms) {
  if (process_ <= 0) return true;
  exit_code_ = -1;
  const bool ended = reap(process_, timeout_ms, exit_code_);
  if (!ended) end_now(process_);
  process_ = -1;
  return ended;
}

int Node::stop() {
  if (process_ <= 0) return -1;
  ::kill(process_, SIGTERM);
  return wait_for_end(kStopTimeoutMs) ? exit_code_ : -1;
}

void Node::kill() {
  if (process_ > 0) end_now(process_);
  process_ = -1;
}

bool Node::restart() { return stop() == 0 && start(); }

bool Node::running() {
  if (process_ <= 0) return false;
  int status = 0;
  if (waitpid(process_, &status, WNOHANG) != process_) return true;
  exit_code_ = code_of(status);
  process_ = -1;
  return false;
}

std::string Node::errors() const { return read_whole_file(folder_.path() + "/errors.log"); }

std::string Node::admin_token() const {
  std::string token = read_whole_file(token_file());
  while (!token.empty() && token.back() == '\n') token.pop_back();
  return token;
}

std::string Node::token_with(const std::vector<std::string>& permissions) {
  json::object body;
  body["token_name"] = "test-token-" + std::to_string(++tokens_made_);
  body["permissions"] = json::array(permissions.begin(), permissions.end());
  return admin().post("/api/v1/auth/tokens", json::serialize(body)).text("/token");
}

Finished Node::verify() const { return run_watchword({"replay", "verify", "--data", data()}); }

}  // namespace watchword::testing
