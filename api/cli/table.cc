#include "api/cli/table.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>

#include "api/cli/terminal.h"
#include "events/base/result.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

std::string padded(const std::string& cell, size_t width) {
  return cell + std::string(width - std::min(width, width_of(cell)), ' ');
}

// At most four digits after the point, no exponent: what people compare.
std::string number_text(double number) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4f", number);
  std::string out = text;
  out.erase(out.find_last_not_of('0') + 1);
  if (out.ends_with('.')) out.pop_back();
  return out;
}

bool is_plain(const json::value& value) { return !value.is_array() && !value.is_object(); }

void add_fields(const json::object& object, const std::string& prefix, Table& table) {
  for (const auto& [name, value] : object) {
    const std::string path = prefix + std::string(name);
    if (value.is_object() && !value.get_object().empty())
      add_fields(value.get_object(), path + ".", table);
    else
      table.add({path, cell_of(value)});
  }
}

}  // namespace

Table::Table(std::vector<std::string> titles) { rows_.push_back(std::move(titles)); }

void Table::add(std::vector<std::string> cells) {
  WATCHWORD_CHECK(cells.size() == rows_[0].size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<size_t> widths(rows_[0].size());
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += (i == 0 ? "" : "  ") + padded(row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    if (!line.empty()) out += line + "\n";
  }
  return out;
}

size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string cell_of(const json::value& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_double()) return number_text(value.get_double());
  if (!value.is_array() || !std::ranges::all_of(value.get_array(), is_plain))
    return json::serialize(value);
  std::string out;
  for (const json::value& each : value.get_array()) out += (out.empty() ? "" : ",") + cell_of(each);
  return out.empty() ? "-" : out;
}

const json::value* find_path(const json::value& value, std::string_view path) {
  const json::value* at = &value;
  while (at != nullptr && !path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    at = at->is_object() ? at->get_object().if_contains(path.substr(0, dot)) : nullptr;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

std::string table_of(const json::array& items, std::span<const Column> columns) {
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.emplace_back(column.title);
  Table table(std::move(titles));
  for (const json::value& item : items) {
    std::vector<std::string> cells;
    for (const Column& column : columns) {
      const json::value* found = find_path(item, column.path);
      cells.push_back(found != nullptr ? cell_of(*found) : "-");
    }
    table.add(std::move(cells));
  }
  return table.text();
}

std::string fields_of(const json::object& object) {
  Table table({"", ""});
  add_fields(object, "", table);
  return table.text();
}

}  // namespace watchword::cli
