// The counters of the API and the pipeline under the names that dashboards use (API.md, "Metrics"). Thread-safe; a hot path
// touches one relaxed atomic. No ids in labels.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "schemas/identity.pb.h"

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
  std::array<std::atomic<uint64_t>, v1::IdentityKind_ARRAYSIZE> refused_uses{};  // by kind

  void jit_token_issued(int64_t lifetime_s);
  void token_revoked(std::string_view cause);

  // Prometheus text exposition format 0.0.4; the pipeline's figures are read from `engine` now.
  std::string expose(runtime::Engine& engine);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace watchword::api
