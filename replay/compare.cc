#include "replay/compare.h"

#include <algorithm>
#include <array>

#include "events/crypto/encoding.h"

namespace watchword::replay {
namespace {

using rows::RowTraits;
using rows::Table;

template <class... Rows>
struct List {};
using AllRows =
    List<v1::IdentityState, v1::JitTokenState, v1::ServiceTokenState, v1::SecretState,
         v1::NameState, v1::AlertState, v1::OpenAlerts, v1::ResultState, v1::AttestationState,
         detectors::Baseline, fold::Usage, v1::ControlState>;

constexpr std::array<std::string_view, 13> kTableNames = {
    "",      "identity", "jit_token", "service_token", "secret",      "name",
    "alert", "open_alerts", "result", "attestation",   "baseline",    "usage", "control"};
constexpr std::array<std::string_view, 13> kIndexNames = {
    "", "due", "identity_all", "identity_by_type", "identity_by_status", "identity_by_owner",
    "jit_token_by_identity", "service_token_all", "service_token_by_identity",
    "service_token_by_expiry", "alert_all", "alert_by_status", "alert_by_principal"};

std::string due_key(const fold::Due& due) {
  std::string key = views::index_prefix(views::Index::due, static_cast<uint64_t>(due.at_ms));
  key.push_back(static_cast<char>(due.table));
  return key.append(due.id.view());
}

std::string index_row_key(const std::string& key) {
  return std::string(1, static_cast<char>(Table::index)) + key;
}

class Comparer {
 public:
  Comparer(fold::State& state, const rows::Database& database)
      : state_(state), database_(database) {}

  Result<Comparison> run() {
    auto scanned = database_.scan("", "", [&](std::string_view key, std::string_view value) {
      take(key, value);
      return true;
    });
    if (!scanned) return scanned.error();
    if (auto counted = find_missing(AllRows{}); !counted) return counted.error();
    if (auto counted = find_missing_keys(AllRows{}); !counted) return counted.error();
    return out_;
  }

 private:
  void take(std::string_view key, std::string_view value) {
    if (key.empty() || key[0] == 0) return;  // the stamp
    const auto table = static_cast<uint8_t>(key[0]);
    if (table == static_cast<uint8_t>(Table::index)) return take_index(key, value);
    ++out_.rows;
    const bool known = key.size() == 17 && take_row(key, value, AllRows{});
    if (!known) tell(key, "extra");
  }

  template <class... Rows>
  bool take_row(std::string_view key, std::string_view value, List<Rows...>) {
    const auto table = static_cast<Table>(key[0]);
    return ((table == RowTraits<Rows>::kTable && check_row<Rows>(key, value)) || ...);
  }

  // False: the fold has no such row.
  template <class Row>
  bool check_row(std::string_view key, std::string_view value) {
    const Row* row = state_.find<Row>(Id::from_view(key.substr(1)));
    if (row == nullptr) return false;
    ++found_[static_cast<size_t>(RowTraits<Row>::kTable)];
    encoded_.clear();
    RowTraits<Row>::encode(*row, encoded_);
    if (encoded_ != value) tell(key, "different");
    return true;
  }

  void take_index(std::string_view key, std::string_view value) {
    ++out_.index_keys;
    const std::string_view plain = key.substr(1);
    const bool follows = plain.size() == 25 ? follows_from_row(plain, AllRows{}) : is_due(plain);
    if (!follows) return tell(key, "extra");
    ++found_keys_;
    if (!value.empty()) tell(key, "different");
  }

  bool is_due(std::string_view key) const {
    if (key.size() != 26 || key[0] != static_cast<char>(views::Index::due)) return false;
    const fold::Due due{static_cast<int64_t>(views::value_of_index_key(key)),
                        static_cast<Table>(key[9]), views::id_of_index_key(key)};
    return state_.due().contains(due) || state_.due_in_place().contains(due);
  }

  template <class... Rows>
  bool follows_from_row(std::string_view key, List<Rows...>) {
    const Id id = views::id_of_index_key(key);
    return (follows_from<Rows>(key, id) || ...);
  }
  template <class Row>
  bool follows_from(std::string_view key, const Id& id) {
    const Row* row = state_.find<Row>(id);
    if (row == nullptr) return false;
    keys_.clear();
    fold::index_keys(id, *row, keys_);
    return std::find(keys_.begin(), keys_.end(), key) != keys_.end();
  }

  template <class... Rows>
  Result<> find_missing(List<Rows...>) {
    Result<> outcome;
    ((outcome = outcome.ok() ? find_missing_of<Rows>() : outcome), ...);
    return outcome;
  }
  // Looks one by one only if the numbers differ.
  template <class Row>
  Result<> find_missing_of() {
    uint64_t rows = 0;
    state_.each_in_memory<Row>([&](const Id&, const Row&) { ++rows; });
    if (rows == found_[static_cast<size_t>(RowTraits<Row>::kTable)]) return {};
    Result<> outcome;
    state_.each_in_memory<Row>([&](const Id& id, const Row&) {
      if (outcome.ok()) outcome = expect(fold::State::database_key<Row>(id));
    });
    return outcome;
  }

  template <class... Rows>
  Result<> find_missing_keys(List<Rows...>) {
    uint64_t expected = state_.due().size() + state_.due_in_place().size();
    const auto each = [&]<class Row>(const auto& visit, std::type_identity<Row>) {
      state_.each_in_memory<Row>([&](const Id& id, const Row& row) {
        keys_.clear();
        fold::index_keys(id, row, keys_);
        for (const auto& key : keys_) visit(key);
      });
    };
    const auto count = [&](const std::string&) { ++expected; };
    (each(count, std::type_identity<Rows>{}), ...);
    if (expected == found_keys_) return {};
    Result<> outcome;
    const auto check = [&](const std::string& key) {
      if (outcome.ok()) outcome = expect(index_row_key(key));
    };
    (each(check, std::type_identity<Rows>{}), ...);
    for (const auto& due : state_.due()) check(due_key(due));
    for (const auto& due : state_.due_in_place()) check(due_key(due));
    return outcome;
  }

  Result<> expect(const std::string& key) {
    const auto found = database_.get(key);
    if (!found) return found.error();
    if (!*found) tell(key, "missing");
    return {};
  }

  void tell(std::string_view key, std::string_view what) {
    ++(what == "missing" ? out_.missing : what == "extra" ? out_.extra : out_.different);
    if (out_.first_key && *out_.first_key <= key) return;
    out_.first_key = std::string(key);
    out_.first_what = what;
  }

  fold::State& state_;
  const rows::Database& database_;
  Comparison out_;
  std::array<uint64_t, 256> found_{};
  uint64_t found_keys_ = 0;
  std::string encoded_;
  std::vector<std::string> keys_;
};

}  // namespace

Result<Comparison> compare(fold::State& state, const rows::Database& database) {
  return Comparer(state, database).run();
}

std::string key_text(std::string_view key) {
  if (key.empty()) return "empty key";
  const auto table = static_cast<uint8_t>(key[0]);
  if (table < kTableNames.size() && key.size() == 17)
    return std::string(kTableNames[table]) + " " + Id::from_view(key.substr(1)).text();
  const size_t index = key.size() > 1 ? static_cast<uint8_t>(key[1]) : 0;
  if (table == static_cast<uint8_t>(Table::index) && index != 0 && index < kIndexNames.size())
    return "index " + std::string(kIndexNames[index]) + " of " +
           views::id_of_index_key(key).text();
  return "key " + crypto::hex(key);
}

}  // namespace watchword::replay
