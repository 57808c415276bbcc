// One file of a disk that can lose power: what is read, and what would be left.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>

namespace watchword::journal {

// What became of a sector that was not synced when the power went. torn_*: its first bytes are
// new, the rest is what was there, zero, or anything.
enum class Fate : uint8_t { lost, reached, torn_old, torn_zero, torn_garbage, garbage };

// Shared until somebody changes it.
class SharedContent {
 public:
  const std::string& operator*() const { return *bytes_; }
  const std::string* operator->() const { return bytes_.get(); }
  std::string& edit() {
    if (bytes_.use_count() > 1) bytes_ = std::make_shared<std::string>(*bytes_);
    return *bytes_;
  }

 private:
  std::shared_ptr<std::string> bytes_ = std::make_shared<std::string>();
};

struct FaultyFile {
  static constexpr size_t kSector = 512;  // what a disk writes whole or not at all

  SharedContent now, durable;
  std::set<uint64_t> dirty;

  void mark(uint64_t offset, size_t bytes) {
    for (uint64_t sector = offset / kSector; sector * kSector < offset + bytes; ++sector)
      dirty.insert(sector);
  }
  void keep(uint64_t sector) {
    const size_t at = sector * kSector;
    const size_t bytes = std::min(kSector, now->size() - at);
    std::string& kept = durable.edit();
    if (kept.size() < at + bytes) kept.resize(at + bytes);
    std::memcpy(kept.data() + at, now->data() + at, bytes);
  }
  bool differs(uint64_t sector) const {
    const size_t at = sector * kSector;
    const std::string_view is = std::string_view(*now).substr(at, kSector);
    if (durable->size() < at + is.size()) return is.find_first_not_of('\0') != is.npos;
    return std::string_view(*durable).substr(at, is.size()) != is;
  }
  void meet(Fate fate, uint64_t sector, std::mt19937_64& random) {
    if (fate == Fate::lost) return;
    const size_t at = sector * kSector;
    std::string before = durable->size() > at ? durable->substr(at, kSector) : "";
    before.resize(kSector);
    keep(sector);
    if (fate == Fate::reached) return;
    const size_t whole = fate == Fate::garbage ? 0 : 1 + random() % (kSector - 1);
    std::string& kept = durable.edit();
    for (size_t i = whole; i < kSector && at + i < kept.size(); ++i)
      kept[at + i] = fate == Fate::torn_old    ? before[i]
                     : fate == Fate::torn_zero ? '\0'
                                               : static_cast<char>(random());
  }
  void settle() {
    now = durable;
    dirty.clear();
  }
};

// A change of a name. `from` empty: made; `to` empty: removed.
struct FaultyName {
  std::string from, to;
  std::shared_ptr<FaultyFile> node;
  void apply(std::map<std::string, std::shared_ptr<FaultyFile>>& names) const {
    if (!from.empty()) names.erase(from);
    if (!to.empty()) names[to] = node;
  }
};

}  // namespace watchword::journal
