// A whole node in this process without its listener: requests go to the handlers as the server
// would give them. Its folder goes with it.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>

#include "api/cli/bootstrap.h"
#include "api/handlers/api.h"
#include "processors/detectors/detector.h"
#include "tests/fuzz/target.h"

namespace watchword::fuzz {

struct Answer {
  uint16_t status = 0;
  std::string type, headers, body;
  bool streams = false;
};

class Node {
 public:
  Node() {
    std::string name = (std::filesystem::temp_directory_path() / "watchword-fuzz-XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr, "a folder for the node");
    folder_ = name;
    open_engine();
    api_ = std::make_unique<api::Api>(*engine_, settings(), metrics_);
    handler_ = api::make_handler(*api_);
    engine_->start();
    require(cli::ensure_signing_key(*engine_).ok(), "a signing key");
    require(cli::mint_admin(*engine_, folder_ + "/admin", 30).ok(), "an admin token");
    std::ifstream(folder_ + "/admin") >> admin_;
  }
  ~Node() {
    engine_->stop();
    engine_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  const std::string& admin_token() const { return admin_; }

  // `block`: a header block that the gate accepts.
  Answer ask(const std::string& block, const std::string& body) {
    auto request = std::make_shared<http::Request>();
    auto response = std::make_shared<http::Response>();
    require(http::inspect(block, {}, request->fill_head()).accepted(), "a block that is good");
    request->fill(body, *Address::parse("192.0.2.7"), true);
    auto done = std::make_shared<std::promise<void>>();
    boost::asio::co_spawn(
        engine_->context(0), [this, request, response] { return handler_(*request, *response); },
        [done](std::exception_ptr error) {
          if (error) return done->set_exception(error);
          done->set_value();
        });
    auto future = done->get_future();
    require(future.wait_for(std::chrono::seconds(20)) == std::future_status::ready, "an answer");
    future.get();
    return {response->status, std::string(response->content_type), std::string(response->headers()),
            response->body, response->streaming()};
  }

 private:
  void open_engine() {
    runtime::EngineOptions options;
    options.directory = folder_ + "/data";
    options.partitions = 2;
    options.cores = 1;
    options.create = true;
    options.segment_bytes = 1 << 20;
    options.reserve_bytes = 0;
    options.memory_bytes = 256 << 20;
    options.warn = [](const std::string&) {};
    options.fatal = [](const std::string& what) { throw Broken(what); };
    auto engine = runtime::Engine::open(std::move(options), system_clock(), system_entropy());
    if (!engine) throw Broken(engine.error().detail);
    engine_ = std::move(*engine);
  }

  static api::ApiSettings settings() {
    api::ApiSettings settings;
    settings.issuer = "https://watchword.example";
    for (const auto& detector : detectors::kDetectors)
      settings.rules.signals.push_back(detector.name);
    settings.principal_rate = settings.failure_rate = {1'000'000, 1'000'000};
    settings.token_cache_entries = 1 << 12;
    return settings;
  }

  std::string folder_, admin_;
  api::Metrics metrics_;
  std::unique_ptr<runtime::Engine> engine_;
  std::unique_ptr<api::Api> api_;
  http::Handler handler_;
};

}  // namespace watchword::fuzz
