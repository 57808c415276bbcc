#include "tests/support/secret_scan.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/node.h"

namespace watchword::testing {
namespace {

constexpr std::string_view kLower = "0123456789abcdef", kUpper = "0123456789ABCDEF";
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

std::string hex(std::string_view bytes, std::string_view digits, std::string_view before = {}) {
  std::string out;
  for (const unsigned char byte : bytes) out.append(before).append({digits[byte >> 4], digits[byte & 15]});
  return out;
}

// Of what stands `skipped` bytes into a group of three: only the characters that it alone decides.
std::string base64(std::string_view bytes, size_t skipped, std::string_view last_two) {
  const std::string alphabet = std::string(kLetters).append(last_two);
  std::string padded(skipped, '\0');
  padded.append(bytes);
  std::string out;
  for (size_t bit = 0; bit + 6 <= padded.size() * 8; bit += 6) {
    const auto at = [&](size_t i) {
      return i < padded.size() ? static_cast<unsigned char>(padded[i]) : 0u;
    };
    const unsigned two = at(bit / 8) << 8 | at(bit / 8 + 1);
    out += alphabet[two >> (10 - bit % 8) & 63];
  }
  return out.substr((skipped * 8 + 5) / 6);
}

std::string url_encoded(std::string_view bytes, std::string_view digits) {
  std::string out;
  for (const char c : bytes) {
    const bool plain = kLetters.find(c) != kLetters.npos || std::strchr("-._~", c) != nullptr;
    out += plain && c != '\0' ? std::string(1, c) : hex({&c, 1}, digits, "%");
  }
  return out;
}

bool may_hold(const std::vector<SecretScan::Home>& homes, const std::string& path, const std::string& name) {
  return std::ranges::any_of(
      homes, [&](const auto& each) { return each.name == name && path.ends_with(each.home); });
}

}  // namespace

std::string text_of(const std::vector<Sighting>& sightings) {
  std::string out;
  for (const auto& each : sightings) out += each.secret + " (" + each.form + ") in " + each.where + "\n";
  return out;
}

std::vector<std::pair<std::string, std::string>> forms_of(std::string_view secret) {
  std::vector<std::pair<std::string, std::string>> forms{
      {"raw", std::string(secret)},
      {"hex", hex(secret, kLower)},
      {"HEX", hex(secret, kUpper)},
      {"URL", url_encoded(secret, kUpper)},
      {"url", url_encoded(secret, kLower)},
      {"URL, every byte", hex(secret, kUpper, "%")},
      {"url, every byte", hex(secret, kLower, "%")}};
  for (size_t skipped = 0; skipped < 3; ++skipped) {
    forms.emplace_back("base64", base64(secret, skipped, "+/"));
    forms.emplace_back("base64url", base64(secret, skipped, "-_"));
  }
  std::ranges::stable_sort(forms, {}, [](const auto& form) { return form.second; });
  const auto same = std::ranges::unique(forms, {}, [](const auto& form) { return form.second; });
  forms.erase(same.begin(), same.end());
  return forms;
}

void SecretScan::add(std::string name, std::string_view secret) {
  if (secret.size() < 8) throw std::invalid_argument(name + " is too short to look for");
  for (auto& [form, bytes] : forms_of(secret)) needles_.push_back({name, form, std::move(bytes)});
}

std::vector<Sighting> SecretScan::in(std::string_view bytes, const std::string& source,
                                     bool raw_only) const {
  std::vector<Sighting> found;
  for (const auto& needle : needles_) {
    if (raw_only && needle.form != "raw") continue;
    const void* at = memmem(bytes.data(), bytes.size(), needle.bytes.data(), needle.bytes.size());
    if (at == nullptr) continue;
    const auto offset = static_cast<const char*>(at) - bytes.data();
    found.push_back({needle.name, needle.form, source + " at byte " + std::to_string(offset)});
  }
  return found;
}

std::vector<Sighting> SecretScan::in_folder(const std::string& folder,
                                            const std::vector<Home>& homes) const {
  std::vector<Sighting> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path();
    std::string bytes = read_whole_file(path);
    bytes.erase(bytes.find_last_not_of('\0') + 1);  // segments are written ahead as zeros
    for (auto& each : in(bytes, path))
      if (!may_hold(homes, path, each.secret)) found.push_back(std::move(each));
  }
  return found;
}

std::vector<Sighting> SecretScan::in_memory(pid_t process) const {
  const std::string root = "/proc/" + std::to_string(process);
  std::istringstream maps(read_whole_file(root + "/maps"));
  std::ifstream memory(root + "/mem", std::ios::binary);
  std::vector<Sighting> found;
  for (std::string line; std::getline(maps, line);) {
    size_t begin = 0, end = 0;
    char rights[5] = {};
    if (std::sscanf(line.c_str(), "%zx-%zx %4s", &begin, &end, rights) != 3 || rights[1] != 'w') continue;
    std::string bytes(end - begin, '\0');
    memory.clear();
    memory.seekg(static_cast<std::streamoff>(begin));
    memory.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    for (auto& each : in(bytes, line, true)) found.push_back(std::move(each));
  }
  return found;
}

}  // namespace watchword::testing
