#include "stores/journal/kafka/shelf.h"

#include <algorithm>

namespace watchword::journal::kafka {

Result<std::unique_ptr<Reader>> ReaderShelf::take(Purpose purpose) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& reader) {
      return reader->purpose() == purpose;
    });
    if (found != idle_.end()) {
      auto reader = std::move(*found);
      idle_.erase(found);
      return reader;
    }
  }
  return Reader::make(options_, purpose);
}

void ReaderShelf::put(std::unique_ptr<Reader> reader) {
  reader->stop();
  const std::lock_guard lock(mutex_);
  const bool has_one = std::any_of(idle_.begin(), idle_.end(), [&](const auto& other) {
    return other->purpose() == reader->purpose();
  });
  if (!has_one) idle_.push_back(std::move(reader));
}

}  // namespace watchword::journal::kafka
