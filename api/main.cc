#include "api/cli/cli.h"
#include "api/cli/memory.h"

int main(int count, char** arguments) {
  watchword::cli::harden();
  return watchword::cli::run({arguments + 1, arguments + count}, {});
}
