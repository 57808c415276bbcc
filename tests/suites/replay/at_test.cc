#include "replay/at.h"

#include <boost/json/serialize.hpp>

#include "events/crypto/hash.h"
#include "replay/history.h"
#include "stores/keys/key_file.h"
#include "tests/suites/replay/maker.h"

namespace watchword::replay {
namespace {

namespace json = boost::json;

class At : public ::testing::Test {
 protected:
  At() : node_(data_), maker_(node_.clock) {}

  json::object at(const std::string& subject, std::optional<int64_t> time_ms = {},
                  std::optional<Position> position = {}) {
    const auto answer = replay::at(data_, {subject, time_ms, position});
    EXPECT_TRUE(answer.ok()) << answer.error().reason << ": " << answer.error().detail;
    return answer ? *answer : json::object{};
  }
  std::string status_of(const json::object& answer) {
    return std::string(answer.at("identity").at("status").as_string());
  }
  Errc refusal(const Asked& asked) {
    const auto answer = replay::at(data_, asked);
    return answer ? Errc::internal : answer.error().code;
  }
  // A frame of its own time: what is asked by time must be apart by a millisecond at least.
  int64_t next_moment() {
    node_.clock.advance_ms(10);
    return node_.clock.wall_ms();
  }

  const Folder folder_;
  const std::string data_ = folder_ / "data";
  Node node_;
  Maker maker_;
};

TEST_F(At, AnIdentityIsActiveBeforeItsSuspensionAndSuspendedAfterIt) {
  const Id id = maker_.principal(1);
  const int64_t before_all_ms = node_.clock.wall_ms() - 1;
  next_moment();
  const Position registered = node_.decide(id, maker_.registered("robot"));
  const int64_t between_ms = next_moment();
  next_moment();
  const Position suspended = node_.decide(id, maker_.suspended(2));
  EXPECT_TRUE(at(id.text(), before_all_ms).at("identity").is_null());
  EXPECT_EQ(status_of(at(id.text(), between_ms)), "active");
  EXPECT_EQ(status_of(at(id.text())), "suspended");
  EXPECT_EQ(status_of(at(id.text(), {}, registered)), "active");
  EXPECT_EQ(status_of(at(id.text(), {}, suspended)), "suspended");
  EXPECT_EQ(at(id.text(), {}, registered).at("position").as_string(), registered.text());
}

TEST_F(At, ATokenIsActiveThenExpiredByTheTimeAskedThoughNoFrameSaysSo) {
  const Id id = maker_.principal(1), token = maker_.token(id);
  node_.decide(id, maker_.registered("robot"));
  node_.decide(id, maker_.issued(token, 5 * kMinuteMs));
  node_.observe(maker_.used(id, token));
  const int64_t now_ms = node_.clock.wall_ms();
  const auto active = at(token.text(), now_ms).at("token");
  EXPECT_EQ(active.at("status").as_string(), "active");
  EXPECT_EQ(active.at("usage_count"), 1u);
  EXPECT_EQ(at(token.text(), now_ms + 5 * kMinuteMs + 1).at("token").at("status").as_string(),
            "expired");
  EXPECT_TRUE(at(token.text(), now_ms + 2 * kDayMs).at("token").is_null());
  EXPECT_EQ(at(token.text(), now_ms).at("subject").as_string(), id.text());
}

TEST_F(At, ATokenDiesWithTheSuspensionOfItsIdentity) {
  const Id id = maker_.principal(1), token = maker_.token(id);
  node_.decide(id, maker_.registered("robot"));
  const Position issued = node_.decide(id, maker_.issued(token, kHourMs));
  node_.decide(id, maker_.suspended(2));
  EXPECT_EQ(at(token.text(), {}, issued).at("token").at("status").as_string(), "active");
  EXPECT_EQ(at(token.text()).at("token").at("status").as_string(), "revoked");
}

TEST_F(At, AnAlertIsFoundByItsIdAndItsRiskShowsWithItsPrincipal) {
  const Id id = maker_.principal(1), alert = maker_.token(id);
  node_.decide(id, maker_.registered("robot"));
  node_.decide(id, maker_.raised(alert, 32'768));
  const auto answer = at(alert.text());
  EXPECT_EQ(answer.at("alert").at("title").as_string(), "odd");
  EXPECT_EQ(answer.at("alerts").as_array().size(), 1u);
  EXPECT_EQ(answer.at("identity").at("risk_score").as_double(), 0.5);
}

TEST_F(At, ASubjectMayBeNamedByNameByTokenNameAndByForeignSubject) {
  const Id id = maker_.principal(1), token = maker_.token(id);
  node_.decide(id, maker_.registered("billing-robot"));
  node_.decide(id, maker_.created(token, "nightly-build"));
  const auto keys = keys::KeyFile::open(data_ + "/keys/master.key", system_entropy());
  ASSERT_TRUE(keys.ok());
  const std::string subject = "alice@example.com";
  const Id foreign = foreign_principal_id(subject, crypto::view(keys->lookup(subject)));
  node_.observe(maker_.used(foreign));
  EXPECT_EQ(at("billing-robot").at("subject").as_string(), id.text());
  EXPECT_EQ(at("nightly-build").at("token").at("id").as_string(), token.text());
  EXPECT_EQ(at(subject).at("subject").as_string(), foreign.text());
  EXPECT_EQ(at(subject).at("baseline").at("successes"), 1u);
}

TEST_F(At, WhatIsUnknownIsNotFound) {
  EXPECT_EQ(refusal({"nobody", {}, {}}), Errc::not_found);
  EXPECT_EQ(refusal({maker_.principal(1).text(), {}, {}}), Errc::not_found);
  EXPECT_EQ(refusal({"", {}, {}}), Errc::not_found);
}

TEST_F(At, APositionAboveTheEndOrOfAnotherPartitionIsRefused) {
  const Id id = maker_.principal(1);
  node_.decide(id, maker_.registered("robot"));
  EXPECT_EQ(refusal({id.text(), {}, Position{1, 1'000'000}}), Errc::invalid);
  EXPECT_EQ(refusal({id.text(), {}, Position{0, 1}}), Errc::invalid);
}

TEST_F(At, AStoppedFolderAnswersAsTheRunningOneDid) {
  const auto filled = fill(node_);
  const int64_t now_ms = node_.clock.wall_ms();
  const auto running = at(filled.principals[0].text(), now_ms);
  node_.stop();
  EXPECT_EQ(at(filled.principals[0].text(), now_ms).at("identity"), running.at("identity"));
}

std::string rows_text(const Past& past) {
  std::string text = json::serialize(render(past, {}));
  if (past.baseline() != nullptr)
    rows::RowTraits<detectors::Baseline>::encode(*past.baseline(), text);
  for (const auto* token : past.jit_tokens()) text += token->SerializeAsString();
  for (const auto* token : past.service_tokens()) text += token->SerializeAsString();
  for (const auto* alert : past.alerts()) text += alert->SerializeAsString();
  if (past.identity() != nullptr) text += past.identity()->SerializeAsString();
  return text;
}

TEST_F(At, FoldingTheNamedFramesGivesTheSameBytesAsFoldingAllAtEveryPosition) {
  const auto filled = fill(node_, 4);
  node_.clock.advance_ms(kHourMs + 1);  // tokens expire, swept by frames that name others
  node_.observe(maker_.used(filled.principals[3], filled.tokens[3]));
  node_.observe(maker_.used(filled.principals[0], filled.tokens[0]));
  node_.decide(filled.principals[0], maker_.revoked(filled.tokens[0]));
  node_.clock.advance_ms(2 * kDayMs);  // and are forgotten
  node_.observe(maker_.used(filled.principals[2], filled.tokens[2]));
  node_.observe(maker_.used(filled.principals[1], filled.tokens[1]));
  size_t compared = 0;
  for (const Id& id : filled.principals) {
    auto& part = node_.part(node_.number_of(id));
    const History history(part.number, *part.journal, *part.index);
    for (uint64_t seq = 1; seq <= part.journal->tail().seq; ++seq) {
      const auto named = history.past_of(id, {.seq = seq}, Reading::named_frames);
      const auto every = history.past_of(id, {.seq = seq}, Reading::every_frame);
      ASSERT_TRUE(named.ok() && every.ok());
      ASSERT_EQ(rows_text(*named), rows_text(*every)) << id.text() << " at " << seq;
      ++compared;
    }
  }
  EXPECT_GT(compared, 60u);
}

TEST_F(At, AStrangersObservationThatNamesMyTokenDoesNotChangeIt) {
  const Id mine = maker_.principal(1), stranger = maker_.principal(3), token = maker_.token(mine);
  node_.decide(mine, maker_.registered("robot"));
  node_.decide(mine, maker_.issued(token, kHourMs));
  node_.observe(maker_.used(stranger, token));
  auto& part = node_.part(1);
  const History history(part.number, *part.journal, *part.index);
  const auto named = history.past_of(mine, {}, Reading::named_frames);
  const auto every = history.past_of(mine, {}, Reading::every_frame);
  ASSERT_TRUE(named.ok() && every.ok());
  EXPECT_EQ(json::serialize(render(*named, {})), json::serialize(render(*every, {})));
  EXPECT_EQ(render(*named, {}).at("jit_tokens").at(0).at("usage_count"), 0u);
}

TEST_F(At, TheLastFrameOfATimeIsFoundForEveryTime) {
  const Id id = maker_.principal(1);
  std::vector<int64_t> times;
  for (int i = 0; i < 20; ++i) {
    node_.clock.advance_ms(i * 7);
    node_.observe(maker_.used(id));
  }
  auto& part = node_.part(1);
  const History history(part.number, *part.journal, *part.index);
  ASSERT_TRUE(part.journal->read(1, [&](const journal::Stored& stored) -> Result<> {
    times.push_back(stored.time_ms);
    return {};
  }).ok());
  for (int64_t time_ms = times.front() - 2; time_ms < times.back() + 2; ++time_ms) {
    const auto expected = std::upper_bound(times.begin(), times.end(), time_ms) - times.begin();
    const auto found = history.seq_at(time_ms);
    ASSERT_TRUE(found.ok());
    ASSERT_EQ(*found, static_cast<uint64_t>(expected)) << time_ms;
  }
}

}  // namespace
}  // namespace watchword::replay
