#include <boost/json.hpp>

#include "api/config/load.h"
#include "api/config/table.h"

namespace watchword::config {
namespace {

std::string_view group_of(std::string_view name) { return name.substr(0, name.rfind('.')); }
std::string_view key_of(std::string_view name) { return name.substr(name.rfind('.') + 1); }

void add_line(std::string& out, std::string_view key, std::string_view value,
              const Origin& origin) {
  out.append(key).append(" = ").append(value);
  out.append("  # ").append(origin.place).append("\n");
}

// Bare keys of TOML need no quotes, and names of signals are bare.
void add_signals(std::string& out, const Loaded& loaded) {
  const auto& signals = loaded.settings.detection.signals;
  if (!signals.empty()) out += "\n[detection.signals]\n";
  for (const auto& [name, on] : signals)
    add_line(out, name, on ? "true" : "false", loaded.origin_of("detection.signals." + name));
}

boost::json::object row_of(std::string_view name, std::string value, const Loaded& loaded) {
  return {{"name", name}, {"value", std::move(value)}, {"origin", loaded.origin_of(name).place}};
}

}  // namespace

std::string show_text(const Loaded& loaded) {
  std::string out, group;
  for (const Setting& setting : settings_table()) {
    if (group_of(setting.name) != group) {
      group = group_of(setting.name);
      out.append(out.empty() ? "[" : "\n[").append(group).append("]\n");
    }
    add_line(out, key_of(setting.name), shown(setting, loaded.settings),
             loaded.origin_of(setting.name));
  }
  add_signals(out, loaded);
  return out;
}

std::string show_json(const Loaded& loaded) {
  const Settings standard;
  boost::json::array rows;
  for (const Setting& setting : settings_table()) {
    boost::json::object row = row_of(setting.name, shown(setting, loaded.settings), loaded);
    row["environment"] = environment_of(setting);
    row["default"] = shown(setting, standard);
    row["doc"] = setting.doc;
    rows.push_back(std::move(row));
  }
  for (const auto& [name, on] : loaded.settings.detection.signals)
    rows.push_back(row_of("detection.signals." + name, on ? "true" : "false", loaded));
  return boost::json::serialize(rows);
}

std::string problems_text(const Loaded& loaded) {
  std::string out;
  for (const Problem& problem : loaded.problems)
    out.append(problem.place).append(": ").append(problem.text).append("\n");
  return out;
}

std::string reference_markdown() {
  const Settings standard;
  std::string out = "| setting | environment | default | meaning |\n|---|---|---|---|\n";
  for (const Setting& setting : settings_table()) {
    out.append("| ").append(setting.name).append(" | ").append(environment_of(setting));
    out.append(" | ")
        .append(shown(setting, standard))
        .append(" | ")
        .append(setting.doc)
        .append(" |\n");
  }
  return out;
}

}  // namespace watchword::config
