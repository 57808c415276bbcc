#include "tests/crash/fleet.h"

#include <signal.h>

#include <thread>
#include <vector>

namespace watchword::testing {
namespace {

constexpr int kStopMs = 6'000;
constexpr int kVerifyMs = 120'000;

}  // namespace

Fleet::Fleet(Victim& victim, std::string name, uint64_t seed)
    : victim_(victim), name_(std::move(name)), random_(seed) {}

// A new one for each round.
void Fleet::share_token() {
  auto admin = victim_.admin();
  const int64_t max_uses = 5 + static_cast<int64_t>(random_() % 40);
  const auto issued =
      admin.issue(admin.register_service(name_ + "-shared-" + std::to_string(rounds_)),
                  R"("max_usage":)" + std::to_string(max_uses));
  if (issued.status != 201) findings_.add("no shared token: " + issued.reply.body);
  shared_ = std::make_unique<SharedToken>();
  shared_->id = issued.text("/token_id");
  shared_->text = issued.text("/access_token");
  shared_->max_uses = max_uses;
}

void Fleet::ask_while(const std::function<void()>& happens, Emphasis emphasis) {
  ++rounds_;
  share_token();
  std::atomic<bool> over = false;
  std::vector<std::thread> clients;
  for (size_t i = 0; i < kClients; ++i)
    clients.emplace_back([&, i, seed = random_()] {
      const std::string name = name_ + "-" + std::to_string(rounds_) + "-" + std::to_string(i);
      Client client(records_[i], *shared_, victim_.admin(), findings_, name, seed, emphasis);
      client.run([&] { return over.load(); });
    });
  happens();
  over = true;
  for (auto& client : clients) client.join();
}

void Fleet::check(bool everything) {
  std::vector<std::thread> checkers;
  for (size_t i = 0; i < kClients; ++i)
    checkers.emplace_back([&, i, seed = random_()] {
      Checker checker(records_[i], looked_[i], victim_.admin(), findings_, seed, everything);
      checker.ended_stays_ended();
      checker.settle_pending();
      checker.all_else();
    });
  for (auto& checker : checkers) checker.join();
  if (shared_) check_shared(*shared_, victim_.admin(), findings_);
}

void Fleet::stop_and_verify() {
  victim_.signal(SIGTERM);
  if (victim_.wait(kStopMs) != Victim::State::ended || victim_.exit_code() != 0)
    findings_.add("SIGTERM: exit code " + std::to_string(victim_.exit_code()) + "\n" +
                  victim_.errors());
  const auto verified =
      run_watchword({"replay", "verify", "--data", victim_.data()}, {}, kVerifyMs);
  if (verified.exit_code != 0)
    findings_.add("replay verify: exit code " + std::to_string(verified.exit_code) + "\n" +
                  verified.out + verified.errors);
}

uint64_t Fleet::answered() const {
  uint64_t sum = 0;
  for (const auto& record : records_) sum += record.answered;
  return sum;
}

uint64_t Fleet::unanswered() const {
  uint64_t sum = 0;
  for (const auto& record : records_) sum += record.unanswered;
  return sum;
}

}  // namespace watchword::testing
