// When an answer may be given, and what may not be taken for granted: one fault in the task would break each of these.
#include "processors/runtime/task.h"

#include "tests/suites/runtime/task_kit.h"

namespace watchword::runtime::testing {
namespace {

const Id kBilling = principal(1), kOther = principal(2);
const Id kToken = mint_id_from(kNow, 7, 99);

class Promise : public ::testing::Test {
 protected:
  // An observation so odd that it is worth a suspension, of a principal that has learned what is usual.
  void learn(Partition& partition) {
    send(partition, registering(kBilling));
    partition.settle();
    send(partition, issuing(kBilling, kToken));
    partition.settle();
    for (int i = 0; i < 100; ++i) {
      clock.pass(1'000);
      observe(partition, {usual("use" + std::to_string(i))});
      partition.settle();
    }
    send(partition, [](fold::Ahead& rows, const Moment&) -> Result<Decided> {
      auto facts = domain::identity::decide(rows.find<v1::IdentityState>(kBilling),
                                            domain::identity::EstablishBaseline{});
      if (!facts) return facts.error();
      return decided(kBilling, std::move(*facts));
    });
    partition.settle();
  }
  Sight usual(const std::string& id) const {
    Sight sight{id, kBilling, clock.wall};
    sight.token = kToken;
    sight.authenticated = true;
    return sight;
  }
  Sight theft() const {
    Sight sight = usual("theft");
    sight.network = std::string("\xcb\x00\x71\x09", 4);
    sight.agent = "python-requests/2.32";
    sight.endpoint = "/api/v1/export";
    return sight;
  }
  v1::IdentityStatus status(Partition& partition) {
    return partition.state.find<v1::IdentityState>(kBilling)->status();
  }

  ManualClock clock;
  std::shared_ptr<journal::MemoryLog> log = journal::make_memory_log(0);
};

TEST_F(Promise, ARepeatedCallWaitsForTheFirstOneToBeDurable) {
  Partition partition(log, clock);
  const Repeatable same{mint_id_from(kNow, 7, 5), "body"};
  send(partition, registering(kBilling), Lane::command, same);
  const auto again = send(partition, registering(kBilling), Lane::revoke, same);
  partition.loop.run();
  EXPECT_FALSE(again->answered) << "the first call's frame could still be lost";
  partition.settle();
  ASSERT_TRUE(again->answered);
  EXPECT_TRUE(again->answer.repeated);
}

TEST_F(Promise, WhoHearsOfAChangeCanReadIt) {
  Partition partition(log, clock);
  bool found = false;
  Command command;
  command.decide = registering(kBilling);
  command.done = [&](const Answer& answer) {
    found = partition.state.find<v1::IdentityState>(kBilling) != nullptr;
    EXPECT_GE(partition.state.seq(), answer.position.seq);
  };
  partition.task->submit(std::move(command));
  partition.settle();
  EXPECT_TRUE(found);
}

TEST_F(Promise, AReadOfAPositionWaitsForExactlyThatPosition) {
  Partition partition(log, clock);
  const uint64_t last = partition.state.seq();
  send(partition, registering(kBilling));
  send(partition, registering(kOther), Lane::revoke);
  std::vector<uint64_t> reached;
  for (const uint64_t seq : {last, last + 1, last + 2})
    partition.task->when_applied(seq, [&, seq] {
      EXPECT_GE(partition.state.seq(), seq);
      reached.push_back(seq);
    });
  EXPECT_EQ(reached, (std::vector<uint64_t>{last}));
  ASSERT_TRUE(partition.sync_one());
  EXPECT_EQ(reached, (std::vector<uint64_t>{last, last + 1}));
  partition.settle();
  EXPECT_EQ(reached, (std::vector<uint64_t>{last, last + 1, last + 2}));
}

TEST_F(Promise, NoMoreFramesAreInFlightThanTheBoundSays) {
  Partition partition(log, clock);
  for (uint8_t i = 0; i < 10; ++i) send(partition, registering(principal(i)), Lane::revoke);
  EXPECT_EQ(partition.disk.size(), TaskLimits{}.frames_in_flight);
  partition.settle();
  for (uint8_t i = 0; i < 10; ++i)
    EXPECT_NE(partition.state.find<v1::IdentityState>(principal(i)), nullptr);
}

TEST_F(Promise, WhatAFrameInFlightChangedIsSeenUntilItIsApplied) {
  Partition partition(log, clock);
  send(partition, registering(kBilling), Lane::revoke);
  send(partition, issuing(kBilling, kToken, 2), Lane::revoke);
  send(partition, using_token(kBilling, kToken), Lane::revoke);
  ASSERT_TRUE(partition.sync_one());  // the registration; issue and use are in flight
  const auto second = send(partition, using_token(kBilling, kToken), Lane::revoke);
  ASSERT_TRUE(partition.sync_one());
  const auto third = send(partition, using_token(kBilling, kToken), Lane::revoke);
  partition.settle();
  EXPECT_TRUE(second->answer.body.ok());
  EXPECT_EQ(third->answer.body.error().reason, "token.jit.use.exhausted");
}

TEST_F(Promise, WhatALaterFrameChangedIsSeenThoughTheEarlierOneIsApplied) {
  Partition partition(log, clock);
  send(partition, registering(kBilling), Lane::revoke);
  send(partition, registering(kOther), Lane::revoke);
  ASSERT_TRUE(partition.sync_one());
  const auto again = send(partition, registering(kOther), Lane::revoke);
  partition.settle();
  EXPECT_EQ(again->answer.body.error().reason, "identity.exists");
}

// As a fold does it: the first frame whose time has come, not a later one.
TEST_F(Promise, AFrameSweepsWhatIsDueAtItsOwnTime) {
  Partition partition(log, clock);
  send(partition, registering(kBilling));
  partition.settle();
  send(partition, issuing(kBilling, kToken));
  partition.settle();
  const auto* token = partition.state.find<v1::JitTokenState>(kToken);
  ASSERT_NE(token, nullptr);
  clock.pass(token->expires_at_ms() - clock.wall);
  const uint64_t seq = partition.state.seq();
  send(partition, registering(kOther), Lane::revoke);
  ASSERT_TRUE(partition.sync_one());
  ASSERT_EQ(partition.state.seq(), seq + 1);
  EXPECT_EQ(partition.state.find<v1::JitTokenState>(kToken)->status(), v1::TOKEN_EXPIRED);
}

TEST_F(Promise, AuthenticatedEvidenceOfTheftSuspends) {
  Partition partition(log, clock);
  learn(partition);
  observe(partition, {theft()});
  partition.settle();
  EXPECT_EQ(status(partition), v1::IDENTITY_SUSPENDED);
}

TEST_F(Promise, WhatNobodyProvedSuspendsNobody) {
  Partition partition(log, clock);
  learn(partition);
  Sight claimed = theft();
  claimed.authenticated = false;
  observe(partition, {claimed});
  partition.settle();
  EXPECT_EQ(status(partition), v1::IDENTITY_ACTIVE);
  EXPECT_EQ(partition.state.find<v1::OpenAlerts>(kBilling)->open_size(), 1) << "but it is told";
}

TEST_F(Promise, HistoryThatIsImportedSuspendsNobody) {
  Partition partition(log, clock);
  learn(partition);
  v1::Observation old;
  ASSERT_TRUE(old.ParseFromString(bytes_of(theft())));
  old.set_imported(true);
  ObservationBatch batch;
  batch.add(old.SerializeAsString());
  partition.task->submit(std::move(batch));
  partition.settle();
  EXPECT_EQ(status(partition), v1::IDENTITY_ACTIVE);
}

TEST_F(Promise, AFullMailboxTakesAsManyAsItsBoundAndNotOneMore) {
  TaskLimits limits;
  limits.commands_waiting = 3;
  Partition partition(log, clock, nullptr, limits);
  send(partition, registering(kBilling));  // in flight
  std::vector<std::shared_ptr<Outcome>> sent;
  for (uint8_t i = 10; i < 15; ++i) sent.push_back(send(partition, registering(principal(i))));
  for (size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(sent[i]->answered, i >= 3) << i;
  partition.settle();
}

}  // namespace
}  // namespace watchword::runtime::testing
