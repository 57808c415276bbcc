#include "tests/simulation/run.h"

#include "tests/simulation/standing.h"
#include "tests/simulation/violation.h"
#include "tests/simulation/workload.h"

namespace watchword::simulation {
namespace {

constexpr int kStepsToRest = 200'000;

// Many short lives find more than few long ones; what needs a long one gets it too.
int64_t steps_of(Chance& chance) { return chance.one_in(16) ? 2'500 : chance.between(200, 700); }

void live(World& world, Standing& standing, Workload& workload) {
  for (int64_t left = steps_of(world.chance()); left > 0; --left) {
    workload.act();
    world.step();
    standing.after_step();
  }
}

// Invariant 19: when faults stop, everything that was accepted finishes.
void come_to_rest(World& world, Standing& standing, Workload& workload) {
  world.heal();
  for (int i = 0; !world.quiet(); ++i) {
    if (i == kStepsToRest) throw Violation("liveness", "work is left though nothing hinders it");
    world.step();
    standing.after_step();
  }
  workload.at_rest();
  standing.at_rest();
}

}  // namespace

Outcome run_seed(WorldSettings settings) {
  Outcome outcome;
  std::unique_ptr<World> world;
  try {
    world = std::make_unique<World>(std::move(settings));
    Standing standing(*world);
    Workload workload(*world);
    world->on_restart = [&] { standing.after_restart(); };
    workload.on_position = [&](const Position& position) { standing.acknowledged(position); };
    live(*world, standing, workload);
    come_to_rest(*world, standing, workload);
  } catch (const Violation& violation) {
    outcome.failure = violation.invariant + ": " + violation.what();
  } catch (const std::exception& error) {
    outcome.failure = std::string("no_exceptions: ") + error.what();
  }
  if (!world) return outcome;
  outcome.story = world->story();
  outcome.trace_hash = world->trace_hash();
  outcome.tally = world->tally();
  return outcome;
}

}  // namespace watchword::simulation
