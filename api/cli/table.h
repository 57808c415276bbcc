// JSON answers as text for people.
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace watchword::cli {

// Columns as wide as their widest cell, two spaces between, no space at a line's end. Cells are
// made printable.
class Table {
 public:
  explicit Table(std::vector<std::string> titles);
  void add(std::vector<std::string> cells);  // as many as there are titles
  bool empty() const { return rows_.size() == 1; }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the titles first
};

// Code points, which is the width of what is not East Asian.
size_t width_of(std::string_view text);

// Null: "-". Arrays of plain values are joined by commas; anything deeper is JSON.
std::string cell_of(const boost::json::value& value);
// "identity_type.type": members inside members. nullptr: there is none.
const boost::json::value* find_path(const boost::json::value& value, std::string_view path);

struct Column {
  const char* title;
  const char* path;
};
std::string table_of(const boost::json::array& items, std::span<const Column> columns);
// "name  value", a line a member; members inside members as "outer.inner".
std::string fields_of(const boost::json::object& object);

}  // namespace watchword::cli
