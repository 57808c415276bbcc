#include "tests/simulation/run.h"

#include "tests/simulation/standing.h"
#include "tests/simulation/violation.h"

namespace watchword::simulation {
namespace {

constexpr int kSteps = 2'500, kStepsToRest = 200'000;

void live(World& world, Standing& standing) {
  for (int i = 0; i < kSteps; ++i) {
    if (i % 20 == 0) {
      Request request;
      request.verb = "POST";
      request.path = "/api/v1/identities";
      request.body = R"({"identity_type":{"type":"ServiceAccount","service_name":"a)" + std::to_string(i) +
                     R"(","environment":"production","owner_team":"t"},"allowed_scopes":["a"]})";
      request.caller = world.admin_token();
      world.send(request, [&](const Reply& reply) {
        if (const auto position = Position::parse(reply.header("Watchword-Position"))) standing.acknowledged(*position);
      });
    }
    world.step();
    standing.after_step();
  }
}

// Invariant 19: when faults stop, everything that was accepted finishes.
void come_to_rest(World& world, Standing& standing) {
  world.heal();
  for (int i = 0; !world.quiet(); ++i) {
    if (i == kStepsToRest) throw Violation("liveness", "work is left though nothing hinders it");
    world.step();
    standing.after_step();
  }
  world.crash(Fault::clean_stop);
  world.step();
  for (int i = 0; !world.quiet() && i < kStepsToRest; ++i) world.step();
  standing.at_rest();
}

}  // namespace

Outcome run_seed(WorldSettings settings) {
  Outcome outcome;
  World world(std::move(settings));
  Standing standing(world);
  world.on_restart = [&] { standing.after_restart(); };
  try {
    live(world, standing);
    come_to_rest(world, standing);
  } catch (const Violation& violation) {
    outcome.failure = violation.invariant + ": " + violation.what();
  } catch (const std::exception& error) {
    outcome.failure = std::string("no_exceptions: ") + error.what();
  }
  outcome.story = world.story();
  outcome.trace_hash = world.trace_hash();
  outcome.tally = world.tally();
  return outcome;
}

}  // namespace watchword::simulation
