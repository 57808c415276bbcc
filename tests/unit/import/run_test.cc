#include "api/import/run.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/unit/import/support.h"

namespace watchword::import {
namespace {

std::string observation(int number, const std::string& time = "2025-06-15T15:00:00Z") {
  return R"({"id":"e)" + std::to_string(number) + R"(","source":"app","subject":"kim","time":")" +
         time + "\"}";
}

// A server that remembers ids, and the clock beside it.
struct Server {
  std::set<std::string> ids;
  std::vector<Batch> batches;
  std::vector<int64_t> sent_ms;
  std::string refuses;  // an id
  int64_t now_ms = kTestNow;
  size_t fails_at = SIZE_MAX;

  Outside outside() {
    return {.send = [this](const Batch& batch) { return take(batch); },
            .progress = {},
            .now_ms = [this] { return now_ms; },
            .sleep_ms = [this](int64_t ms) { now_ms += ms; }};
  }
  Result<Answer> take(const Batch& batch) {
    if (batches.size() == fails_at)
      return Error{Errc::unavailable, "test.down", "the server is gone"};
    batches.push_back(batch);
    sent_ms.push_back(now_ms - kTestNow);
    Answer answer;
    const boost::json::value body = boost::json::parse(batch.body);
    const boost::json::array& items = body.get_array();
    EXPECT_EQ(items.size(), batch.records);
    for (size_t i = 0; i < items.size(); ++i) {
      const std::string id = text_at(items[i].as_object(), "id");
      if (id == refuses)
        answer.rejected.push_back({i, "time_out_of_range", "too old"});
      else
        ids.insert(id).second ? ++answer.accepted : ++answer.duplicates;
    }
    return answer;
  }
};

std::string content_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Outcome {
  Summary summary;
  std::string error;
};
Outcome run_on(Server& server, const Plan& plan) {
  Outcome outcome;
  const auto done = run(plan, server.outside(), outcome.summary);
  if (!done) outcome.error = done.error().detail;
  return outcome;
}

Plan jsonl(const std::string& path) {
  return {.format = Format::jsonl, .files = {path}, .options = {}, .speed = 0, .rejects = {}};
}

std::string many(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += observation(i) + "\n";
  return text;
}

TEST(Run, BatchesOf500StayInsideBlocksOf1000Lines) {
  const Folder folder;
  Server server;
  const Outcome outcome = run_on(server, jsonl(folder.write("log", many(2300))));
  EXPECT_EQ(outcome.summary.accepted, 2300u);
  std::vector<size_t> sizes, parts;
  for (const Batch& batch : server.batches)
    sizes.push_back(batch.records), parts.push_back(batch.part * 10 + batch.parts);
  EXPECT_EQ(sizes, (std::vector<size_t>{500, 500, 500, 500, 300}));
  EXPECT_EQ(parts, (std::vector<size_t>{12, 22, 12, 22, 11}));
  EXPECT_EQ(server.batches[0].block_digest, server.batches[1].block_digest);
  EXPECT_NE(server.batches[1].block_digest, server.batches[2].block_digest);
}

TEST(Run, TheSameFileTwiceSendsTheSameBytesAndChangesNothing) {
  const Folder folder;
  const Plan plan = jsonl(folder.write("log", many(1200)));
  Server server;
  run_on(server, plan);
  const Outcome again = run_on(server, plan);
  EXPECT_EQ(again.summary.accepted, 0u);
  EXPECT_EQ(again.summary.duplicates, 1200u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(server.batches[i].body, server.batches[i + 3].body);
    EXPECT_EQ(server.batches[i].block_digest, server.batches[i + 3].block_digest);
  }
}

TEST(Run, AFileThatGrewKeepsTheDigestsOfItsFullBlocksAndAChangedLineChangesAllThatFollow) {
  const Folder folder;
  Server server;
  run_on(server, jsonl(folder.write("log", many(2000))));
  run_on(server, jsonl(folder.write("log", many(2500))));
  ASSERT_EQ(server.batches.size(), 9u);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(server.batches[i].block_digest, server.batches[i + 4].block_digest);
  Server other;
  run_on(other, jsonl(folder.write("log", observation(77) + "\n" + many(2000))));
  EXPECT_NE(other.batches[0].block_digest, server.batches[0].block_digest);
  EXPECT_NE(other.batches[2].block_digest, server.batches[2].block_digest);
}

TEST(Run, UnreadableAndRefusedLinesAreCountedNamedAndKept) {
  const Folder folder;
  Server server;
  server.refuses = "e2";
  const std::string path = folder.write("log", observation(1) + "\nbroken\n" + observation(2) +
                                                   "\n{\"id\":7}\n" + observation(3) + "\n");
  const Outcome outcome = run_on(server, jsonl(path));
  EXPECT_EQ(outcome.summary.lines, 5u);
  EXPECT_EQ(outcome.summary.accepted, 2u);
  EXPECT_EQ(outcome.summary.unreadable, 2u);
  EXPECT_EQ(outcome.summary.rejected, 1u);
  ASSERT_EQ(outcome.summary.named.size(), 3u);
  EXPECT_EQ(outcome.summary.named[0].line, 2u);
  EXPECT_EQ(outcome.summary.named[1].reason, "id must not be a number");
  EXPECT_EQ(outcome.summary.named[2].reason, "time_out_of_range: too old");
  EXPECT_EQ(outcome.summary.named[2].line, 3u);
  EXPECT_EQ(content_of(path + ".rejected"), "broken\n{\"id\":7}\n" + observation(2) + "\n");
  EXPECT_THAT(summary_text(outcome.summary, 1.0), testing::HasSubstr(path + ":2: "));
}

TEST(Run, OnlyTheFirstTenAreNamedAndAllAreKept) {
  const Folder folder;
  Server server;
  std::string text;
  for (int i = 0; i < 25; ++i) text += "broken " + std::to_string(i) + "\n";
  Plan plan = jsonl(folder.write("log", text));
  plan.rejects = folder.file("kept");
  const Outcome outcome = run_on(server, plan);
  EXPECT_EQ(outcome.summary.named.size(), 10u);
  EXPECT_EQ(outcome.summary.unreadable, 25u);
  EXPECT_EQ(content_of(plan.rejects), text);
  EXPECT_TRUE(server.batches.empty());
}

TEST(Run, AServerThatGoesAwayEndsTheImportWithItsPlaceAndTheNextRunGoesOn) {
  const Folder folder;
  const Plan plan = jsonl(folder.write("log", many(1500)));
  Server server;
  server.fails_at = 2;
  const Outcome broken = run_on(server, plan);
  EXPECT_THAT(broken.error, testing::HasSubstr("log near line 1001: the server is gone"));
  EXPECT_EQ(broken.summary.accepted, 1000u);
  server.fails_at = SIZE_MAX;
  const Outcome again = run_on(server, plan);
  EXPECT_EQ(again.summary.accepted, 500u);
  EXPECT_EQ(again.summary.duplicates, 1000u);
}

TEST(Run, WithASpeedTimePassesThatMuchFaster) {
  const Folder folder;
  Server server;
  Plan plan = jsonl(folder.write("log", observation(1, "2025-06-15T15:00:00Z") + "\n" +
                                            observation(2, "2025-06-15T15:00:30Z") + "\n" +
                                            observation(3, "2025-06-15T15:01:00Z") + "\n"));
  plan.speed = 10;
  run_on(server, plan);
  EXPECT_EQ(server.sent_ms, (std::vector<int64_t>{0, 3000, 6000}));
}

TEST(Run, ABodyStaysBelowTheServersLimit) {
  const Folder folder;
  Server server;
  std::string text;
  for (int i = 0; i < 800; ++i)
    text += observation(i).substr(0, observation(i).size() - 1) + ",\"resource\":\"" +
            std::string(2000, 'r') + "\"}\n";
  const Outcome outcome = run_on(server, jsonl(folder.write("log", text)));
  EXPECT_EQ(outcome.summary.accepted, 800u);
  for (const Batch& batch : server.batches) EXPECT_LT(batch.body.size(), 600'000u);
}

TEST(Run, ALineOfMoreThanOneObservationIsTakenWholeOrKeptWhole) {
  const Folder folder;
  Server server;
  const Outcome outcome = run_on(
      server, jsonl(folder.write("log", "[" + observation(1) + "," + observation(2) + "]\n")));
  EXPECT_EQ(outcome.summary.unreadable, 1u);
  EXPECT_TRUE(server.ids.empty());
}

}  // namespace
}  // namespace watchword::import
