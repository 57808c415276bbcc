#include "api/cli/cli.h"

int main(int count, char** arguments) {
  return watchword::cli::run({arguments + 1, arguments + count}, {});
}
