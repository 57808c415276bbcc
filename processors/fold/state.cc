#include "processors/fold/state.h"

#include <algorithm>

namespace watchword::fold {
namespace {

std::string due_key(const Due& due, views::Index index) {
  std::string key = views::index_prefix(index, static_cast<uint64_t>(due.at_ms));
  key.push_back(static_cast<char>(due.table));
  return key.append(due.id.view());
}

bool changes_in_place(rows::Table table) {
  return table == rows::Table::usage || table == rows::Table::baseline;
}

}  // namespace

State::State(uint32_t partition, rows::Database* database, size_t memory_limit_bytes)
    : partition_(partition),
      database_(database),
      memory_limit_bytes_(memory_limit_bytes),
      tables_(footprint_, footprint_, footprint_, footprint_, footprint_, footprint_, footprint_,
              footprint_, footprint_, footprint_, footprint_, footprint_),
      index_(database) {}

Result<> State::open() {
  if (database_ == nullptr) {
    complete_ = true;
    return {};
  }
  const auto stamp = database_->stamp();
  if (!stamp) return stamp.error();
  seq_ = stamp->seq;
  complete_ = stamp->seq == 0;
  return load_due();
}

Result<> State::load_due() {
  const std::string prefix =
      std::string(1, static_cast<char>(rows::Table::index)) + views::index_prefix(views::Index::due);
  return database_->scan(prefix, prefix, [&](std::string_view key, std::string_view) {
    key.remove_prefix(1);
    Due due{static_cast<int64_t>(views::value_of_index_key(key)),
            static_cast<rows::Table>(key[9]), views::id_of_index_key(key)};
    (changes_in_place(due.table) ? due_in_place_ : due_).insert(due);
    return true;
  });
}

void State::advance(uint64_t seq, int64_t time_ms) {
  seq_ = seq;
  time_ms_ = time_ms;
}

void State::remind_in_place(const Due& due) {
  if (due_in_place_.insert(due).second) index_.put(due_key(due, views::Index::due));
}

void State::forget_in_place(const Due& due) {
  index_.remove(due_key(due, views::Index::due));
  due_in_place_.erase(due);
}

std::optional<std::string> State::read(const std::string& key) {
  ++reads_on_loop_;
  auto found = database_->get(key);
  if (found) return std::move(*found);
  fail(found.error().detail);
  return std::nullopt;
}

void State::fail(std::string what) {
  if (failure_.empty()) failure_ = std::move(what);
}

void State::update_index(const std::vector<std::string>& before,
                         const std::vector<std::string>& after) {
  for (const auto& key : before)
    if (std::find(after.begin(), after.end(), key) == after.end()) index_.remove(key);
  for (const auto& key : after)
    if (std::find(before.begin(), before.end(), key) == before.end()) index_.put(key);
}

void State::move_due(Due due, std::optional<int64_t> from_ms, std::optional<int64_t> to_ms) {
  if (from_ms == to_ms) return;
  if (from_ms) {
    due.at_ms = *from_ms;
    due_.erase(due);
    index_.remove(due_key(due, views::Index::due));
  }
  if (to_ms) {
    due.at_ms = *to_ms;
    due_.insert(due);
    index_.put(due_key(due, views::Index::due));
  }
}

void State::freeze(rows::Batch& batch) {
  batch_ = &batch;
  std::apply([&](auto&... table) { (table.freeze(batch), ...); }, tables_);
  index_.freeze();
  footprint_.dirty = 0;
}

size_t State::encode_some(size_t rows) {
  size_t left = 0;
  std::apply([&](auto&... table) { ((left += table.encode_some(rows)), ...); }, tables_);
  left += index_.encode_some(*batch_, rows * 4);
  if (left == 0) {
    std::apply([&](auto&... table) { (table.end_encoding(), ...); }, tables_);
    batch_ = nullptr;
  }
  return left;
}

views::OrderedIndex::Changes State::finish_checkpoint() {
  ++checkpoints_;
  return index_.release();
}

size_t State::release_some(size_t rows) {
  size_t left = 0;
  std::apply([&](auto&... table) { ((left += table.release_some(rows)), ...); }, tables_);
  return left;
}

void State::evict_some(size_t steps) {
  if (memory_limit_bytes_ == 0 || footprint_.hot <= memory_limit_bytes_) return;
  size_t won = 0;
  std::apply([&](auto&... table) { ((won += table.evict_some(steps)), ...); }, tables_);
  if (won > 0) complete_ = false;
}

}  // namespace watchword::fold
