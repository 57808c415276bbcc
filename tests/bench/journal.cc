// The segment journal on this machine's disk: bytes per second and per CPU second, how long one
// small frame takes to be durable, verified reading, and the building of frames; each against the
// limit measured in the same run.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "stores/journal/frame.h"
#include "stores/journal/segment.h"

namespace watchword::journal {
namespace {

using Clock = std::chrono::steady_clock;

void print(const char* metric, double value, const char* unit) {
  std::printf("{\"bench\":\"journal\",\"metric\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", metric,
              value, unit);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_s() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

double percentile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "journal bench: %s failed\n", what);
  std::exit(1);
}

std::string frame_of(uint64_t seq, size_t bytes) {
  static const std::string observation(200, 'o');
  FrameBuilder builder;
  while (builder.bytes() + 230 < bytes) builder.add_judged(observation, 1, "");
  return builder.finish(0, 1, seq, 1'000);
}

// Lets at most `depth` frames be in flight, as a partition's task does.
class Window {
 public:
  explicit Window(int depth) : free_(depth) {}
  void enter() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return free_ > 0; });
    --free_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    ++free_;
    changed_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int free_;
};

uint64_t append_stream(Journal& journal, size_t frame_bytes, uint64_t total_bytes, int depth) {
  Window window(depth);
  const std::string pattern = frame_of(0, frame_bytes);
  uint64_t seq = journal.tail().seq;
  for (uint64_t sent = 0; sent < total_bytes; sent += pattern.size()) {
    window.enter();
    std::string frame = pattern;
    ++seq;
    std::memcpy(frame.data() + 20, &seq, sizeof seq);
    journal.append(std::move(frame), [&](Result<uint64_t> done) {
      must(done.ok(), "append");
      window.leave();
    });
  }
  for (int i = 0; i < depth; ++i) window.enter();
  return total_bytes;
}

double durable_us(Journal& journal) {
  std::vector<double> latencies;
  for (int i = 0; i < 1'000; ++i) {
    std::promise<void> durable;
    const auto start = Clock::now();
    journal.append(frame_of(journal.tail().seq + 1, 400), [&](Result<uint64_t> done) {
      must(done.ok(), "append");
      durable.set_value();
    });
    durable.get_future().wait();
    latencies.push_back(seconds_since(start) * 1e6);
  }
  print("durable_us_p99", percentile(latencies, 0.99), "us");
  return percentile(latencies, 0.5);
}

// The limit: the same bytes by bare calls, one write and one sync per 256 KiB, into a file that is
// filled already.
double bare_disk(const std::string& path, size_t bytes_a_sync, int times, double* sync_us_p50) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  const std::string zeros(bytes_a_sync, '\0'), data(bytes_a_sync, 'x');
  for (int i = 0; i < times; ++i)
    must(::pwrite(fd, zeros.data(), zeros.size(), static_cast<off_t>(i * zeros.size())) > 0,
         "write");
  ::fsync(fd);
  std::vector<double> latencies;
  const auto start = Clock::now();
  for (int i = 0; i < times; ++i) {
    const auto begun = Clock::now();
    must(::pwrite(fd, data.data(), data.size(), static_cast<off_t>(i * data.size())) > 0, "write");
    must(::fdatasync(fd) == 0, "sync");
    latencies.push_back(seconds_since(begun) * 1e6);
  }
  const double seconds = seconds_since(start);
  ::close(fd);
  ::unlink(path.c_str());
  *sync_us_p50 = percentile(latencies, 0.5);
  return static_cast<double>(bytes_a_sync) * times / seconds;
}

void measure_builder() {
  const std::string observation(200, 'o');
  FrameBuilder builder;
  uint64_t frames = 0;
  constexpr int kEntries = 3'000'000;
  const auto start = Clock::now();
  for (int i = 0; i < kEntries; ++i) {
    builder.add_judged(observation, 1, "");
    if (builder.bytes() > 60'000) frames += builder.finish(0, 1, 1, 1).size() > 0;
  }
  must(frames > 0, "building");
  print("builder_entries_per_s", kEntries / seconds_since(start), "1/s");
}

void measure_reading(const Journal& journal) {
  uint64_t bytes = 0, entries = 0;
  const auto start = Clock::now();
  const auto read = journal.read(1, [&](const Stored& stored) -> Result<> {
    bytes += stored.bytes.size();
    return FrameView::open(stored.bytes)
        ->each([](uint32_t, const v1::Event&) { return Result<>(); },
               [&](uint32_t, const Judged&) { return ++entries, Result<>(); });
  });
  must(read.ok(), "read");
  const double seconds = seconds_since(start);
  print("read_verified_mb_per_s", static_cast<double>(bytes) / seconds / 1e6, "MB/s");
  print("read_verified_entries_per_s", static_cast<double>(entries) / seconds, "1/s");
  const uint64_t last = journal.tail().seq;
  const auto begun = Clock::now();
  for (uint64_t i = 0; i < 1'000; ++i) must(journal.frame(1 + i * 7919 % last).ok(), "frame");
  print("frame_us", seconds_since(begun) * 1e3, "us");
}

void measure_appends(Journal& journal, double bare_bytes_per_s, double bare_sync_us) {
  constexpr uint64_t kTotal = 1'000'000'000;
  for (const size_t frame_bytes : {size_t{64 * 1024}, kMaxFrameBytes}) {
    const auto start = Clock::now();
    const double cpu = cpu_s();
    append_stream(journal, frame_bytes, kTotal, 4);
    const double rate = kTotal / seconds_since(start);
    const std::string name = "append_" + std::to_string(frame_bytes / 1024) + "k_";
    print((name + "mb_per_s").c_str(), rate / 1e6, "MB/s");
    print((name + "ratio_to_bare_disk").c_str(), rate / bare_bytes_per_s, "ratio");
    print((name + "cpu_s_per_gb").c_str(), (cpu_s() - cpu) / (kTotal / 1e9), "s/GB");
  }
  const double durable = durable_us(journal);
  print("durable_us_p50", durable, "us");
  print("durable_ratio_to_bare_sync", durable / bare_sync_us, "ratio");
}

int run() {
  const std::string directory = "build/bench-journal";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  double bare_sync_us = 0, unused = 0;
  bare_disk(directory + "/bare", 512, 1'000, &bare_sync_us);
  const double bare = bare_disk(directory + "/bare", kMaxFrameBytes, 1'000, &unused);
  print("bare_disk_mb_per_s", bare / 1e6, "MB/s");
  print("bare_sync_us_p50", bare_sync_us, "us");
  SegmentOptions options;
  options.directory = directory;
  {
    auto opened = open_segments(options);
    must(opened.ok() && (*opened)->claim("bench", {}, 1'000).ok(), "opening");
    measure_appends(**opened, bare, bare_sync_us);
    measure_reading(**opened);
  }
  const auto start = Clock::now();
  must(open_segments(options).ok(), "reopening");
  print("reopen_ms", seconds_since(start) * 1e3, "ms");
  std::filesystem::remove_all(directory);
  measure_builder();
  return 0;
}

}  // namespace
}  // namespace watchword::journal

int main() { return watchword::journal::run(); }
