// The counters of the API and the pipeline under the names that dashboards use (API.md, "Metrics"). Thread-safe; a hot path
// touches one relaxed atomic. No ids in labels.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace watchword::runtime {
class Engine;
}

namespace watchword::api {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // Hot: plain counters, read when scraped.
  std::atomic<uint64_t> requests{0}, introspections_active{0}, introspections_inactive{0},
      authentication_failures{0}, rate_checked{0}, rate_exceeded{0}, uses_lost{0};

  void jit_token_issued(int64_t lifetime_s);
  void token_revoked(std::string_view cause);
  void service_account_failure(std::string_view identity_type);
  void service_account_new_network(std::string_view identity_type);

  // Prometheus text exposition format 0.0.4; the pipeline's figures are read from `engine` now.
  std::string expose(runtime::Engine& engine);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchword::api
