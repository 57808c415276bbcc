#include "tests/simulation/workload.h"

#include <algorithm>

#include "tests/simulation/reading.h"
#include "tests/simulation/violation.h"

namespace watchword::simulation {
namespace {

constexpr size_t kUnderWay = 12;
constexpr int kSteps = 200'000;  // in which whatever was asked is answered

std::string summary(const Request& request, const Reply& reply) {
  return "\n  " + request.verb + " " + request.path + " " + request.body.substr(0, 90) + " -> " +
         (reply.lost ? "lost" : std::to_string(reply.status) + " " + reply.body.substr(0, 120));
}

}  // namespace

Workload::Workload(World& world)
    : world_(world),
      oracle_(Rules{.detection = world.engine().options().judging.monitoring_enabled}),
      checkers_(world),
      chance_(world.chance().branch()),
      requests_(chance_.branch(), world.admin_token(), [&world] { return world.wall_ms(); }) {
  oracle_.admit(world.admin_token(), world.admin_identity(), world.admin_token_id(), {"admin"});
}

bool Workload::is_doubt(const Reply& reply) {
  return reply.lost || reply.status == 503 || reply.header("Watchword-Reason") == "unavailable";
}

// Once the clock was wrong, or the journal comes from a time when it was, frames may be dated otherwise until the next life.
void Workload::watch_the_clock() {
  if (world_.tally().restarts != restarts_) {
    restarts_ = world_.tally().restarts;
    clock_is_true_ = true;
    for (uint32_t number = 0; number < world_.engine().partitions(); ++number)
      clock_is_true_ &= world_.engine().partition(number).state->time_ms() <= world_.true_ms();
  }
  clock_is_true_ &= !world_.clock_is_wrong();
  if (world_.clock_is_wrong())
    for (auto& from_ms : under_way_since_ms_) from_ms = std::min(from_ms, world_.wall_ms());
}

// Bounds of the time by which a request is decided that is sent now, or was answered now.
int64_t Workload::earliest_ms() const {
  int64_t at_ms = world_.true_ms() - 1;  // frames and readers round the clocks differently
  if (clock_is_true_) return at_ms;
  at_ms = std::min(at_ms, world_.wall_ms());
  for (uint32_t number = 0; number < world_.engine().partitions(); ++number)
    if (const auto& state = world_.engine().partition(number).state) at_ms = std::min(at_ms, state->time_ms());
  return at_ms;
}

int64_t Workload::latest_ms() const {
  int64_t at_ms = world_.true_ms();
  if (clock_is_true_ && !world_.clock_is_wrong()) return at_ms;
  at_ms = std::max(at_ms, world_.wall_ms());
  for (uint32_t number = 0; number < world_.engine().partitions(); ++number) {
    const auto& partition = world_.engine().partition(number);
    if (partition.state) at_ms = std::max(at_ms, partition.state->time_ms());
    if (partition.task) at_ms = std::max(at_ms, partition.task->time().read_ms());
  }
  return at_ms;
}

// The subject, the caller whose token may end, a name that may be taken, each principal of a batch.
std::vector<std::string> Workload::locks_of(const Request& request) const {
  std::set<std::string> names;
  if (const auto subject = oracle_.subject_of(request); !subject.empty()) names.insert(subject);
  const auto [owner, token] = oracle_.token_of(request.caller);
  if (!owner.empty() && owner != world_.admin_identity()) names.insert(owner);
  if (!owner.empty() && request.caller != world_.admin_token()) names.insert(token);
  if (const auto id = path_id(request); !id.empty()) names.insert(id);
  if (const auto shown = oracle_.token_of(form_value(request.body, "token")).second; !shown.empty()) names.insert(shown);
  if (const auto name = Oracle::name_in(request); !name.empty()) names.insert(name);
  for (const auto& each : request.observations)
    if (each.is_object()) names.insert(Oracle::principal_of(each.as_object()));
  return {names.begin(), names.end()};
}

bool Workload::lock(const std::vector<std::string>& names) {
  if (std::ranges::any_of(names, [&](const auto& name) { return locked_.contains(name); })) return false;
  locked_.insert(names.begin(), names.end());
  return true;
}

void Workload::unlock(const std::vector<std::string>& names) {
  for (const auto& name : names) locked_.erase(name);
}

void Workload::act() {
  watch_the_clock();
  if (failed_) throw Violation(*failed_);
  if (under_way_ >= kUnderWay || !chance_.one_in(6)) return;
  if (chance_.one_in(40)) return send_race();
  if (!again_.empty() && chance_.one_in(2)) {
    auto request = std::move(again_.back());
    again_.pop_back();
    return send(std::move(request));
  }
  send(requests_.next());
}

void Workload::transmit(const Request& request, std::function<void(const Reply&)> answered) {
  ++under_way_;
  oracle_.sent(request);
  const uint64_t sent = checkers_.tick();
  world_.send(request, [this, request, sent, answered = std::move(answered)](const Reply& reply) {
    --under_way_;
    watch_the_clock();
    try {
      checkers_.answered(request, reply, sent, latest_ms());
      const auto position = Position::parse(reply.header("Watchword-Position"));
      if (position && reply.status / 100 == 2 && on_position) on_position(*position);
      answered(reply);
    } catch (const Violation& violation) {
      if (!failed_) failed_ = violation;
    }
  });
}

// After a lost answer a subject is first asked how it is: else what may be true of it would grow and grow.
Request Workload::probe_first(Request request) const {
  const auto subject = oracle_.subject_of(request);
  const bool identity = subject.size() == 36, again = !request.idempotency_key.empty();
  if (request.verb == "GET" || again || !identity || oracle_.worlds_of(subject).size() < 2) return request;
  Request probe;
  probe.path = "/api/v1/identities/" + subject;
  probe.caller = world_.admin_token();
  return probe;
}

void Workload::send(Request request) {
  request = probe_first(std::move(request));
  const auto names = locks_of(request);
  if (!lock(names)) return;
  const auto since = under_way_since_ms_.insert(under_way_since_ms_.end(), earliest_ms());
  transmit(request, [this, request, names, since](const Reply& reply) {
    const int64_t from_ms = *since;
    under_way_since_ms_.erase(since);
    unlock(names);
    if (is_doubt(reply) && !request.idempotency_key.empty()) again_.push_back(requests_.again(request));
    judge(request, reply, from_ms);
    requests_.heard(request, reply);
  });
}

void Workload::judge(const Request& request, const Reply& reply, int64_t from_ms) {
  const auto complaint = oracle_.judge(request, reply, {from_ms, latest_ms(), !clock_is_true_});
  if (!complaint.empty()) throw Violation("model", complaint);
}

void Workload::send_race() {
  auto requests = requests_.race();
  if (requests.empty()) return;
  auto race = std::make_shared<Race>();
  race->subject = oracle_.subject_of(requests.front());
  race->missing = requests.size();
  race->from_ms = earliest_ms();
  if (!lock({race->subject})) return;
  for (const auto& request : requests)
    transmit(request, [this, race, request](const Reply& reply) {
      race->answers.emplace_back(request, reply);
      // It tells the row as it is by then, which another one of them may have changed.
      if (reply.status == 200 && request.path.starts_with("/api/v1/identities/"))
        race->answers.back().second.body = request.path.ends_with("suspend") ? R"({"status":"suspended"})" : R"({"status":"active"})";
      if (--race->missing != 0) return;
      unlock({race->subject});
      judge_race(*race);
      for (const auto& [asked, told] : race->answers) requests_.heard(asked, told);
    });
}

void Workload::judge_race(const Race& race) {
  if (explains(race, {race.from_ms, latest_ms(), !clock_is_true_})) return;
  std::string what = "no order of a race explains its answers:";
  for (const auto& [request, reply] : race.answers) what += summary(request, reply);
  throw Violation("model", what);
}

// Whether the model agrees with every answer in some order; then what may be true is what any such order leads to. Goes
// through all sets of answers that may have come first. What was lost may have happened anywhere between.
bool Workload::explains(const Race& race, Moment at) {
  std::vector<std::pair<Request, Reply>> certain;
  for (const auto& each : race.answers)
    if (!is_doubt(each.second)) certain.push_back(each);
  std::vector<std::vector<Subject>> after(size_t{1} << certain.size());
  after[0] = oracle_.worlds_of(race.subject);
  for (size_t set = 0; set < after.size(); ++set) {
    if (after[set].empty()) continue;
    oracle_.assume(race.subject, std::move(after[set]));
    for (const auto& [request, reply] : race.answers)
      if (is_doubt(reply)) oracle_.maybe(request, at);
    if (set + 1 == after.size()) return true;
    const auto worlds = oracle_.worlds_of(race.subject);
    for (size_t next = 0; next < certain.size(); ++next) {
      const size_t with = set | size_t{1} << next;
      if (with == set) continue;
      oracle_.assume(race.subject, worlds);
      if (!oracle_.judge(certain[next].first, certain[next].second, at).empty()) continue;
      std::ranges::move(oracle_.worlds_of(race.subject), std::back_inserter(after[with]));
    }
  }
  return false;
}

void Workload::run_until_idle() {
  for (int steps = 0; !idle() || !world_.quiet(); ++steps) {
    if (steps > kSteps)
      throw Violation("liveness", std::to_string(under_way_) + " requests are not answered although nothing fails");
    world_.step();
    watch_the_clock();
    if (failed_) throw Violation(*failed_);
  }
}

// Invariant 19, and 13 once more: what every row says now is what the model says.
void Workload::ask_everything() {
  for (const auto& request : requests_.everything()) {
    bool served = false;
    while (!lock(locks_of(request))) {
      world_.step();
      watch_the_clock();
    }
    unlock(locks_of(request));
    const int64_t from_ms = earliest_ms();
    transmit(request, [this, request, from_ms, &served](const Reply& reply) {
      served = !is_doubt(reply) && reply.status != 429;
      judge(request, reply, from_ms);
    });
    run_until_idle();
    if (!served && !world_.clock_is_wrong())
      throw Violation("liveness", request.verb + " " + request.path + " is refused although nothing fails");
  }
}

// An operator vouches for the clock, which may have been vouched for while it was wrong.
void Workload::accept_clock() {
  Request accept;
  accept.verb = "POST";
  accept.path = "/api/v1/system/clock/accept";
  accept.caller = world_.admin_token();
  for (int tries = 0; tries < 3; ++tries) {
    send(accept);
    run_until_idle();
  }
}

void Workload::at_rest() {
  run_until_idle();
  accept_clock();
  ask_everything();
  run_until_idle();
  checkers_.at_rest(requests_.secrets());
}

}  // namespace watchword::simulation
