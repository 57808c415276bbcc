// One bit flipped anywhere in a whole node's folder, which is then verified and started.
#include <gtest/gtest.h>

#include <random>

#include "tests/suites/images/tally.h"
#include "tests/suites/replay/maker.h"

namespace watchword::images {
namespace {

namespace fs = std::filesystem;

struct Started {
  bool ok = false;
  std::string said;  // the refusal, or the warnings
};

Started start_and_stop(const std::string& directory) {
  Started out;
  runtime::EngineOptions options;
  options.directory = directory;
  options.segment_bytes = 1 << 20;
  options.warn = [&](const std::string& line) { out.said += line + "\n"; };
  options.fatal = [](const std::string& line) { ADD_FAILURE() << line; };
  const replay::AheadClock clock;
  auto engine = runtime::Engine::open(options, clock, system_entropy());
  out.ok = engine.ok();
  if (!engine) {
    out.said = engine.error().detail;
    return out;
  }
  (*engine)->start();
  (*engine)->stop();
  return out;
}

// Where bytes are, mostly: a segment's free space is found by its sector like any other.
uint64_t some_offset(const fs::path& path, std::mt19937_64& random) {
  const std::string content = replay::read_bytes(path);
  const size_t used = content.find_last_not_of('\0') + 1;
  return random() % (random() % 8 == 0 || used == 0 ? content.size() : used);
}

TEST(WholeStore, WithAFlippedBitIsRefusedOrMadeAgainOrUnharmed) {
  Tally tally("flips in a whole folder");
  const replay::Folder folder;
  const std::string kept = folder / "kept", data = folder / "data";
  {
    replay::Node node(kept);
    fill(node);
    node.stop();
  }
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(kept))
    if (entry.is_regular_file() && entry.file_size() > 0)
      files.push_back(fs::relative(entry.path(), kept));
  std::sort(files.begin(), files.end());
  std::mt19937_64 random(from_environment("WATCHWORD_SEED", 1));
  const uint64_t wanted = from_environment("WATCHWORD_IMAGES", 5'000) / 100;
  for (uint64_t i = 0; i < wanted && !::testing::Test::HasFailure(); ++i) {
    const std::string& file = files[i % files.size()];
    fs::remove_all(data);
    fs::copy(kept, data, fs::copy_options::recursive);
    const std::string path = data + "/" + file;
    const uint64_t at = some_offset(path, random);
    replay::Flip flip(path, at, static_cast<char>(1u << random() % 8));
    tally.add("flipped");
    const auto before = replay::verify({.directory = data});
    ASSERT_TRUE(before) << before.error().detail;
    const Started started = start_and_stop(data);
    const std::string where = file + " at " + std::to_string(at) + ": " + started.said;
    if (!started.ok) {
      EXPECT_NE(started.said.find(data), std::string::npos) << "names no file: " << where;
      tally.note("refused by the start");
      continue;
    }
    const auto after = replay::verify({.directory = data});
    ASSERT_TRUE(after);
    const bool made_again = started.said.find("set aside") != std::string::npos;
    EXPECT_TRUE(after->ok() || !before->ok()) << where << replay::findings_text(*after);
    EXPECT_TRUE(after->ok() || !made_again) << where << replay::findings_text(*after);
    tally.note(made_again     ? "made again by the start"
               : before->ok() ? "without effect"
                              : "found by verify");
  }
  EXPECT_GT(tally.of("refused by the start"), 0u);
}

}  // namespace
}  // namespace watchword::images
