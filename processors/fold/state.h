// The rows of one partition: in memory, and behind them the database that the last checkpoint wrote. One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "processors/fold/rows.h"
#include "stores/rows/database.h"
#include "stores/views/ordered_index.h"

namespace watchword::fold {

inline constexpr uint32_t kFoldVersion = 1;

// Rows that wait for a time, in (time, key) order.
struct Due {
  int64_t at_ms;
  rows::Table table;
  Id id;
  auto operator<=>(const Due&) const = default;
};

class State {
 public:
  // `database` may be null: a fold from zero in memory (replay). `memory_limit_bytes` bounds the rows in memory: clean ones
  // are dropped above it; 0: no bound.
  State(uint32_t partition, rows::Database* database, size_t memory_limit_bytes);

  // Reads the stamp and the timers; an empty database needs no reading afterwards.
  Result<> open();

  // Null: there is no such row, or the database failed, which broken() then says: deny.
  template <class Row>
  const Row* find(const Id& id) {
    const Row* row = nullptr;
    auto& table = table_of<Row>();
    if (table.look(id, row) != rows::HotTable<Row>::Presence::cold) return row;
    load<Row>(id);
    return table.look(id, row) == rows::HotTable<Row>::Presence::present ? row : nullptr;
  }

  template <class Row>
  void save(const Id& id, Row row) {
    reindex(id, find<Row>(id), &row);
    table_of<Row>().save(id, std::move(row));
  }

  template <class Row>
  void erase(const Id& id) {
    const Row* old = find<Row>(id);
    if (old == nullptr) return;
    reindex<Row>(id, old, nullptr);
    table_of<Row>().erase(id);
  }

  // For the rows changed in place (baseline, usage): the row, made empty when there was none.
  template <class Row>
  Row& edit(const Id& id) {
    const Row* row = nullptr;
    auto& table = table_of<Row>();
    if (table.look(id, row) == rows::HotTable<Row>::Presence::cold) load<Row>(id);
    return table.edit(id);
  }

  template <class Row>
  void prefetch(const Id& id) {
    table_of<Row>().prefetch(id);
  }

  // Whether find() would have to ask the database.
  template <class Row>
  bool cold(const Id& id) {
    const Row* row = nullptr;
    return !complete_ && table_of<Row>().look(id, row) == rows::HotTable<Row>::Presence::cold;
  }
  // What another thread read of a cold row; dropped if a checkpoint finished since `generation` was asked for.
  template <class Row>
  void install(const Id& id, const std::optional<std::string>& bytes, uint64_t generation) {
    if (generation != checkpoints_) return;
    put_loaded<Row>(id, bytes);
  }
  uint64_t generation() const { return checkpoints_; }
  template <class Row>
  static std::string database_key(const Id& id) {
    return std::string(1, static_cast<char>(rows::RowTraits<Row>::kTable)).append(id.view());
  }

  const views::OrderedIndex& index() const { return index_; }
  // The timers: authorisation rows, and rows changed in place.
  const std::set<Due>& due() const { return due_; }
  const std::set<Due>& due_in_place() const { return due_in_place_; }
  void remind_in_place(const Due& due);
  void forget_in_place(const Due& due);

  uint32_t partition() const { return partition_; }
  uint64_t seq() const { return seq_; }
  int64_t time_ms() const { return time_ms_; }
  // The frame up to which the authorisation rows stand.
  void advance(uint64_t seq, int64_t time_ms);

  // A checkpoint, in slices: freeze, encode until 0 is left, write the batch elsewhere, then finish and release until 0.
  void freeze(rows::Batch& batch);
  size_t encode_some(size_t rows);
  views::OrderedIndex::Changes finish_checkpoint();
  size_t release_some(size_t rows);
  // Drops clean rows while memory is above the limit; at most `steps` looks.
  void evict_some(size_t steps);

  const rows::Footprint& footprint() const { return footprint_; }
  size_t memory_limit_bytes() const { return memory_limit_bytes_; }
  bool broken() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }
  template <class Row>
  size_t rows_in_memory() const {
    return std::get<rows::HotTable<Row>>(tables_).size();
  }
  template <class Row, class Visit>
  void each_in_memory(Visit visit) const {
    std::get<rows::HotTable<Row>>(tables_).each(visit);
  }
  uint64_t reads_on_loop() const { return reads_on_loop_; }

 private:
  template <class Row>
  rows::HotTable<Row>& table_of() {
    return std::get<rows::HotTable<Row>>(tables_);
  }
  template <class Row>
  void load(const Id& id) {
    std::optional<std::string> bytes;
    if (!complete_) bytes = read(database_key<Row>(id));
    if (!broken()) put_loaded<Row>(id, bytes);
  }
  template <class Row>
  void put_loaded(const Id& id, const std::optional<std::string>& bytes) {
    if (!bytes) return table_of<Row>().install(id, nullptr);
    Row row{};
    if (!rows::RowTraits<Row>::decode(*bytes, row)) return fail("a row cannot be decoded");
    table_of<Row>().install(id, &row);
  }
  template <class Row>
  void reindex(const Id& id, const Row* old, const Row* now) {
    std::vector<std::string> before, after;
    if (old != nullptr) index_keys(id, *old, before);
    if (now != nullptr) index_keys(id, *now, after);
    update_index(before, after);
    move_due({0, rows::RowTraits<Row>::kTable, id}, old != nullptr ? due_of(*old) : std::nullopt,
             now != nullptr ? due_of(*now) : std::nullopt);
  }
  std::optional<std::string> read(const std::string& key);
  void update_index(const std::vector<std::string>& before, const std::vector<std::string>& after);
  void move_due(Due due, std::optional<int64_t> from_ms, std::optional<int64_t> to_ms);
  Result<> load_due();
  void fail(std::string what);

  uint32_t partition_;
  rows::Database* database_;
  size_t memory_limit_bytes_;
  rows::Footprint footprint_;
  std::tuple<rows::HotTable<detectors::Baseline>, rows::HotTable<Usage>,
             rows::HotTable<v1::IdentityState>, rows::HotTable<v1::JitTokenState>,
             rows::HotTable<v1::ServiceTokenState>, rows::HotTable<v1::SecretState>,
             rows::HotTable<v1::NameState>, rows::HotTable<v1::AlertState>,
             rows::HotTable<v1::OpenAlerts>, rows::HotTable<v1::ResultState>,
             rows::HotTable<v1::AttestationState>, rows::HotTable<v1::ControlState>>
      tables_;
  views::OrderedIndex index_;
  std::set<Due> due_, due_in_place_;
  rows::Batch* batch_ = nullptr;
  uint64_t seq_ = 0, checkpoints_ = 0, reads_on_loop_ = 0;
  int64_t time_ms_ = 0;
  bool complete_ = false;  // every row that exists is in memory: a miss needs no reading
  std::string failure_;
};

}  // namespace watchword::fold
