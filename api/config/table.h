// The table of settings: loading, `config show`, `config check` and the documentation all walk it.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/config/settings.h"

namespace watchword::config {

// Where a value lives; its type says how it is written: true, 5, 0.7, "text", ["a", "b"], [1, 7].
using Access = std::variant<bool& (*)(Settings&), int64_t& (*)(Settings&), double& (*)(Settings&),
                            std::string& (*)(Settings&), std::vector<std::string>& (*)(Settings&),
                            std::vector<int64_t>& (*)(Settings&)>;
using Value = std::variant<bool, int64_t, double, std::string, std::vector<std::string>,
                           std::vector<int64_t>>;

struct Setting {
  std::string_view name;  // its TOML path: "security.auto_suspend_critical"
  std::string_view
      environment;  // the name that callers already set; empty: environment_of() derives one
  Access access;
  double low = 0, high = 0;  // inclusive range of a number, and of each number of a list
  std::string_view doc;
  int64_t environment_scale =
      1;                // ACCESS_TOKEN_EXPIRE_MINUTES counts minutes where TOML counts seconds: 60
  bool secret = false;  // never shown
  std::string (*problem)(const Value&) = nullptr;  // what is wrong with a value; empty: nothing
};

// In the order in which they are shown.
std::span<const Setting> settings_table();
// nullptr: no such setting.
const Setting* find_setting(std::string_view name);
// "security.key_file" → WATCHWORD_SECURITY_KEY_FILE, unless callers know it by an older name.
std::string environment_of(const Setting& setting);

Value read_value(const Setting& setting, const Settings& settings);
// Errors: invalid "config.value.type", "config.value.range", "config.value.rejected". `settings` is
// unchanged then.
Result<> write_value(const Setting& setting, Value value, Settings& settings);
// From an environment variable or a flag: lists are joined by commas, truth is true/false, yes/no,
// on/off, 1/0. `scale` multiplies integers. Errors: invalid "config.value.unreadable" and those of
// write_value.
Result<> write_text(const Setting& setting, std::string_view text, int64_t scale,
                    Settings& settings);

// As TOML writes it. Secrets are "********" unless empty.
std::string shown(const Setting& setting, const Settings& settings);
std::string_view type_name(const Setting& setting);

// The known name that was probably meant; empty if none is near.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);

}  // namespace watchword::config
