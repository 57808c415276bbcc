#include "api/cli/node.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/json/serialize.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "api/cli/bootstrap.h"
#include "api/cli/exit_code.h"
#include "api/cli/log.h"
#include "api/handlers/metrics.h"
#include "events/base/time.h"
#include "processors/detectors/detector.h"
#include "stores/keys/file.h"

namespace watchword::cli {
namespace {

constexpr int64_t kDrainMs = 2'000;  // for requests that run when the node is asked to stop
constexpr int64_t kStopMs = 4'700;   // for all of stopping; what is durable needs no clean end
constexpr std::array kSignals{SIGTERM, SIGINT, SIGHUP};

// Shells give a process few descriptors unless it asks; each connection is one.
void take_all_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kSignals) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

[[noreturn]] void end_fatally(const std::string& what) {
  log_error(what + ": this process ends, since what it would go on to acknowledge might not last");
  flush_log();
  _exit(kInternal);
}

// Ends the process in time even when something does not: everything acknowledged is durable long
// before.
class Deadline {
 public:
  explicit Deadline(int64_t after_ms)
      : thread_([this, after_ms] {
          std::unique_lock lock(mutex_);
          if (met_.wait_for(lock, std::chrono::milliseconds(after_ms), [this] { return is_met_; }))
            return;
          log_warning(
              "stopping took too long: ended without a last checkpoint, the next start reads more "
              "journal");
          flush_log();
          _exit(kOk);
        }) {}
  ~Deadline() {
    {
      std::lock_guard lock(mutex_);
      is_met_ = true;
    }
    met_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable met_;
  bool is_met_ = false;
  std::thread thread_;
};

Result<config::Loaded> load_config(const NodeOptions& options) {
  auto sources = config::sources_of(options.config_file, options.flags);
  if (!sources) return sources.error();
  auto loaded = config::load(*sources);
  std::vector<std::string_view> names;
  for (const auto& detector : detectors::kDetectors) names.push_back(detector.name);
  for (auto& problem : config::check_signal_names(loaded, names))
    loaded.problems.push_back(std::move(problem));
  if (loaded.ok()) return loaded;
  return Error{Errc::invalid, "cli.config",
               "the configuration is wrong:\n" + config::problems_text(loaded)};
}

class Node {
 public:
  Node(const NodeOptions& options, const Terminal& terminal)
      : options_(options), terminal_(terminal) {}
  ~Node() {
    api_server_.reset();
    admin_server_.reset();
    engine_.reset();  // before what its cores' last work may still look at
  }

  Result<> open();
  Result<> set_up();
  void announce() const;
  void wait(const sigset_t& signals);
  void stop();

 private:
  Result<std::unique_ptr<http::Server>> listen(const std::string& address,
                                               std::shared_ptr<http::Handler> handler);
  Result<> start_servers();
  std::string admin_file() const;
  Result<> check_admin_file() const;
  void reload();

  const NodeOptions& options_;
  const Terminal& terminal_;
  config::Loaded config_;
  bool needs_admin_ = false;
  api::Metrics metrics_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<runtime::Engine> engine_;
  std::unique_ptr<http::Server> api_server_, admin_server_;
};

Result<> Node::open() {
  auto config = load_config(options_);
  if (!config) return config.error();
  config_ = std::move(*config);
  if (auto good = check_admin_file(); !good) return good;
  auto engine_settings = engine_options(config_);
  if (!engine_settings) return engine_settings.error();
  engine_settings->create = options_.create;
  engine_settings->accept_clock = options_.accept_clock;
  engine_settings->warn = [](const std::string& text) { log_warning(text); };
  engine_settings->fatal = [](const std::string& text) { end_fatally(text); };
  auto engine =
      runtime::Engine::open(std::move(*engine_settings), system_clock(), system_entropy());
  if (!engine) return engine.error();
  engine_ = std::move(*engine);
  auto none = has_no_service_token(*engine_);
  if (!none) return none.error();
  needs_admin_ = options_.create && *none;
  if (options_.serve)
    if (auto started = start_servers(); !started) return started;
  engine_->start();
  return {};
}

// They listen now and answer once the cores run. The issuer may be the address that was picked.
Result<> Node::start_servers() {
  auto handler = std::make_shared<http::Handler>(),
       admin_handler = std::make_shared<http::Handler>();
  auto server = listen(config_.settings.api.listen, handler);
  if (!server) return server.error();
  api_server_ = std::move(*server);
  auto admin_server = listen(config_.settings.api.admin_listen, admin_handler);
  if (!admin_server) return admin_server.error();
  admin_server_ = std::move(*admin_server);
  auto settings = api_settings(config_.settings);
  if (settings.issuer.empty()) settings.issuer = api_server_->url();
  api_ = std::make_unique<api::Api>(*engine_, std::move(settings), metrics_);
  *handler = api::make_handler(*api_);
  *admin_handler = api::make_admin_handler(*api_);
  return {};
}

Result<std::unique_ptr<http::Server>> Node::listen(const std::string& address,
                                                   std::shared_ptr<http::Handler> handler) {
  auto options = server_options(config_.settings, address);
  if (!options) return options.error();
  options->on_trouble = [](std::string_view what) { log_error(what); };
  std::vector<boost::asio::io_context*> cores;
  for (uint32_t core = 0; core < engine_->cores(); ++core) cores.push_back(&engine_->context(core));
  return http::Server::start(std::move(*options), std::move(cores),
                             [handler](http::Request& request, http::Response& response) {
                               return (*handler)(request, response);
                             });
}

std::string Node::admin_file() const {
  if (!options_.admin_token_file.empty()) return options_.admin_token_file;
  return config_.settings.journal.data_dir + "/admin.token";
}

// Who could read it may be an administrator by now, and should be found out about.
Result<> Node::check_admin_file() const {
  auto file = keys::File::open(admin_file(), keys::File::Mode::read);
  if (file || file.error().code == Errc::not_found) return {};
  return file.error();
}

Result<> Node::set_up() {
  if (auto ready = ensure_signing_key(*engine_); !ready) return ready;
  if (!needs_admin_ && !options_.new_admin) return {};
  const int64_t days = options_.admin_expiry_days != 0
                           ? options_.admin_expiry_days
                           : config_.settings.security.service_token_default_expiry_days;
  const auto minted = mint_admin(*engine_, admin_file(), days);
  if (!minted) return minted.error();
  log_info("admin token " + minted->token_id.text() + " written to " + admin_file() +
           ", valid for " + std::to_string(days) + " days");
  return {};
}

void Node::announce() const {
  log_info("serving " + api_server_->url() + " from " + config_.settings.journal.data_dir + ", " +
           std::to_string(engine_->partitions()) + " partitions on " +
           std::to_string(engine_->cores()) + " cores");
  terminal_.print_line(boost::json::serialize(boost::json::object{
      {"ready", true}, {"api", api_server_->url()}, {"admin", admin_server_->url()}}));
  std::fflush(terminal_.out);
}

void Node::wait(const sigset_t& signals) {
  for (;;) {
    siginfo_t told;
    const int signal = sigwaitinfo(&signals, &told);
    if (signal == SIGHUP) reload();
    if (signal == SIGTERM || signal == SIGINT) break;
  }
  log_info("stopping");
}

void Node::reload() {
  for (const auto* server : {&api_server_, &admin_server_})
    if (auto done = (*server)->reload_tls(); !done)
      log_error("TLS stays as it was: " + done.error().detail);
  auto read = load_config(options_);
  if (!read) return log_error("the configuration stays as it was: " + read.error().detail);
  for (const std::string& name : changed_for_restart(config_.settings, read->settings))
    log_warning(name + " has changed; it takes effect at the next start");
  const auto judging = judge_settings(read->settings);
  for (uint32_t number = 0; number < engine_->partitions(); ++number) {
    auto& partition = engine_->partition(number);
    boost::asio::post(engine_->context_of(partition),
                      [&partition, judging] { partition.task->tune(judging); });
  }
  log_info("configuration and certificates read again");
}

void Node::stop() {
  const Deadline deadline(kStopMs);
  const int64_t until_us = system_clock().boottime_us() + kDrainMs * 1'000;
  for (const auto* server : {&api_server_, &admin_server_}) {
    const int64_t left_ms = std::max<int64_t>(0, (until_us - system_clock().boottime_us()) / 1'000);
    if (*server && !(*server)->stop(left_ms))
      log_warning("requests that were still running were cut off");
  }
  engine_->stop();
  log_info("stopped");
}

}  // namespace

int run_node(const NodeOptions& options, const Terminal& terminal) {
  const sigset_t signals = block_signals();
  take_all_descriptors();
  open_log(options.verbose);
  Node node(options, terminal);
  if (auto opened = node.open(); !opened) return terminal.fail(opened.error());
  auto ready = node.set_up();
  if (ready && options.serve) {
    node.announce();
    node.wait(signals);
  }
  node.stop();
  return ready ? kOk : terminal.fail(ready.error());
}

}  // namespace watchword::cli
