#include <cstdio>
#include "tests/simulation/violation.h"
#include "tests/simulation/world.h"
using namespace watchword::simulation;
int main(int argc, char** argv) {
  for (uint64_t seed = 1; seed <= (argc > 1 ? std::stoull(argv[1]) : 1); ++seed) {
    World world({seed, "/dev/shm/watchword-simulation", true, argc > 2});
    for (int i = 0; i < 3000; ++i) {
      if (i % 20 == 0) {
        Request request;
        request.verb = "POST";
        request.path = "/api/v1/identities";
        request.body = R"({"identity_type":{"type":"ServiceAccount","name":"a)" + std::to_string(i) + R"(","environment":"production","owner_team":"t"},"allowed_scopes":["a"]})";
        request.caller = world.admin_token();
        world.send(request, [](const Reply&) {});
      }
      world.step();
    }
    world.heal();
    int n = 0;
    while (!world.quiet() && n++ < 100000) world.step();
    std::printf("seed %lu hash %016lx steps %lu requests %lu lost %lu crashes %lu quiet %d\n", seed, world.trace_hash(), world.tally().steps, world.tally().requests, world.tally().lost, world.tally().crashes, world.quiet());
  }
}
