// The command line: one App with a verb for everything that Watchword does. A verb is a row here,
// its options and a function that gives the exit code.
#pragma once
#include <CLI/App.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/cli/terminal.h"

namespace watchword::cli {

struct Cli {
  CLI::App app{
      "Watchword records every identity, token and auth event, and raises an explained alert when "
      "something is odd.",
      "watchword"};
  Terminal terminal;
  std::function<int()> chosen;  // what the parsed command line asks for
};

struct VerbText {
  const char* name;
  const char* summary;
  const char* examples;  // a line each
};

// Adds a verb below `parent`. What the caller sets on the App goes into the Options, which live as
// long as it does.
template <class Options>
std::pair<CLI::App*, Options*> add_verb(Cli& cli, CLI::App& parent, const VerbText& text,
                                        int (*run)(const Options&, const Terminal&)) {
  CLI::App* app = parent.add_subcommand(text.name, text.summary);
  app->footer(std::string("Examples:\n") + text.examples);
  auto options = std::make_shared<Options>();
  app->callback([&cli, options, run] {
    cli.chosen = [&cli, options, run] { return run(*options, cli.terminal); };
  });
  return {app, options.get()};
}
// A verb that only holds others.
CLI::App& add_group(Cli& cli, const char* name, const char* summary);

void add_node_verbs(Cli& cli);  // serve, dev, init
void add_identity_verbs(Cli& cli);
void add_token_verbs(Cli& cli);
void add_jit_verbs(Cli& cli);
void add_event_verbs(Cli& cli);
void add_alert_verbs(Cli& cli);
void add_import_verb(Cli& cli);
void add_replay_verbs(Cli& cli);  // replay, backup, restore
void add_config_verbs(Cli& cli);
void add_system_verbs(Cli& cli);  // status, clock
void add_about_verbs(Cli& cli);   // completion, version

void add_verbs(Cli& cli);  // all of them

// Parses, runs and gives the exit code (exit_code.h). Exceptions end here.
int run(const std::vector<std::string>& arguments, const Terminal& terminal);

// A script for "bash", "zsh" or "fish" made from the App's verbs and options. Empty: another shell.
std::string completion_script(const CLI::App& app, std::string_view shell);

}  // namespace watchword::cli
