// A file system in memory that can be full, fail, write short, be interrupted and lose power.
#pragma once
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "stores/journal/disk.h"

namespace watchword::journal {

// What was written and not synced is kept apart by sector of 512 bytes; a name made or changed is
// lost with the power until its directory is synced. Thread-safe. Files that are open share the
// state, as with a real one.
class FaultDisk final : public Disk {
 public:
  // What each call does instead, if it answers below 0 (-errno). Set before use or under no load;
  // called under the lock.
  struct Faults {
    std::function<int(const std::string&path)> write, sync, allocate, open;
    size_t write_at_most = SIZE_MAX;  // bytes per call
    int interrupt_every = 0;          // each n-th write or sync answers -EINTR first
    uint64_t capacity_bytes = UINT64_MAX;
  };

  void set(const std::function<void(Faults&)>& change) {
    const std::lock_guard lock(mutex_);
    change(faults_);
  }

  // Everything as it stands now, what is not synced included.
  std::unique_ptr<FaultDisk> clone() const {
    const std::lock_guard lock(mutex_);
    return clone_unlocked();
  }
  // From within a fault.
  std::unique_ptr<FaultDisk> clone_unlocked() const {
    auto copy = std::make_unique<FaultDisk>();
    std::map<Node*, std::shared_ptr<Node>> copies;
    const auto twin = [&](const std::shared_ptr<Node>& node) {
      auto& made = copies[node.get()];
      if (!made) made = std::make_shared<Node>(*node);
      return made;
    };
    for (const auto& [path, node] : names_) copy->names_[path] = twin(node);
    for (const auto& [path, node] : durable_names_) copy->durable_names_[path] = twin(node);
    return copy;
  }

  // Of what is not synced only the sectors stay for which `reached` answers true.
  void lose_power(const std::function<bool(const std::string& path, uint64_t sector)>& reached) {
    const std::lock_guard lock(mutex_);
    names_ = durable_names_;
    for (auto& [path, node] : names_) {
      for (uint64_t sector : node->dirty)
        if (reached(path, sector)) node->keep(sector);
      node->now = node->durable;
      node->dirty.clear();
    }
  }
  // Sectors that are not synced.
  std::vector<uint64_t> dirty(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto& sectors = names_.at(path)->dirty;
    return {sectors.begin(), sectors.end()};
  }

  std::vector<std::string> paths() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (const auto& [path, node] : names_) paths.push_back(path);
    return paths;
  }
  std::string content(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    return names_.at(path)->now;
  }
  void change(const std::string& path, const std::function<void(std::string& content)>& change) {
    const std::lock_guard lock(mutex_);
    change(names_.at(path)->now);
    names_.at(path)->durable = names_.at(path)->now;
  }

  int open(const std::string& path, Access access, std::unique_ptr<File>& file) override {
    const std::lock_guard lock(mutex_);
    if (int fault = faults_.open ? faults_.open(path) : 0; fault < 0) return fault;
    if (access == Access::create) names_[path] = std::make_shared<Node>();
    const auto found = names_.find(path);
    if (found == names_.end()) return -ENOENT;
    file = std::make_unique<Handle>(*this, found->second);
    return 0;
  }
  int list(const std::string& directory, std::vector<Listed>& files) override {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, node] : names_)
      if (is_in(path, directory))
        files.push_back({path.substr(directory.size() + 1), node->now.size()});
    return 0;
  }
  int make_directory(const std::string&) override { return 0; }
  int rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(from);
    if (found == names_.end()) return -ENOENT;
    auto node = found->second;
    names_.erase(found);
    names_[to] = std::move(node);
    return 0;
  }
  int remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    return names_.erase(path) == 1 ? 0 : -ENOENT;
  }
  int sync_directory(const std::string& directory) override {
    const std::lock_guard lock(mutex_);
    std::erase_if(durable_names_, [&](const auto& entry) { return is_in(entry.first, directory); });
    for (const auto& [path, node] : names_)
      if (is_in(path, directory)) durable_names_[path] = node;
    return 0;
  }

 private:
  static constexpr size_t kSector = 512;

  struct Node {
    std::string now, durable;
    std::set<uint64_t> dirty;

    void mark(uint64_t offset, size_t bytes) {
      for (uint64_t sector = offset / kSector; sector * kSector < offset + bytes; ++sector)
        dirty.insert(sector);
    }
    void keep(uint64_t sector) {
      const size_t at = sector * kSector;
      const size_t bytes = std::min(kSector, now.size() - at);
      if (durable.size() < at + bytes) durable.resize(at + bytes);
      std::memcpy(durable.data() + at, now.data() + at, bytes);
    }
  };

  class Handle final : public File {
   public:
    Handle(FaultDisk& disk, std::shared_ptr<Node> node) : disk_(disk), node_(std::move(node)) {}

    ssize_t pread(void* into, size_t bytes, uint64_t offset) override {
      const std::lock_guard lock(disk_.mutex_);
      if (offset >= node_->now.size()) return 0;
      const size_t done = std::min<size_t>(bytes, node_->now.size() - offset);
      std::memcpy(into, node_->now.data() + offset, done);
      return static_cast<ssize_t>(done);
    }
    ssize_t pwrite(const void* from, size_t bytes, uint64_t offset) override {
      const std::lock_guard lock(disk_.mutex_);
      if (disk_.interrupts()) return -EINTR;
      if (int fault = disk_.faults_.write ? disk_.faults_.write(disk_.name_of(*node_)) : 0;
          fault < 0)
        return fault;
      const size_t done = std::min(bytes, disk_.faults_.write_at_most);
      if (int grown = disk_.grow(*node_, offset + done); grown < 0) return grown;
      std::memcpy(node_->now.data() + offset, from, done);
      node_->mark(offset, done);
      return static_cast<ssize_t>(done);
    }
    int fdatasync() override {
      const std::lock_guard lock(disk_.mutex_);
      if (disk_.interrupts()) return -EINTR;
      if (int fault = disk_.faults_.sync ? disk_.faults_.sync(disk_.name_of(*node_)) : 0; fault < 0)
        return fault;
      node_->durable.resize(node_->now.size());
      for (uint64_t sector : node_->dirty) node_->keep(sector);
      node_->dirty.clear();
      return 0;
    }
    int allocate(uint64_t bytes) override {
      const std::lock_guard lock(disk_.mutex_);
      if (int fault = disk_.faults_.allocate ? disk_.faults_.allocate(disk_.name_of(*node_)) : 0;
          fault < 0)
        return fault;
      return disk_.grow(*node_, bytes);
    }

   private:
    FaultDisk& disk_;
    const std::shared_ptr<Node> node_;
  };

  static bool is_in(const std::string& path, const std::string& directory) {
    return path.size() > directory.size() + 1 && path.starts_with(directory + "/") &&
           path.find('/', directory.size() + 1) == std::string::npos;
  }
  // The name that it has now, whatever it was opened by.
  std::string name_of(const Node& node) const {
    for (const auto& [path, other] : names_)
      if (other.get() == &node) return path;
    return "";
  }
  bool interrupts() {
    return faults_.interrupt_every > 0 && ++calls_ % faults_.interrupt_every == 0;
  }
  int grow(Node& node, uint64_t bytes) {
    if (bytes <= node.now.size()) return 0;
    uint64_t used = bytes - node.now.size();
    for (const auto& [path, other] : names_) used += other->now.size();
    if (used > faults_.capacity_bytes) return -ENOSPC;
    node.now.resize(bytes);
    return 0;
  }

  mutable std::mutex mutex_;
  Faults faults_;
  int calls_ = 0;
  std::map<std::string, std::shared_ptr<Node>> names_, durable_names_;
};

}  // namespace watchword::journal
