// A file system in memory that can be full, fail, write short, be interrupted and lose power.
#pragma once
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "stores/journal/disk.h"
#include "tests/support/fault_content.h"

namespace watchword::journal {

// What was written and not synced is kept apart by sector of 512 bytes; a name made or changed is
// lost with the power until its directory is synced. Thread-safe. Files that are open share the
// state, as with a real one. A clone costs nothing until one of the two is written to.
class FaultDisk final : public Disk {
 public:
  enum class Operation : uint8_t { write, sync, allocate, create, rename, remove, sync_directory };

  // A loss of power: which of unsynced() reached the disk, in its order (those left out are lost),
  // how many of the names changed, the earliest first, and whether files have their new length.
  struct Loss {
    std::vector<Fate> sectors;
    size_t names = 0;
    bool lengths = false;
    uint64_t seed = 0;  // of torn sectors and garbage
  };
  struct Sector {
    std::string path;
    uint64_t number = 0;
  };

  // What each call does instead, if it answers below 0 (-errno). Set before use or under no load;
  // called under the lock.
  struct Faults {
    std::function<int(const std::string&path)> read, write, sync, allocate, open;
    // Before each operation, while nothing of it is done.
    std::function<void(Operation, const std::string& path)> before;
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
    for (const NameChange& change : unsynced_names_)
      copy->unsynced_names_.push_back({change.from, change.to, twin(change.node)});
    return copy;
  }

  // Of what is not synced only the sectors stay for which `reached` answers true.
  void lose_power(const std::function<bool(const std::string& path, uint64_t sector)>& reached) {
    const std::lock_guard lock(mutex_);
    names_ = durable_names_;
    unsynced_names_.clear();
    for (auto& [path, node] : names_) {
      for (uint64_t sector : node->dirty)
        if (reached(path, sector)) node->keep(sector);
      node->settle();
    }
  }
  void lose_power(const Loss& loss) {
    const std::lock_guard lock(mutex_);
    const auto sectors = unsynced_unlocked();
    const auto nodes = nodes_unlocked();
    std::mt19937_64 random(loss.seed);
    for (size_t i = 0; i < std::min(sectors.size(), loss.sectors.size()); ++i)
      nodes.at(sectors[i].path)->meet(loss.sectors[i], sectors[i].number, random);
    for (size_t i = 0; i < std::min(loss.names, unsynced_names_.size()); ++i)
      unsynced_names_[i].apply(durable_names_);
    unsynced_names_.clear();
    names_ = durable_names_;
    for (auto& [path, node] : names_) {
      const size_t bytes = node->now->size();
      if (loss.lengths && node->durable->size() < bytes) node->durable.edit().resize(bytes);
      node->settle();
    }
  }
  // Sectors whose durable content is another one than what is read, by file. Zeros where there was
  // no file yet are not among them.
  std::vector<Sector> unsynced() const {
    const std::lock_guard lock(mutex_);
    return unsynced_unlocked();
  }
  size_t unsynced_names() const {
    const std::lock_guard lock(mutex_);
    return unsynced_names_.size();
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
    return *names_.at(path)->now;
  }
  void change(const std::string& path, const std::function<void(std::string& content)>& change) {
    const std::lock_guard lock(mutex_);
    change(names_.at(path)->now.edit());
    names_.at(path)->durable = names_.at(path)->now;
  }

  int open(const std::string& path, Access access, std::unique_ptr<File>& file) override {
    const std::lock_guard lock(mutex_);
    if (int fault = faults_.open ? faults_.open(path) : 0; fault < 0) return fault;
    if (access == Access::create) {
      before(Operation::create, path);
      change_name({"", path, std::make_shared<Node>()});
    }
    const auto found = names_.find(path);
    if (found == names_.end()) return -ENOENT;
    file = std::make_unique<Handle>(*this, found->second);
    return 0;
  }
  int list(const std::string& directory, std::vector<Listed>& files) override {
    const std::lock_guard lock(mutex_);
    for (const auto& [path, node] : names_)
      if (is_in(path, directory))
        files.push_back({path.substr(directory.size() + 1), node->now->size()});
    return 0;
  }
  int make_directory(const std::string&) override { return 0; }
  int rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(from);
    if (found == names_.end()) return -ENOENT;
    before(Operation::rename, to);
    change_name({from, to, found->second});
    return 0;
  }
  int remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    if (found == names_.end()) return -ENOENT;
    before(Operation::remove, path);
    change_name({path, "", found->second});
    return 0;
  }
  int sync_directory(const std::string& directory) override {
    const std::lock_guard lock(mutex_);
    before(Operation::sync_directory, directory);
    std::erase_if(unsynced_names_, [&](const NameChange& change) {
      return is_in(change.to.empty() ? change.from : change.to, directory);
    });
    std::erase_if(durable_names_, [&](const auto& entry) { return is_in(entry.first, directory); });
    for (const auto& [path, node] : names_)
      if (is_in(path, directory)) durable_names_[path] = node;
    return 0;
  }

 private:
  using Node = FaultyFile;
  using NameChange = FaultyName;

  class Handle final : public File {
   public:
    Handle(FaultDisk& disk, std::shared_ptr<Node> node) : disk_(disk), node_(std::move(node)) {}

    ssize_t pread(void* into, size_t bytes, uint64_t offset) override {
      const std::lock_guard lock(disk_.mutex_);
      if (int fault = disk_.faults_.read ? disk_.faults_.read(disk_.name_of(*node_)) : 0; fault < 0)
        return fault;
      if (offset >= node_->now->size()) return 0;
      const size_t done = std::min<size_t>(bytes, node_->now->size() - offset);
      std::memcpy(into, node_->now->data() + offset, done);
      return static_cast<ssize_t>(done);
    }
    ssize_t pwrite(const void* from, size_t bytes, uint64_t offset) override {
      const std::lock_guard lock(disk_.mutex_);
      if (disk_.interrupts()) return -EINTR;
      disk_.before(Operation::write, *node_);
      if (int fault = disk_.faults_.write ? disk_.faults_.write(disk_.name_of(*node_)) : 0;
          fault < 0)
        return fault;
      const size_t done = std::min(bytes, disk_.faults_.write_at_most);
      if (int grown = disk_.grow(*node_, offset + done); grown < 0) return grown;
      std::memcpy(node_->now.edit().data() + offset, from, done);
      node_->mark(offset, done);
      return static_cast<ssize_t>(done);
    }
    int fdatasync() override {
      const std::lock_guard lock(disk_.mutex_);
      if (disk_.interrupts()) return -EINTR;
      disk_.before(Operation::sync, *node_);
      if (int fault = disk_.faults_.sync ? disk_.faults_.sync(disk_.name_of(*node_)) : 0; fault < 0)
        return fault;
      node_->durable = node_->now;
      node_->dirty.clear();
      return 0;
    }
    int allocate(uint64_t bytes) override {
      const std::lock_guard lock(disk_.mutex_);
      disk_.before(Operation::allocate, *node_);
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
  void before(Operation operation, const std::string& path) const {
    if (faults_.before) faults_.before(operation, path);
  }
  void before(Operation operation, const Node& node) const {
    if (faults_.before) faults_.before(operation, name_of(node));
  }
  void change_name(NameChange change) {
    change.apply(names_);
    unsynced_names_.push_back(std::move(change));
  }
  // By a name each, the present one if there is one.
  std::map<std::string, std::shared_ptr<Node>> nodes_unlocked() const {
    auto nodes = names_;
    for (const auto& [path, node] : durable_names_)
      if (name_of(*node).empty()) nodes["lost " + path] = node;
    return nodes;
  }
  std::vector<Sector> unsynced_unlocked() const {
    std::vector<Sector> sectors;
    for (const auto& [path, node] : nodes_unlocked())
      for (const uint64_t sector : node->dirty)
        if (node->differs(sector)) sectors.push_back({path, sector});
    return sectors;
  }
  bool interrupts() {
    return faults_.interrupt_every > 0 && ++calls_ % faults_.interrupt_every == 0;
  }
  int grow(Node& node, uint64_t bytes) {
    if (bytes <= node.now->size()) return 0;
    uint64_t used = bytes - node.now->size();
    for (const auto& [path, other] : names_) used += other->now->size();
    if (used > faults_.capacity_bytes) return -ENOSPC;
    node.now.edit().resize(bytes);
    return 0;
  }

  mutable std::mutex mutex_;
  Faults faults_;
  int calls_ = 0;
  std::map<std::string, std::shared_ptr<Node>> names_, durable_names_;
  std::vector<NameChange> unsynced_names_;
};

}  // namespace watchword::journal
