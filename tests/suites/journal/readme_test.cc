// The worked example of stores/journal/README.md is what the code writes.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "tests/suites/journal/segment_kit.h"

namespace watchword::journal {
namespace {

// As hexdump -C has it, with one "*" for each run of lines of zeros.
std::string dump(const std::string& bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 16) {
    if (is_zero(bytes.data() + at, 16)) {
      if (!text.ends_with("*\n")) text += "*\n";
      continue;
    }
    char number[32];
    std::snprintf(number, sizeof number, "%04zx ", at);
    text += number;
    std::string readable;
    for (size_t i = 0; i < 16; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[at + i]);
      std::snprintf(number, sizeof number, i == 8 ? "  %02x" : " %02x", byte);
      text += number;
      readable += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
    }
    text += "  |" + readable + "|\n";
  }
  return text;
}

std::string example() {
  FaultDisk disk;
  SegmentOptions options = on(disk);
  options.partition = 3;
  auto journal = must(open_segments(options));
  const std::array<uint8_t, 16> incarnation{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  EXPECT_TRUE(journal->claim("node-a", incarnation, 1'754'653'338'123).ok());
  v1::Observation observation;
  observation.set_id("e-1");
  observation.set_action("auth.login");
  FrameBuilder builder;
  builder.add_judged(observation.SerializeAsString(), 1, "");
  EXPECT_TRUE(append_now(*journal, builder.finish(3, 1, 2, 1'754'653'338'456)).ok());
  return dump(disk.content("j/3/0000000001.segment").substr(0, 2 * kSectorBytes));
}

std::string block(const std::string& path, const std::string& language) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str(), open = "```" + language + "\n";
  const size_t from = all.find(open);
  if (from == std::string::npos) return "no such block";
  const size_t begin = from + open.size();
  return all.substr(begin, all.find("```\n", begin) - begin);
}

TEST(Readme, ShowsTheBytesThatAreWritten) {
  EXPECT_EQ(block(WATCHWORD_SOURCE "/stores/journal/README.md", "hex"), example()) << example();
}

}  // namespace
}  // namespace watchword::journal
