// Readers that wait for their next use: making one takes a connection and three threads.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "stores/journal/kafka/reader.h"

namespace watchword::journal::kafka {

// Thread-safe.
class ReaderShelf {
 public:
  explicit ReaderShelf(const KafkaOptions& options) : options_(options) {}
  Result<std::unique_ptr<Reader>> take(Purpose purpose);
  // Keeps one for each purpose. One that has failed is better dropped.
  void put(std::unique_ptr<Reader> reader);

 private:
  const KafkaOptions& options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Reader>> idle_;
};

}  // namespace watchword::journal::kafka
