#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "api/import/reader.h"

namespace watchword::import {
namespace {

constexpr size_t kChunkBytes = 256 * 1024;

// The bytes of a file as they are, with what was looked at ahead of time given out first.
class Raw {
 public:
  explicit Raw(int file) : file_(file) {}
  Raw(const Raw&) = delete;
  ~Raw() {
    if (file_ > STDIN_FILENO) ::close(file_);
  }

  Result<size_t> read(char* out, size_t size) {
    if (!ahead_.empty()) {
      const size_t count = std::min(size, ahead_.size());
      std::memcpy(out, ahead_.data(), count);
      ahead_.erase(0, count);
      return count;
    }
    ssize_t count = 0;
    do count = ::read(file_, out, size);
    while (count < 0 && errno == EINTR);
    if (count < 0) return Error{Errc::io, "import.read", std::strerror(errno)};
    taken_ += static_cast<uint64_t>(count);
    return static_cast<size_t>(count);
  }

  // The first four bytes, fewer at the end; they stay to be read.
  Result<std::string> magic() {
    std::string first;
    while (first.size() < 4) {
      char bytes[4];
      const auto count = read(bytes, 4 - first.size());
      if (!count) return count.error();
      if (*count == 0) break;
      first.append(bytes, *count);
    }
    ahead_ = first;
    return first;
  }
  uint64_t taken() const { return taken_; }

 private:
  int file_;
  std::string ahead_;
  uint64_t taken_ = 0;
};

class PlainInput final : public Input {
 public:
  explicit PlainInput(std::unique_ptr<Raw> raw) : raw_(std::move(raw)) {}
  Result<size_t> read(char* out, size_t size) override { return raw_->read(out, size); }
  uint64_t bytes_taken() const override { return raw_->taken(); }

 private:
  std::unique_ptr<Raw> raw_;
};

class GzipInput final : public Input {
 public:
  explicit GzipInput(std::unique_ptr<Raw> raw) : raw_(std::move(raw)), chunk_(kChunkBytes) {
    WATCHWORD_CHECK(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK);
  }
  ~GzipInput() override { inflateEnd(&stream_); }

  Result<size_t> read(char* out, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        const auto count = raw_->read(chunk_.data(), chunk_.size());
        if (!count) return count.error();
        if (*count == 0) return inside_ ? broken("cut off") : Result<size_t>(0);
        stream_.next_in = reinterpret_cast<Bytef*>(chunk_.data());
        stream_.avail_in = static_cast<uInt>(*count);
      }
      if (const auto step = inflate_some(); !step) return step.error();
    }
    return size - stream_.avail_out;
  }
  uint64_t bytes_taken() const override { return raw_->taken(); }

 private:
  // Another member may follow the end of one.
  Result<> inflate_some() {
    inside_ = true;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      inside_ = false;
      inflateReset(&stream_);
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      return broken(stream_.msg ? stream_.msg : "not gzip").error();
    }
    return Nothing{};
  }
  Result<size_t> broken(const char* what) const {
    return Error{
        Errc::corrupt, "import.gzip",
        std::string("gzip: ") + what + " after " + std::to_string(raw_->taken()) + " bytes"};
  }

  std::unique_ptr<Raw> raw_;
  std::vector<char> chunk_;
  z_stream stream_{};
  bool inside_ = false;
};

class ZstdInput final : public Input {
 public:
  explicit ZstdInput(std::unique_ptr<Raw> raw)
      : raw_(std::move(raw)), chunk_(kChunkBytes), stream_(ZSTD_createDStream()) {
    WATCHWORD_CHECK(stream_ != nullptr);
  }
  ~ZstdInput() override { ZSTD_freeDStream(stream_); }

  Result<size_t> read(char* out, size_t size) override {
    ZSTD_outBuffer target{out, size, 0};
    while (target.pos == 0) {
      if (in_.pos == in_.size) {
        const auto count = raw_->read(chunk_.data(), chunk_.size());
        if (!count) return count.error();
        if (*count == 0) return inside_ ? broken("cut off") : Result<size_t>(0);
        in_ = {chunk_.data(), *count, 0};
      }
      const size_t left = ZSTD_decompressStream(stream_, &target, &in_);
      if (ZSTD_isError(left)) return broken(ZSTD_getErrorName(left));
      inside_ = left != 0;
    }
    return target.pos;
  }
  uint64_t bytes_taken() const override { return raw_->taken(); }

 private:
  Result<size_t> broken(const char* what) const {
    return Error{
        Errc::corrupt, "import.zstd",
        std::string("zstd: ") + what + " after " + std::to_string(raw_->taken()) + " bytes"};
  }

  std::unique_ptr<Raw> raw_;
  std::vector<char> chunk_;
  ZSTD_DStream* stream_;
  ZSTD_inBuffer in_{};
  bool inside_ = false;
};

}  // namespace

Result<std::unique_ptr<Input>> open_input(const std::string& path) {
  const int file = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Error{Errc::io, "import.open", path + ": " + std::strerror(errno)};
  auto raw = std::make_unique<Raw>(file);
  const auto magic = raw->magic();
  if (!magic) return Error{Errc::io, "import.open", path + ": " + magic.error().detail};
  if (magic->starts_with("\x1f\x8b"))
    return std::unique_ptr<Input>(std::make_unique<GzipInput>(std::move(raw)));
  if (*magic == "\x28\xb5\x2f\xfd")
    return std::unique_ptr<Input>(std::make_unique<ZstdInput>(std::move(raw)));
  return std::unique_ptr<Input>(std::make_unique<PlainInput>(std::move(raw)));
}

uint64_t size_of(const std::string& path) {
  struct stat status {};
  if (path == "-" || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return 0;
  return static_cast<uint64_t>(status.st_size);
}

}  // namespace watchword::import
