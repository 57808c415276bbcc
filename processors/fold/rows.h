// Every kind of row that a partition keeps, in one table: where it is stored, how it is encoded, by what it is listed and
// when it falls due. Who adds a row adds it here.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "processors/detectors/baseline.h"
#include "schemas/alert.pb.h"
#include "schemas/control.pb.h"
#include "schemas/identity.pb.h"
#include "schemas/jit_token.pb.h"
#include "schemas/service_token.pb.h"
#include "stores/rows/hot_table.h"
#include "stores/rows/pod.h"

namespace watchword::fold {

// How a token of ours is used, by observations: changed in place at decide, like a baseline.
struct Usage {
  struct Network {
    uint8_t bytes[16];
    uint8_t size;  // 0: free
    uint8_t unused[3];
    uint32_t count;
  };
  uint64_t count = 0;
  int64_t first_used_ms = 0;
  int64_t last_used_ms = 0;
  int64_t forget_at_ms = 0;
  Network networks[8] = {};  // the first eight seen
};
static_assert(sizeof(Usage) == 32 + 8 * 24);

}  // namespace watchword::fold

namespace watchword::rows {

template <class Message, Table kId>
struct ProtobufTraits {
  static constexpr Table kTable = kId;
  static void encode(const Message& row, std::string& out) { row.AppendToString(&out); }
  static bool decode(std::string_view bytes, Message& row) {
    return row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }
  // What hangs on the row, as Protobuf counts it; a third more for malloc's own.
  static size_t heap_bytes(const Message& row) {
    return (row.SpaceUsedLong() - sizeof(Message)) * 4 / 3;
  }
};
template <class Row, Table kId>
struct FixedTraits {
  static constexpr Table kTable = kId;
  static void encode(const Row& row, std::string& out) { encode_pod(row, out); }
  static bool decode(std::string_view bytes, Row& row) { return decode_pod(bytes, row); }
  static size_t heap_bytes(const Row&) { return 0; }
};

template <> struct RowTraits<v1::IdentityState> : ProtobufTraits<v1::IdentityState, Table::identity> {};
template <> struct RowTraits<v1::JitTokenState> : ProtobufTraits<v1::JitTokenState, Table::jit_token> {};
template <>
struct RowTraits<v1::ServiceTokenState> : ProtobufTraits<v1::ServiceTokenState, Table::service_token> {};
template <> struct RowTraits<v1::SecretState> : ProtobufTraits<v1::SecretState, Table::secret> {};
template <> struct RowTraits<v1::NameState> : ProtobufTraits<v1::NameState, Table::name> {};
template <> struct RowTraits<v1::AlertState> : ProtobufTraits<v1::AlertState, Table::alert> {};
template <> struct RowTraits<v1::OpenAlerts> : ProtobufTraits<v1::OpenAlerts, Table::open_alerts> {};
template <> struct RowTraits<v1::ResultState> : ProtobufTraits<v1::ResultState, Table::result> {};
template <>
struct RowTraits<v1::AttestationState> : ProtobufTraits<v1::AttestationState, Table::attestation> {};
template <> struct RowTraits<v1::ControlState> : ProtobufTraits<v1::ControlState, Table::control> {};
template <> struct RowTraits<detectors::Baseline> : FixedTraits<detectors::Baseline, Table::baseline> {};
template <> struct RowTraits<fold::Usage> : FixedTraits<fold::Usage, Table::usage> {};

}  // namespace watchword::rows

namespace watchword::fold {

// Index keys of a row (stores/views/ordered_index.h).
void index_keys(const Id& id, const v1::IdentityState& row, std::vector<std::string>& out);
void index_keys(const Id& id, const v1::JitTokenState& row, std::vector<std::string>& out);
void index_keys(const Id& id, const v1::ServiceTokenState& row, std::vector<std::string>& out);
void index_keys(const Id& id, const v1::AlertState& row, std::vector<std::string>& out);
template <class Row>
void index_keys(const Id&, const Row&, std::vector<std::string>&) {}

// When the sweep has to look at a row, ms; nullopt: never.
std::optional<int64_t> due_of(const v1::JitTokenState& row);
std::optional<int64_t> due_of(const v1::ServiceTokenState& row);
std::optional<int64_t> due_of(const v1::ResultState& row);
std::optional<int64_t> due_of(const v1::AttestationState& row);
template <class Row>
std::optional<int64_t> due_of(const Row&) {
  return std::nullopt;
}

}  // namespace watchword::fold
