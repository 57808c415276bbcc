#include "tests/simulation/reading.h"

#include <algorithm>
#include <cstdio>

namespace watchword::simulation {

namespace json = boost::json;

json::object parsed(std::string_view body) {
  boost::system::error_code error;
  const auto value = json::parse(body, error);
  return !error && value.is_object() ? value.as_object() : json::object{};
}

std::string text(const json::object& in, std::string_view name) {
  const auto* value = in.if_contains(name);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::optional<int64_t> number(const json::object& in, std::string_view name) {
  const auto* value = in.if_contains(name);
  return value && value->is_int64() ? std::optional(value->as_int64()) : std::nullopt;
}

std::vector<std::string> texts(const json::object& in, std::string_view name) {
  std::vector<std::string> all;
  if (const auto* value = in.if_contains(name); value && value->is_array())
    for (const auto& each : value->as_array())
      if (each.is_string()) all.emplace_back(each.as_string());
  std::ranges::sort(all);
  return all;
}

json::array list(const std::vector<std::string>& all) { return json::array(all.begin(), all.end()); }

std::string form_value(const std::string& form, const std::string& name) {
  const size_t at = ("&" + form).find("&" + name + "=");
  if (at == std::string::npos) return {};
  std::string value;
  for (size_t i = at + name.size() + 1; i < form.size() && form[i] != '&'; ++i) {
    const bool coded = form[i] == '%' && i + 2 < form.size();
    value += coded ? static_cast<char>(std::stoi(form.substr(i + 1, 2), nullptr, 16)) : form[i];
    i += coded ? 2 : 0;
  }
  return value;
}

std::string percent_encoded(std::string_view raw) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : raw) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

int64_t time_ms(const std::string& rfc3339) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  const char* format = "%d-%d-%dT%d:%d:%lf";
  if (std::sscanf(rfc3339.c_str(), format, &year, &month, &day, &hour, &minute, &second) != 6) return -1;
  year -= month <= 2;
  const int64_t era = year / 400, of_era = year - era * 400, of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
  const int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
  return ((days * 24 + hour) * 60 + minute) * 60'000 + static_cast<int64_t>(second * 1000 + 0.5);
}

std::string rfc3339(int64_t ms) {
  const int64_t days = ms / 86'400'000, in_day = ms % 86'400'000, shifted = days + 719468, era = shifted / 146097;
  const int64_t of_era = shifted - era * 146097;
  const int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month0 = (5 * of_year + 2) / 153, month = month0 < 10 ? month0 + 3 : month0 - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2);
  char out[64];
  std::snprintf(out, sizeof out, "%04lld-%02lld-%02lldT%02lld:%02lld:%02lld.%03lldZ", static_cast<long long>(year),
                static_cast<long long>(month), static_cast<long long>(of_year - (153 * month0 + 2) / 5 + 1),
                static_cast<long long>(in_day / 3'600'000), static_cast<long long>(in_day / 60'000 % 60),
                static_cast<long long>(in_day / 1000 % 60), static_cast<long long>(in_day % 1000));
  return out;
}

std::optional<bool> within(const std::string& address, const std::string& network) {
  unsigned a[4], n[4], bits = 32;
  const char* format = "%u.%u.%u.%u/%u";
  if (std::sscanf(address.c_str(), format, a, a + 1, a + 2, a + 3, &bits) != 4) return std::nullopt;
  if (std::sscanf(network.c_str(), format, n, n + 1, n + 2, n + 3, &bits) < 4) return std::nullopt;
  uint64_t difference = 0;
  for (int i = 0; i < 4; ++i) difference = difference << 8 | (a[i] ^ n[i]);
  return difference >> (32 - bits) == 0;
}

}  // namespace watchword::simulation
