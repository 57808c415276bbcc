#include "replay/verify.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "processors/fold/fold.h"
#include "replay/part_verifier.h"

namespace watchword::replay {
namespace {

using Time = std::chrono::steady_clock;

double seconds_since(Time::time_point start) {
  return std::chrono::duration<double>(Time::now() - start).count();
}

// Sums what the threads do, and tells the caller now and then.
class Meter {
 public:
  explicit Meter(const VerifyOptions& options) : options_(options) {}

  void add_total(uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    sum_.total_bytes += bytes;
  }
  void add(uint64_t bytes, uint64_t events) {
    const std::lock_guard lock(mutex_);
    ++sum_.frames;
    sum_.bytes += bytes;
    sum_.events += events;
    sum_.seconds = seconds_since(start_);
    if (!options_.progress || sum_.seconds - told_s_ < 0.1) return;
    told_s_ = sum_.seconds;
    options_.progress(sum_);
  }
  Progress finish() {
    const std::lock_guard lock(mutex_);
    sum_.seconds = seconds_since(start_);
    if (options_.progress) options_.progress(sum_);
    return sum_;
  }

 private:
  const VerifyOptions& options_;
  const Time::time_point start_ = Time::now();
  std::mutex mutex_;
  Progress sum_;
  double told_s_ = 0;
};

// The partitions that there must be; if the control journal cannot tell, those that have a folder.
std::vector<uint32_t> numbers_of(const std::string& directory, Verified& out) {
  const auto count = partitions_of(directory);
  const auto folders = part_folders(directory);
  std::vector<uint32_t> numbers{kControl};
  if (!count) {
    numbers.insert(numbers.end(), folders.begin(), folders.end());
    out.findings.push_back({part_name(kControl), std::string(count.error().reason), count.error().detail});
    return numbers;
  }
  for (uint32_t number = 0; number < *count; ++number) numbers.push_back(number);
  for (const uint32_t number : folders)
    if (number >= *count)
      out.notes.push_back(part_name(number) + ": not a partition of this installation, not looked at");
  return numbers;
}

}  // namespace

Result<Verified> verify(const VerifyOptions& options) {
  const std::string& directory = options.directory;
  if (!std::filesystem::is_directory(directory + "/" + part_name(kControl)))
    return Error{Errc::not_found, "replay.no_folder",
                 directory + " holds no Watchword data: there is no control/ in it"};
  auto lock = FolderLock::try_take(directory);
  if (!lock) return lock.error();
  Verified out;
  Meter meter(options);
  std::vector<std::unique_ptr<PartVerifier>> parts;
  for (const uint32_t number : numbers_of(directory, out)) {
    parts.push_back(std::make_unique<PartVerifier>(
        directory, number, !lock->held(),
        [&meter](uint64_t bytes, uint64_t events) { meter.add(bytes, events); }));
    meter.add_total(parts.back()->open());
  }
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < parts.size(); i = next++) parts[i]->run();
  };
  std::vector<std::thread> helpers;
  for (uint32_t i = 1; i < std::min<size_t>(options.threads, parts.size()); ++i)
    helpers.emplace_back(work);
  work();
  for (auto& helper : helpers) helper.join();
  for (auto& part : parts) part->report(out);
  out.done = meter.finish();
  return out;
}

}  // namespace watchword::replay
