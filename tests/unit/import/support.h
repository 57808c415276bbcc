// Lines in, observations out, for the tests of formats.
#pragma once
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "api/import/format.h"
#include "api/observe/draft.h"

namespace watchword::import {

inline constexpr int64_t kTestNow = 1'800'000'000'000;

struct Output {
  std::vector<boost::json::object> seen;
  std::vector<std::string> problems;
  std::string text;  // all observations, one a line
};

inline void collect(const Parse& parse, std::string_view line, Output& out) {
  std::vector<Record> records;
  if (const auto parsed = parse(line, records); !parsed)
    out.problems.push_back(parsed.error().detail);
  for (const Record& record : records) {
    const auto read = observe::read(observe::Form::json, record.json, kTestNow);
    ASSERT_TRUE(read.ok()) << record.json;
    ASSERT_TRUE(read->rejections.empty()) << read->rejections[0].detail << " in " << record.json;
    EXPECT_EQ(read->drafts[0].time_ms, record.time_ms);
    out.seen.push_back(boost::json::parse(record.json).as_object());
    out.text += record.json + "\n";
  }
}

inline Output parse_lines(const Parse& parse, const std::vector<std::string>& lines) {
  Output out;
  for (const std::string& line : lines) collect(parse, line, out);
  return out;
}

inline Output parse_file(Format format, const std::string& path, const Options& options) {
  Output out;
  auto input = open_input(path);
  if (!input) {
    ADD_FAILURE() << input.error().detail;
    return out;
  }
  Reader reader(std::move(*input), unit_of(format));
  const Parse parse = parser_of(format, options);
  for (;;) {
    const auto line = reader.next();
    if (!line) {
      ADD_FAILURE() << line.error().detail;
      return out;
    }
    if (!*line) return out;
    collect(parse, (*line)->text, out);
  }
}

inline std::string text_at(const boost::json::object& object, std::string_view name) {
  const auto* found = object.if_contains(name);
  return found && found->is_string() ? std::string(found->get_string()) : "";
}
inline std::string attribute(const boost::json::object& object, std::string_view name) {
  const auto* found = object.if_contains("attributes");
  return found ? text_at(found->as_object(), name) : "";
}

// The folder of real records; empty, and said so, where there is none.
inline std::string real_data() {
  const char* given = std::getenv("WATCHWORD_DATA");
  const std::string folder = given ? given : std::string(WATCHWORD_SOURCE) + "/../shared/data";
  if (std::filesystem::is_directory(folder + "/cloudtrail")) return folder;
  std::printf("skipped: no real records at %s\n", folder.c_str());
  return {};
}

// A folder that goes away with the test.
class Folder {
 public:
  Folder() {
    std::string name =
        (std::filesystem::temp_directory_path() / "watchword-import-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream(file(name), std::ios::binary) << bytes;
    return file(name);
  }

 private:
  std::string path_;
};

}  // namespace watchword::import
