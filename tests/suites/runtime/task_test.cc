#include "processors/runtime/task.h"

#include "tests/suites/runtime/task_kit.h"

namespace watchword::runtime::testing {
namespace {

const Id kBilling = principal(1), kOther = principal(2);
const Id kToken = mint_id_from(kNow, 7, 99);

class Task : public ::testing::Test {
 protected:
  ManualClock clock;
  std::shared_ptr<journal::MemoryLog> log = journal::make_memory_log(0);
};

TEST_F(Task, AnswersACommandOnlyWhenItsFrameIsDurableAndApplied) {
  Partition partition(log, clock);
  const auto outcome = send(partition, registering(kBilling));
  EXPECT_FALSE(outcome->answered);
  EXPECT_EQ(partition.state.find<v1::IdentityState>(kBilling), nullptr);
  partition.settle();
  ASSERT_TRUE(outcome->answered);
  EXPECT_EQ(*outcome->answer.body, "registered");
  EXPECT_EQ(outcome->answer.position.seq, 2u);  // behind the claim
  EXPECT_NE(partition.state.find<v1::IdentityState>(kBilling), nullptr);
}

TEST_F(Task, ARefusalWaitsForTheFramesThatItRestsOn) {
  Partition partition(log, clock);
  send(partition, registering(kBilling));
  const auto second = send(partition, registering(kBilling), Lane::revoke);
  EXPECT_FALSE(second->answered) << "the first registration could still be lost";
  partition.settle();
  ASSERT_TRUE(second->answered);
  EXPECT_EQ(second->answer.body.error().reason, "identity.exists");
}

TEST_F(Task, OfAHundredUsesInFlightTenAreGranted) {
  Partition partition(log, clock);
  send(partition, registering(kBilling));
  partition.settle();
  send(partition, issuing(kBilling, kToken, 10));
  partition.settle();
  std::vector<std::shared_ptr<Outcome>> uses;
  for (int i = 0; i < 100; ++i) uses.push_back(send(partition, using_token(kBilling, kToken)));
  partition.settle();
  int granted = 0;
  for (const auto& use : uses) granted += use->answered && use->answer.body.ok();
  EXPECT_EQ(granted, 10);
  EXPECT_EQ(partition.state.find<v1::JitTokenState>(kToken)->status(), v1::TOKEN_EXHAUSTED);
}

TEST_F(Task, WhatRevokesOvertakesWhatWaits) {
  Partition partition(log, clock);
  send(partition, registering(kBilling));
  partition.settle();
  send(partition, registering(kOther));  // in flight: what follows gathers
  const auto issue = send(partition, issuing(kBilling, kToken));
  const auto suspend = send(partition, suspending(kBilling), Lane::revoke);
  partition.settle();
  EXPECT_TRUE(suspend->answer.body.ok());
  EXPECT_EQ(issue->answer.body.error().reason, "token.jit.issue.identity_suspended");
}

TEST_F(Task, ARepeatedCallGetsTheFirstAnswerAndAnotherBodyIsRefused) {
  Partition partition(log, clock);
  const Repeatable same{mint_id_from(kNow, 7, 5), "body"};
  send(partition, registering(kBilling), Lane::command, same);
  partition.settle();
  const auto again = send(partition, registering(kBilling), Lane::command, same);
  const auto other = send(partition, registering(kBilling), Lane::command, Repeatable{same.key, "another"});
  partition.settle();
  EXPECT_EQ(*again->answer.body, "registered");
  EXPECT_TRUE(again->answer.repeated);
  EXPECT_EQ(again->answer.position.seq, 2u);
  EXPECT_EQ(other->answer.body.error().reason, "idempotency.other_body");
}

TEST_F(Task, AKeptAnswerIsForgottenAfterADay) {
  Partition partition(log, clock);
  const Repeatable same{mint_id_from(kNow, 7, 5), "body"};
  send(partition, registering(kBilling), Lane::command, same);
  partition.settle();
  clock.pass(24 * kHourMs);
  const auto again = send(partition, registering(kBilling), Lane::command, same);
  partition.settle();
  EXPECT_EQ(again->answer.body.error().reason, "identity.exists");
}

TEST_F(Task, AFullMailboxRefusesAtOnce) {
  TaskLimits limits;
  limits.commands_waiting = 3;
  Partition partition(log, clock, nullptr, limits);
  send(partition, registering(kBilling));  // in flight
  for (int i = 0; i < 3; ++i) send(partition, registering(principal(static_cast<uint8_t>(10 + i))));
  const auto refused = send(partition, registering(kOther));
  ASSERT_TRUE(refused->answered);
  EXPECT_EQ(refused->answer.body.error().code, Errc::too_many);
  partition.settle();
}

TEST_F(Task, ACommandWhoseCallerHasGoneIsDroppedUndecided) {
  Partition partition(log, clock);
  send(partition, registering(kBilling));  // in flight
  auto outcome = std::make_shared<Outcome>();
  Command late;
  late.decide = registering(kOther);
  late.deadline_us = clock.boot_us + 1'000;
  late.done = [outcome](Answer answer) { outcome->answer = std::move(answer); };
  partition.task->submit(std::move(late));
  clock.pass(10);
  partition.settle();
  EXPECT_EQ(outcome->answer.body.error().reason, "task.too_late");
  EXPECT_EQ(partition.state.find<v1::IdentityState>(kOther), nullptr);
}

TEST_F(Task, AFailedAppendAnswersNobodyAsIfItHadHappened) {
  Partition partition(log, clock);
  partition.journal->fail_next_append({Errc::io, "journal.write", "EIO"});
  const auto lost = send(partition, registering(kBilling));
  partition.settle();
  EXPECT_FALSE(lost->answered && lost->answer.body.ok());
  EXPECT_EQ(partition.halted, "journal.write");
  const auto after = send(partition, registering(kOther));
  EXPECT_EQ(after->answer.body.error().code, Errc::unavailable);
  EXPECT_FALSE(partition.task->not_serving().empty());
}

TEST_F(Task, OnAFullDiskOnlyRevokingGoesOn) {
  Partition partition(log, clock);
  send(partition, registering(kBilling));
  partition.settle();
  partition.journal->set_space(journal::Space::reserve_only);
  const auto refused = send(partition, issuing(kBilling, kToken));
  const auto suspend = send(partition, suspending(kBilling), Lane::revoke);
  const auto seen = observe(partition, {{"e1", kBilling}});
  partition.settle();
  EXPECT_EQ(refused->answer.body.error().reason, "task.disk_full");
  EXPECT_TRUE(suspend->answer.body.ok());
  EXPECT_EQ((*seen)->error->reason, "task.disk_full");
  partition.journal->set_space(journal::Space::normal);
  const auto later = send(partition, registering(kOther));
  partition.settle();
  EXPECT_TRUE(later->answer.body.ok());
}

TEST_F(Task, ASteppedClockStopsAllButRevokingUntilItIsVouchedFor) {
  Partition partition(log, clock);
  send(partition, registering(kBilling));
  partition.settle();
  clock.wall -= kHourMs;
  const auto refused = send(partition, registering(kOther));
  const auto suspend = send(partition, suspending(kBilling), Lane::revoke);
  partition.settle();
  EXPECT_EQ(refused->answer.body.error().reason, "task.clock");
  EXPECT_TRUE(suspend->answer.body.ok());
  partition.task->time().accept();
  const auto later = send(partition, registering(kOther));
  partition.settle();
  EXPECT_TRUE(later->answer.body.ok());
  EXPECT_GE(partition.state.time_ms(), kNow) << "the time of frames never goes back";
}

TEST_F(Task, AnObservationCountsOnceHoweverOftenItComes) {
  Partition partition(log, clock);
  const auto first = observe(partition, {{"e1", kBilling}, {"e1", kBilling}, {"e2", kBilling}});
  partition.settle();
  EXPECT_EQ((*first)->accepted, 2u);
  EXPECT_EQ((*first)->duplicates, 1u);
  const auto again = observe(partition, {{"e1", kBilling}, {"e2", kBilling}});
  partition.settle();
  EXPECT_EQ((*again)->accepted, 0u);
  EXPECT_EQ((*again)->duplicates, 2u);
  EXPECT_EQ(partition.state.find<detectors::Baseline>(kBilling)->successes, 2u);
}

TEST_F(Task, AnObservationTooLargeForAFrameIsRefusedAndKeepsNobodyWaiting) {
  Partition partition(log, clock);
  const std::string endless(300'000, 'x');
  const auto seen = observe(
      partition, {{"large", kBilling, clock.wall, v1::SUCCESS, "", "", endless}, {"small", kBilling}});
  partition.settle();
  ASSERT_TRUE(*seen) << "still waiting";
  EXPECT_EQ((*seen)->accepted, 1u);
  ASSERT_EQ((*seen)->rejected.size(), 1u);
  EXPECT_EQ((*seen)->rejected[0].second, "observation.too_large");
  EXPECT_EQ(partition.task->waiting_observation_bytes(), 0u);
}

TEST_F(Task, AnExpiredTokenIsMarkedWhenItsTimeComesThoughNobodyAsks) {
  Partition partition(log, clock);
  send(partition, registering(kBilling));
  partition.settle();
  send(partition, issuing(kBilling, kToken));
  partition.settle();
  clock.pass(3'600'000);
  for (int i = 0; i < 4; ++i) {  // housekeeping wakes, writes a frame, and that frame sweeps
    clock.pass(300);
    partition.settle();
  }
  EXPECT_EQ(partition.state.find<v1::JitTokenState>(kToken)->status(), v1::TOKEN_EXPIRED);
}

TEST_F(Task, AStolenTokenIsDeadWithTheFirstOddUse) {
  Partition partition(log, clock);
  send(partition, registering(kBilling));
  partition.settle();
  send(partition, issuing(kBilling, kToken));
  partition.settle();
  for (int i = 0; i < 100; ++i) {
    clock.pass(1'000);
    observe(partition, {{"use" + std::to_string(i), kBilling, clock.wall, v1::SUCCESS,
                         std::string("\x0a\x00\x01\x07", 4), "billing-worker/1.4", "/api/v1/invoices",
                         kToken, true}});
    partition.settle();
  }
  send(partition, [](fold::Ahead& rows, const Moment&) -> Result<Decided> {
    auto facts = domain::identity::decide(rows.find<v1::IdentityState>(kBilling),
                                          domain::identity::EstablishBaseline{});
    if (!facts) return facts.error();
    return decided(kBilling, std::move(*facts));
  });
  partition.settle();
  observe(partition, {{"theft", kBilling, clock.wall, v1::SUCCESS, std::string("\xcb\x00\x71\x09", 4),
                       "python-requests/2.32", "/api/v1/export", kToken, true}});
  partition.settle();
  const auto* identity = partition.state.find<v1::IdentityState>(kBilling);
  EXPECT_EQ(identity->status(), v1::IDENTITY_SUSPENDED);
  EXPECT_EQ(domain::jit_token::status_of(*partition.state.find<v1::JitTokenState>(kToken), identity,
                                         clock.wall),
            v1::TOKEN_REVOKED);
  EXPECT_EQ(partition.state.find<v1::OpenAlerts>(kBilling)->open_size(), 1);
}

TEST_F(Task, AStrangerWhoNamesMyTokenRaisesNothingAgainstIt) {
  Partition partition(log, clock);
  for (const auto& id : {kBilling, kOther}) send(partition, registering(id));
  partition.settle();
  send(partition, issuing(kBilling, kToken));
  partition.settle();
  observe(partition, {{"e1", kOther, clock.wall, v1::SUCCESS, std::string("\xcb\x00\x71\x09", 4),
                       "curl/8", "/", kToken, false}});
  partition.settle();
  const auto* token = partition.state.find<v1::JitTokenState>(kToken);
  EXPECT_FALSE(token->misuse_alerted());
  EXPECT_EQ(partition.state.find<fold::Usage>(kToken), nullptr);
  EXPECT_EQ(partition.state.find<v1::OpenAlerts>(kOther), nullptr);
}

TEST_F(Task, ARestartFoldsTheJournalToTheSameRows) {
  std::string live;
  {
    Partition partition(log, clock);
    send(partition, registering(kBilling));
    partition.settle();
    send(partition, issuing(kBilling, kToken, 10));
    partition.settle();
    for (int i = 0; i < 50; ++i) {
      clock.pass(700);
      observe(partition, {{"a" + std::to_string(i), kBilling, clock.wall},
                          {"b" + std::to_string(i), kOther, clock.wall - 5'000 * (i % 3)}});
      send(partition, using_token(kBilling, kToken));
      partition.settle();
    }
    live = all_rows(partition.state);
  }
  Partition again(log, clock);
  EXPECT_EQ(all_rows(again.state), live);
}

TEST_F(Task, StopDrainsWhatWaitsBeforeItIsOver) {
  Partition partition(log, clock);
  const auto outcome = send(partition, registering(kBilling));
  bool stopped = false;
  partition.task->stop([&] { stopped = true; });
  EXPECT_FALSE(stopped);
  const auto late = send(partition, registering(kOther));
  EXPECT_EQ(late->answer.body.error().reason, "task.stopping");
  partition.settle();
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(outcome->answer.body.ok());
}

}  // namespace
}  // namespace watchword::runtime::testing
