#include "stores/keys/vault_load.h"

#include <algorithm>
#include <vector>

namespace watchword::keys {
namespace {

constexpr size_t kRecordsAtOnce = 8192;

struct Damage {
  uint64_t number;
  Reading reading;
};

class Loader {
 public:
  explicit Loader(File& file) : file_(file) {}

  Result<Loaded> run() {
    if (auto scanned = scan(); !scanned) return scanned.error();
    if (auto cut = cut_torn_tail(); !cut) return cut.error();
    if (auto blanked = blank_erased(); !blanked) return blanked.error();
    if (auto synced = file_.sync(); !synced) return synced.error();
    return std::move(loaded_);
  }

 private:
  Error corrupt(uint64_t number, const std::string& what) const {
    return {Errc::corrupt, "vault.record",
            file_.path().string() + ": record " + std::to_string(number) + " at byte " +
                std::to_string(offset_of(number)) + " " + what};
  }

  Result<> scan() {
    const auto size = file_.size();
    if (!size) return size.error();
    std::string chunk;
    for (uint64_t at = kPieceBytes; at < *size; at += chunk.size()) {
      chunk.resize(std::min<uint64_t>(*size - at, kRecordsAtOnce * kPieceBytes));
      if (auto read = file_.read_at(at, chunk.data(), chunk.size()); !read) return read;
      if (auto taken = take_all(chunk); !taken) return taken;
    }
    return {};
  }

  Result<> take_all(std::string_view chunk) {
    for (; !chunk.empty(); chunk.remove_prefix(std::min(chunk.size(), kPieceBytes))) {
      const uint64_t number = loaded_.records++;
      Record record;
      const Reading reading = read_record(chunk.substr(0, kPieceBytes), number, record);
      if (reading != Reading::whole) {
        damage_.push_back({number, reading});
        continue;
      }
      synced_ = std::max(synced_, record.synced);
      if (auto taken = take(record); !taken) return taken;
    }
    return {};
  }

  Result<> take(const Record& record) {
    switch (record.kind) {
      case Kind::key:
        if (loaded_.keys.try_emplace(record.principal, HeldKey{record.number, record.key}).second)
          return {};
        return corrupt(record.number, "gives a principal a second key");
      case Kind::erase:
        return take_erase(record);
      case Kind::blank:
        return {};
    }
    return corrupt(record.number, "is of no known kind");
  }

  Result<> take_erase(const Record& record) {
    if (record.target >= record.number) return corrupt(record.number, "erases what is not there");
    loaded_.erased.insert(record.principal);
    const auto held = loaded_.keys.find(record.principal);
    const bool stands = held != loaded_.keys.end() && held->second.number == record.target;
    if (stands) loaded_.keys.erase(held);
    if (stands || forgive(record.target)) to_blank_.push_back(record.target);
    return {};
  }

  // A crash while an erased key was being overwritten may leave anything in its place.
  bool forgive(uint64_t target) {
    return std::erase_if(damage_, [&](const Damage& damage) { return damage.number == target; }) > 0;
  }

  Result<> cut_torn_tail() {
    if (damage_.empty()) return {};
    for (const Damage& damage : damage_) {
      if (damage.number < synced_) return corrupt(damage.number, "is damaged, and it was durable");
      if (damage.reading != Reading::torn) return corrupt(damage.number, "is damaged");
    }
    const uint64_t first = damage_.front().number;
    boost::unordered::erase_if(loaded_.keys,
                               [&](const auto& key) { return key.second.number >= first; });
    loaded_.records = first;
    return file_.truncate(offset_of(first));
  }

  Result<> blank_erased() {
    for (const uint64_t number : to_blank_) {
      const std::string blank = record_bytes({.kind = Kind::blank, .number = number});
      if (auto written = file_.write_at(offset_of(number), blank); !written) return written;
    }
    return {};
  }

  File& file_;
  Loaded loaded_;
  uint64_t synced_ = 0;
  std::vector<Damage> damage_;
  std::vector<uint64_t> to_blank_;
};

}  // namespace

Result<Loaded> load_vault(File& file, const crypto::Key256& wrap) {
  std::string header(kPieceBytes, '\0');
  if (auto read = file.read_at(0, header.data(), header.size()); !read) return read.error();
  if (auto checked = check_header(header, wrap); !checked) {
    Error error = checked.error();
    error.detail = file.path().string() + ": " + error.detail;
    return error;
  }
  return Loader(file).run();
}

}  // namespace watchword::keys
