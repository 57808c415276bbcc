// Authorisation rows as they will be once every frame in flight is durable: what decide sees. Rows changed by frames that
// are not durable yet stand in here; all others are the committed ones. One thread.
#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <tuple>
#include <vector>

#include "processors/fold/state.h"

namespace watchword::fold {

class Ahead {
 public:
  explicit Ahead(State& committed) : committed_(committed) {}

  template <class Row>
  const Row* find(const Id& id) {
    auto& layer = std::get<Layer<Row>>(layers_);
    if (!layer.empty()) {
      const auto found = layer.find(id);
      if (found != layer.end()) return found->second.row ? &*found->second.row : nullptr;
    }
    return committed_.find<Row>(id);
  }
  template <class Row>
  void save(const Id& id, Row row) {
    std::get<Layer<Row>>(layers_)[id] = {std::move(row), seq_};
  }
  template <class Row>
  void erase(const Id& id) {
    std::get<Layer<Row>>(layers_)[id] = {std::nullopt, seq_};
  }

  // The frame that what follows belongs to.
  void at(uint64_t seq) { seq_ = seq; }
  // Frames up to `seq` have been folded into the committed rows.
  void settle(uint64_t seq) {
    std::apply([&](auto&... layer) { (drop(layer, seq), ...); }, layers_);
  }
  State& committed() { return committed_; }

 private:
  template <class Row>
  struct Changed {
    std::optional<Row> row;
    uint64_t seq = 0;
  };
  template <class Row>
  using Layer = boost::unordered_flat_map<Id, Changed<Row>, IdHash>;

  template <class OneLayer>
  static void drop(OneLayer& layer, uint64_t seq) {
    if (!layer.empty())
      boost::unordered::erase_if(layer, [&](const auto& entry) { return entry.second.seq <= seq; });
  }

  State& committed_;
  uint64_t seq_ = 0;
  std::tuple<Layer<v1::IdentityState>, Layer<v1::JitTokenState>, Layer<v1::ServiceTokenState>,
             Layer<v1::SecretState>, Layer<v1::NameState>, Layer<v1::AlertState>,
             Layer<v1::OpenAlerts>, Layer<v1::ResultState>, Layer<v1::AttestationState>,
             Layer<v1::ControlState>>
      layers_;
};

}  // namespace watchword::fold
