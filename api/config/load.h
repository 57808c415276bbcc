// Settings from four places, later ones winning: default, TOML file, environment, flag. Every value
// knows where it comes from.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/config/settings.h"

namespace watchword::config {

enum class Layer : uint8_t { standard, file, environment, flag };

struct Origin {
  Layer layer = Layer::standard;
  std::string place =
      "default";  // "watchword.toml:3:1", "environment AUTO_SUSPEND_CRITICAL", "flag --listen"
};
struct Problem {
  std::string place;
  std::string text;
};

struct Flag {
  std::string name;  // of the setting: "api.listen"
  std::string value;
  std::string given;  // as typed: "--listen"
};
struct Sources {
  std::string file;                                // its name in places; empty: no file
  std::string toml;                                // its text
  std::map<std::string, std::string> environment;  // an empty value counts as not set
  std::vector<Flag> flags;
};

struct Loaded {
  Settings settings;
  std::map<std::string, Origin, std::less<>>
      origins;                    // by setting; those at their default are not in it
  std::vector<Problem> problems;  // all of them, in the order met
  bool ok() const { return problems.empty(); }
  Origin origin_of(std::string_view name) const;
};

// Reads all that it can; a value with a problem keeps what it was. Pure.
Loaded load(const Sources& sources);

// This process' environment, and the file's text when `path` is not empty. Errors: io
// "config.file.unreadable".
Result<Sources> sources_of(const std::string& path, std::vector<Flag> flags);

// Names in [detection.signals] that no detector has, with the nearest that exists.
std::vector<Problem> check_signal_names(const Loaded& loaded,
                                        std::span<const std::string_view> known);

// "name = value  # where from", grouped as in TOML; what it prints is a TOML file again. Secrets
// are masked.
std::string show_text(const Loaded& loaded);
// [{"name","value","origin","environment","default","doc"}]
std::string show_json(const Loaded& loaded);
// One line a problem: "watchword.toml:3:1: …".
std::string problems_text(const Loaded& loaded);
// The table as Markdown, for the documentation.
std::string reference_markdown();

}  // namespace watchword::config
