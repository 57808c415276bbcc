#include "api/config/load.h"

#define TOML_HEADER_ONLY 0
#define TOML_SHARED_LIB 1
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>

#include "api/config/table.h"

namespace watchword::config {
namespace {

constexpr std::string_view kSignals = "detection.signals";

std::string dotted(std::string_view parent, std::string_view key) {
  return parent.empty() ? std::string(key) : std::string(parent).append(".").append(key);
}

bool is_table(std::string_view path) {
  const std::string prefix = std::string(path) + ".";
  return path == kSignals || std::ranges::any_of(settings_table(), [&](const Setting& row) {
           return row.name.starts_with(prefix);
         });
}

std::string with_hint(std::string text, std::string_view meant) {
  return meant.empty() ? text : text.append("; did you mean ").append(meant).append("?");
}

std::string_view meant_by(std::string_view path) {
  std::vector<std::string_view> names;
  for (const Setting& row : settings_table()) names.push_back(row.name);
  return nearest(path, names);
}

template <class T>
std::optional<Value> list_of(const toml::array& array) {
  std::vector<T> list;
  for (const toml::node& element : array) {
    const auto value = element.value_exact<T>();
    if (!value) return std::nullopt;
    list.push_back(*value);
  }
  return Value(std::move(list));
}

// nullopt: a date, or a list of mixed or other types.
std::optional<Value> value_of(const toml::node& node, const Setting& setting) {
  if (const auto* array = node.as_array()) {
    const bool texts =
        std::holds_alternative<std::vector<std::string>& (*)(Settings&)>(setting.access);
    return texts ? list_of<std::string>(*array) : list_of<int64_t>(*array);
  }
  if (const auto truth = node.value_exact<bool>()) return Value(*truth);
  if (const auto whole = node.value_exact<int64_t>()) return Value(*whole);
  if (const auto real = node.value_exact<double>()) return Value(*real);
  if (auto text = node.value_exact<std::string>()) return Value(std::move(*text));
  return std::nullopt;
}

class Loader {
 public:
  explicit Loader(const Sources& sources) : sources_(sources) {}

  Loaded run() && {
    if (!sources_.file.empty()) read_file();
    read_environment();
    read_flags();
    check_together();
    return std::move(loaded_);
  }

 private:
  std::string place(const toml::source_region& region) const {
    return sources_.file + ":" + std::to_string(region.begin.line) + ":" +
           std::to_string(region.begin.column);
  }

  void problem(std::string where, std::string text) {
    loaded_.problems.push_back({std::move(where), std::move(text)});
  }

  void read_file() {
    try {
      walk(toml::parse(sources_.toml, sources_.file), "");
    } catch (const toml::parse_error& error) {
      problem(place(error.source()), std::string(error.description()));
    }
  }

  void walk(const toml::table& table, std::string_view parent) {
    for (const auto& [key, node] : table) {
      const std::string path = dotted(parent, key.str());
      const std::string where = place(key.source());
      if (parent == kSignals)
        take_signal(path, key.str(), node, where);
      else if (node.is_table() && is_table(path))
        walk(*node.as_table(), path);
      else
        take(path, node, where);
    }
  }

  void take(const std::string& path, const toml::node& node, const std::string& where) {
    const Setting* setting = find_setting(path);
    if (!setting) return problem(where, with_hint(path + " is no setting", meant_by(path)));
    auto value = value_of(node, *setting);
    if (!value) return problem(where, path + " must be " + std::string(type_name(*setting)));
    note(path, write_value(*setting, std::move(*value), loaded_.settings), Layer::file, where);
  }

  void take_signal(const std::string& path, std::string_view name, const toml::node& node,
                   const std::string& where) {
    const auto on = node.value_exact<bool>();
    if (!on) return problem(where, path + " must be true or false");
    loaded_.settings.detection.signals[std::string(name)] = *on;
    loaded_.origins[path] = {Layer::file, where};
  }

  void note(const std::string& path, const Result<>& written, Layer layer, std::string where) {
    if (!written) return problem(std::move(where), path + " " + written.error().detail);
    loaded_.origins[path] = {layer, std::move(where)};
  }

  void read_environment() {
    for (const Setting& setting : settings_table()) {
      const std::string name = environment_of(setting);
      const auto found = sources_.environment.find(name);
      if (found == sources_.environment.end() || found->second.empty()) continue;
      note(std::string(setting.name),
           write_text(setting, found->second, setting.environment_scale, loaded_.settings),
           Layer::environment, "environment " + name);
    }
  }

  void read_flags() {
    for (const Flag& flag : sources_.flags) {
      const std::string where = "flag " + flag.given;
      const Setting* setting = find_setting(flag.name);
      if (!setting)
        problem(where, with_hint(flag.name + " is no setting", meant_by(flag.name)));
      else
        note(flag.name, write_text(*setting, flag.value, 1, loaded_.settings), Layer::flag, where);
    }
  }

  void together(std::string_view name, std::string_view text) {
    problem(loaded_.origin_of(name).place, std::string(name).append(" ").append(text));
  }

  // What no single value can be blamed for.
  void check_together() {
    const Settings& all = loaded_.settings;
    const bool certificate = !all.api.tls_certificate_file.empty(),
               key = !all.api.tls_key_file.empty();
    if (certificate && !key)
      together("api.tls_certificate_file", "needs api.tls_key_file beside it");
    if (key && !certificate)
      together("api.tls_key_file", "needs api.tls_certificate_file beside it");
    if (all.journal.partitions > all.journal.regions)
      together("journal.partitions", "must be at most journal.regions");
    const auto listen = parse_endpoint(all.api.listen);
    const bool open = listen && !listen->address.is_loopback();
    if (open && !certificate && !all.api.allow_insecure_http)
      together("api.listen",
               "would carry tokens in the open: set api.tls_certificate_file, or "
               "api.allow_insecure_http");
  }

  const Sources& sources_;
  Loaded loaded_;
};

}  // namespace

Origin Loaded::origin_of(std::string_view name) const {
  const auto found = origins.find(name);
  return found == origins.end() ? Origin{} : found->second;
}

Loaded load(const Sources& sources) { return Loader(sources).run(); }

Result<Sources> sources_of(const std::string& path, std::vector<Flag> flags) {
  Sources sources;
  sources.flags = std::move(flags);
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals != text.npos)
      sources.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  if (path.empty()) return sources;
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (!file || !(text << file.rdbuf()).good())
    return Error{Errc::io, "config.file.unreadable", path + " cannot be read, or is empty"};
  sources.file = path;
  sources.toml = text.str();
  return sources;
}

std::vector<Problem> check_signal_names(const Loaded& loaded,
                                        std::span<const std::string_view> known) {
  std::vector<Problem> problems;
  for (const auto& [name, on] : loaded.settings.detection.signals) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string path = dotted(kSignals, name);
    problems.push_back(
        {loaded.origin_of(path).place, with_hint(path + " is no signal", nearest(name, known))});
  }
  return problems;
}

}  // namespace watchword::config
