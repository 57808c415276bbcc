// Uses of tokens without a usage limit: observations, coalesced per (token, network, endpoint, client, outcome) and second.
// The first of a kind goes to its task at once; its repeats within the second are summed. One core's thread.
#pragma once
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/address.h"
#include "processors/runtime/engine.h"

namespace watchword::api {

struct Use {
  Id principal, token_id;
  v1::IdentityKind kind = v1::SERVICE_ACCOUNT;
  v1::Outcome outcome = v1::SUCCESS;
  bool authenticated = true;
  std::string_view action = "token.use";
  Address address;
  std::string_view user_agent, endpoint, client_id, scope;
  uint32_t response_code = 0;
};

class Uses {
 public:
  // `lost` counts what a full mailbox refused; it is told in /metrics.
  Uses(runtime::Engine& engine, uint32_t core, std::atomic<uint64_t>& lost)
      : engine_(engine), core_(core), lost_(lost) {}

  void note(const Use& use, int64_t now_ms);

 private:
  struct Kind {
    size_t at = 0, size = 0;  // of the observation in encoded_, without id, time and count
    uint32_t partition = 0;
    uint32_t repeats = 0;
    int64_t last_ms = 0;
  };
  void send(const Kind& kind, int64_t time_ms, uint32_t count);
  void flush_soon();
  void flush();
  void end_second();

  runtime::Engine& engine_;
  const uint32_t core_;
  std::atomic<uint64_t>& lost_;
  boost::unordered_flat_map<uint64_t, Kind> kinds_;
  std::string encoded_;  // observations of this second's kinds, one behind the other
  std::vector<runtime::ObservationBatch> batches_;  // by partition
  uint64_t serial_ = 0;
  std::string prefix_;
  bool flushing_ = false, ending_ = false;
};

}  // namespace watchword::api
